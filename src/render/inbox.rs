use super::performer::Performers;
use super::{Feed, Origin, SOURCES, Script};
use crate::midi::{Event, Message, SYSEX_CHUNK_BYTES};
use crate::render::TimeBase;
use crate::rt::clock::FrameClock;
use crate::unit::{Frame, HostTime};

/// Events taken in one quantum; what is more waits for the next.
pub(super) const EVENTS_PER_QUANTUM: usize = 512;

/// Where events come in, and when they are heard.
///
/// The events of all sources are merged by (frame, source, sequence), and a
/// quantum takes at most [`EVENTS_PER_QUANTUM`]: so neither the order nor what
/// is deferred depends on how the quantum is cut. Real-time: yes.
pub(super) struct Inbox {
    sources: Vec<Option<Box<Feed>>>,
    /// Places in use, in order: what has to be looked at.
    used: Vec<u16>,
    /// Some source only plays until somebody else does.
    has_yielding: bool,
    clock: FrameClock,
    /// Added to the frame of what is stamped in host time.
    latency_frames: Frame,
    taken: usize,
    /// The quantum before had its fill: what comes after its frame was deferred.
    was_full: bool,
    quantum: Frame,
    /// A log that is played again: then it alone says what comes.
    pub(super) script: Option<Box<Script>>,
    pub(super) late_events: u64,
    pub(super) deferred_events: u64,
    pub(super) live_strikes: u64,
}

impl Inbox {
    pub(super) fn new(clock: FrameClock, latency_frames: Frame) -> Inbox {
        Inbox {
            sources: (0..SOURCES).map(|_| None).collect(),
            used: Vec::with_capacity(SOURCES),
            has_yielding: false,
            clock,
            latency_frames,
            taken: 0,
            was_full: false,
            quantum: 0,
            script: None,
            late_events: 0,
            deferred_events: 0,
            live_strikes: 0,
        }
    }

    /// A callback began.
    pub(super) fn callback(&mut self, frame: Frame, entry: HostTime) {
        self.clock.callback(frame, entry);
    }

    /// How host time and frames go together.
    pub(super) fn clock(&self) -> &FrameClock {
        &self.clock
    }

    /// A quantum began: it may take its fill again.
    pub(super) fn quantum(&mut self, frame: Frame) {
        self.was_full = self.taken >= EVENTS_PER_QUANTUM;
        self.taken = 0;
        self.quantum = frame;
    }

    /// Exchanges what is in a place; the caller ends what it had started.
    pub(super) fn exchange(&mut self, place: u16, feed: &mut Option<Box<Feed>>) {
        if let Some(there) = self.sources.get_mut(usize::from(place)) {
            std::mem::swap(there, feed);
        }
        self.used.clear();
        self.has_yielding = false;
        for (index, source) in self.sources.iter().enumerate() {
            let Some(source) = source else { continue };
            self.used.push(index as u16);
            self.has_yielding |= matches!(&source.origin, Origin::Score(score) if score.yields());
        }
    }

    /// Ends one of the sources that only play until somebody else does, if somebody now does: where a live
    /// source strikes a note next.
    fn end_yielding(&mut self, place: u16) -> Option<u16> {
        if !self.has_yielding {
            return None;
        }
        let strikes = |origin: &Origin| match origin {
            Origin::Live(live) => live.events.peek().is_some_and(is_strike) && !live.health.is_overflowed(),
            Origin::Score(_) => false,
        };
        if !self.sources[usize::from(place)].as_ref().is_some_and(|source| strikes(&source.origin)) {
            return None;
        }
        for &place in &self.used {
            if let Some(source) = &mut self.sources[usize::from(place)]
                && let Origin::Score(score) = &mut source.origin
                && score.yields()
            {
                score.stop();
                return Some(place);
            }
        }
        self.has_yielding = false;
        None
    }

    /// The rig's MIDI port that a source feeds; a generator is its own. Real-time: yes.
    pub(super) fn port_of(&self, place: u16) -> Option<u16> {
        if Performers::of_source(place).is_some() {
            return Some(place);
        }
        self.sources.get(usize::from(place))?.as_ref().map(|source| source.port)
    }

    /// A generator played in its turn.
    pub(super) fn count_taken(&mut self) {
        self.taken += 1;
    }

    /// The next event due before `end`, its time at `now` or later; `None` when
    /// there is none or the quantum has had its fill.
    pub(super) fn next(&mut self, now: Frame, end: Frame, performers: &mut Performers) -> Option<Event> {
        if let Some(script) = &mut self.script {
            return script.next(end);
        }
        if self.taken >= EVENTS_PER_QUANTUM {
            return None;
        }
        let mut first: Option<(Frame, Frame, u16)> = None;
        for &place in &self.used {
            let Some(source) = &mut self.sources[usize::from(place)] else { continue };
            let Some(due) = due(&mut source.origin, &self.clock, self.latency_frames) else { continue };
            // What was deferred is heard at the quantum's start, wherever in the
            // quantum we are looking from.
            let heard = due.max(self.quantum);
            if heard < end && first.is_none_or(|(earliest, ..)| heard < earliest) {
                first = Some((heard, due, place));
            }
        }
        // Of one frame, ports and files go before generators, which may answer them.
        if let Some((time, number)) = performers.next(now)
            && time < end
            && first.is_none_or(|(earliest, ..)| time < earliest)
        {
            return Some(Performers::turn(time, number));
        }
        let (heard, due, place) = first?;
        let time = heard.max(now);
        // The demo bows out before the player's first note.
        if let Some(ended) = self.end_yielding(place) {
            return Some(Event::reset(time, ended));
        }
        self.taken += 1;
        let mut event = match &mut self.sources[usize::from(place)].as_mut()?.origin {
            Origin::Score(score) => score.take()?,
            Origin::Live(live) => {
                if live.health.take_overflow() {
                    return Some(Event::reset(time, place));
                }
                let mut event = live.events.receive()?;
                if due < now && !self.was_full {
                    self.late_events += 1;
                    event = event.late();
                }
                self.live_strikes += u64::from(is_strike(&event));
                event
            }
        };
        (event.time, event.source) = (time, place);
        if due < self.quantum && self.was_full {
            self.deferred_events += 1;
        }
        Some(event)
    }

    /// The bytes of a SysEx chunk just taken from a source.
    pub(super) fn chunk(&mut self, event: &Event, into: &mut [u8; SYSEX_CHUNK_BYTES]) {
        if let Some(script) = &mut self.script {
            return script.chunk(event, into);
        }
        let Some(Some(source)) = self.sources.get_mut(usize::from(event.source)) else { return };
        match &mut source.origin {
            Origin::Live(live) => {
                let wanted = (event.length as usize).min(SYSEX_CHUNK_BYTES);
                live.bytes.read(&mut into[..wanted]);
            }
            Origin::Score(score) => score.read_chunk(event, into),
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.used
            .iter()
            .filter_map(|place| self.sources[usize::from(*place)].as_ref())
            .map(|source| match &source.origin {
                Origin::Live(live) => live.health.dropped(),
                Origin::Score(_) => 0,
            })
            .sum()
    }
}

/// When what a source has next is due.
fn due(origin: &mut Origin, clock: &FrameClock, latency_frames: Frame) -> Option<Frame> {
    match origin {
        Origin::Live(live) => {
            let time = live.events.peek()?.time;
            Some(match live.time_base {
                TimeBase::Host => clock.frame_at(HostTime(time)) + latency_frames,
                TimeBase::Frames => time,
                TimeBase::FramesLater(frames) => time + frames,
            })
        }
        Origin::Score(score) => score.due(),
    }
}

fn is_strike(event: &Event) -> bool {
    matches!(event.message(), Some(Message::NoteOn { .. }))
}
