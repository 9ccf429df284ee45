use std::sync::Arc;

use super::{Performer, PerformerCount};
use crate::midi::{Event, EventKind};
use crate::route::Continuation;
use crate::transport::Time;
use crate::unit::{Frame, SampleRate};

/// Listens to what is cabled to it and answers, as its [`Continuation`] does. Real-time: yes, but for
/// the constructor.
pub struct Continuing {
    continuation: Continuation,
    now: Frame,
    time: Time,
    answers: u64,
    count: Arc<PerformerCount>,
}

impl Continuing {
    /// One that has heard nothing. Real-time: no (allocates).
    pub fn new(continuation: Continuation, rate: SampleRate, count: Arc<PerformerCount>) -> Continuing {
        Continuing { continuation, now: 0, time: Time::at_rest(rate), answers: 0, count }
    }
}

impl Performer for Continuing {
    fn follow(&mut self, now: Frame, _end: Frame, time: &Time) {
        (self.now, self.time) = (now, *time);
    }

    fn hear(&mut self, event: &Event) {
        match event.kind() {
            Some(EventKind::Midi(message)) => self.continuation.hear(event.time, message, &self.time),
            Some(EventKind::Reset) => self.continuation.release_all(event.time, &self.time),
            Some(EventKind::Sysex { .. } | EventKind::Parameter { .. }) | None => {}
        }
    }

    fn next(&mut self) -> Option<Frame> {
        self.continuation.next(self.now, &self.time)
    }

    fn take(&mut self, frame: Frame) -> Option<Event> {
        let message = self.continuation.take(frame, &self.time);
        let answers = self.continuation.count().answers();
        if answers != self.answers {
            self.answers = answers;
            self.count.count_segment(false);
        }
        Some(Event::midi(frame, 0, message?))
    }

    fn panic(&mut self, frame: Frame) {
        self.continuation.clear(frame, &self.time);
    }
}
