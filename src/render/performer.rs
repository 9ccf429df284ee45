use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{FIRST_GENERATOR, GENERATORS, SEGMENTS, Segment};
use crate::midi::Event;
use crate::route::ContinuationCount;
use crate::transport::Time;
use crate::unit::Frame;

/// What plays MIDI by itself in the audio world: the player of a `[generator.NAME]`.
///
/// It is a source of MIDI, and may be a destination of cables. For each piece of the timeline it is told
/// where musical time stands ([`follow`](Performer::follow)), hears what is cabled to it as it comes
/// ([`hear`](Performer::hear)), and is asked when it plays ([`next`](Performer::next)), and at that frame,
/// after all that is heard there and before, what ([`take`](Performer::take)): until that lies beyond
/// the piece.
/// What it plays goes on like any other source's: merged by frame, along the rig's cables, into the
/// log. So a replay needs none: it plays the log's events.
///
/// How the timeline is cut differs from run to run, so what it plays must not depend on it: it decides
/// by frames and beats, never by where a piece begins. No allocation, free, lock, wait or panic in
/// here: nobody catches one. Real-time: yes.
pub trait Performer: Send {
    /// Musical time stands so from the frame `now` on, and up to `end`. Where it stopped or jumped since,
    /// this ends what sounds: give [`Event::reset`] at `now` next.
    fn follow(&mut self, now: Frame, end: Frame, time: &Time);

    /// An event of a cable that ends here, at its frame, which lies in the piece that was told last.
    fn hear(&mut self, _event: &Event) {}

    /// At which frame it plays next, or decides what: the same again until that is taken, or something
    /// is heard before. Not before what was heard.
    fn next(&mut self) -> Option<Frame>;

    /// What it plays at this frame, which [`next`](Performer::next) gave; `None` where that is nothing any
    /// more. The source is filled in by the caller.
    fn take(&mut self, frame: Frame) -> Option<Event>;

    /// Everything that sounds was ended, by the player's panic button: it stops what it is at.
    fn panic(&mut self, _frame: Frame) {}

    /// Material from the control world, for a performer that plays such; what it does not need any more
    /// is left in its place.
    fn exchange(&mut self, _segment: &mut Option<Box<Segment>>) {}
}

/// How a performer gets on so far; shared with the control world. Real-time: yes.
#[derive(Debug, Default)]
pub struct PerformerCount {
    events: AtomicU64,
    segments: AtomicU64,
    underruns: AtomicU64,
    at: AtomicU64,
    /// One more than the number of the segment in each slot; 0 for none.
    held: [AtomicU64; SEGMENTS],
}

impl PerformerCount {
    /// Events played. Real-time: yes.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Segments, or answers, begun. Real-time: yes.
    pub fn segments(&self) -> u64 {
        self.segments.load(Ordering::Relaxed)
    }

    /// Of these, how often what was due was not there, and something else was played. Real-time: yes.
    pub fn underruns(&self) -> u64 {
        self.underruns.load(Ordering::Relaxed)
    }

    /// Segments that are there, from the one that plays on, without a gap. Real-time: yes.
    pub fn ready(&self) -> u64 {
        let at = self.at();
        (at..).take(SEGMENTS).take_while(|index| self.holds(*index)).count() as u64
    }

    /// Whether the segment of this number is there. Real-time: yes.
    pub fn holds(&self, index: u64) -> bool {
        self.held.iter().any(|held| held.load(Ordering::Relaxed) == index + 1)
    }

    /// The number of the segment that plays, or is to. Real-time: yes.
    pub fn at(&self) -> u64 {
        self.at.load(Ordering::Relaxed)
    }

    /// An event was played. Real-time: yes.
    pub fn count_event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// A segment begins, with what is meant for it or not. Real-time: yes.
    pub fn count_segment(&self, is_underrun: bool) {
        self.segments.fetch_add(1, Ordering::Relaxed);
        self.underruns.fetch_add(u64::from(is_underrun), Ordering::Relaxed);
    }

    pub(super) fn show(&self, at: u64, slots: &[Option<Box<Segment>>; SEGMENTS]) {
        self.at.store(at, Ordering::Relaxed);
        for (held, slot) in self.held.iter().zip(slots) {
            held.store(slot.as_ref().map_or(0, |segment| segment.index() + 1), Ordering::Relaxed);
        }
    }
}

/// A performer and what is counted of it. Real-time: yes.
pub struct Seat {
    /// Who plays.
    pub performer: Box<dyn Performer>,
    /// What of it the control world sees.
    pub count: Arc<PerformerCount>,
    /// The same of one that listens and answers.
    pub answers: Option<Arc<ContinuationCount>>,
}

/// The performers of a Renderer, by number. Real-time: yes, but for the constructor.
pub(super) struct Performers {
    seats: Vec<Option<Box<Seat>>>,
    /// The numbers of those that are there: mostly none.
    present: Vec<u16>,
}

impl Performers {
    pub(super) fn new() -> Performers {
        Performers { seats: (0..GENERATORS).map(|_| None).collect(), present: Vec::with_capacity(GENERATORS) }
    }

    /// The number of the performer that is this source.
    pub(super) fn of_source(source: u16) -> Option<u16> {
        source.checked_sub(FIRST_GENERATOR).filter(|number| usize::from(*number) < GENERATORS)
    }

    /// Each that is there, in order.
    fn each(&mut self, mut to: impl FnMut(u16, &mut Seat)) {
        for &number in &self.present {
            if let Some(Some(seat)) = self.seats.get_mut(usize::from(number)) {
                to(number, seat);
            }
        }
    }

    fn get(&mut self, number: u16) -> Option<&mut Seat> {
        self.seats.get_mut(usize::from(number))?.as_deref_mut()
    }

    /// Exchanges who sits in a place; the caller ends what it had started.
    pub(super) fn exchange(&mut self, number: u16, seat: &mut Option<Box<Seat>>) {
        if let Some(there) = self.seats.get_mut(usize::from(number)) {
            std::mem::swap(there, seat);
        }
        self.present.clear();
        self.present
            .extend((0..).zip(&self.seats).filter_map(|(number, seat)| seat.as_ref().map(|_| number)));
    }

    pub(super) fn supply(&mut self, number: u16, segment: &mut Option<Box<Segment>>) {
        if let Some(seat) = self.get(number) {
            seat.performer.exchange(segment);
        }
    }

    /// A piece begins.
    pub(super) fn follow(&mut self, now: Frame, end: Frame, time: &Time) {
        self.each(|_, seat| seat.performer.follow(now, end, time));
    }

    pub(super) fn panic(&mut self, frame: Frame) {
        self.each(|_, seat| seat.performer.panic(frame));
    }

    pub(super) fn hear(&mut self, number: u16, event: &Event) -> bool {
        if let Some(seat) = self.get(number) {
            seat.performer.hear(event);
        }
        true
    }

    /// Whose turn is next, and when, not before `from`; of several at one frame the lowest number's.
    pub(super) fn next(&mut self, from: Frame) -> Option<(Frame, u16)> {
        let mut first: Option<(Frame, u16)> = None;
        self.each(|number, seat| {
            let Some(time) = seat.performer.next().map(|time| time.max(from)) else { return };
            if first.is_none_or(|(earliest, _)| time < earliest) {
                first = Some((time, number));
            }
        });
        first
    }

    /// A turn as an event that says nothing, for which [`take`](Self::take) has what is played.
    pub(super) fn turn(time: Frame, number: u16) -> Event {
        let mut turn = Event::EMPTY;
        (turn.time, turn.source) = (time, FIRST_GENERATOR + number);
        turn
    }

    /// Whether an event of a performer is its turn, and not what a log says that it played.
    pub(super) fn is_turn(event: &Event) -> bool {
        event.kind().is_none() && event.length == 0
    }

    /// What is played in a turn.
    pub(super) fn take(&mut self, number: u16, frame: Frame) -> Option<Event> {
        let seat = self.get(number)?;
        let mut event = seat.performer.take(frame)?;
        seat.count.count_event();
        (event.time, event.source) = (frame, FIRST_GENERATOR + number);
        Some(event)
    }
}
