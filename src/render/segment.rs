use crate::midi::{Event, Message};
use crate::transport::Beats;

/// The most events that a segment holds.
pub const SEGMENT_EVENTS: usize = 16_384;

/// A stretch of MIDI material for a performer: some bars, which end all notes that they begin.
/// Real-time: yes, but for the constructor.
#[derive(Clone, PartialEq, Debug)]
pub struct Segment {
    index: u64,
    events: Box<[SegmentEvent]>,
}

/// One event of a segment. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentEvent {
    /// After the segment's beginning.
    pub at: Beats,
    /// What.
    pub message: Message,
}

impl Segment {
    /// The segment of this number, counted from 0, which lasts so long. Puts the events in order (of one
    /// beat, releases first), moves what lies beyond its end to its end, and ends there what sounds on;
    /// what is more than [`SEGMENT_EVENTS`] is left away. Real-time: no (allocates).
    pub fn new(index: u64, length: Beats, events: impl IntoIterator<Item = SegmentEvent>) -> Segment {
        let mut sorted: Vec<SegmentEvent> = events
            .into_iter()
            .take(SEGMENT_EVENTS / 2)
            .map(|event| SegmentEvent { at: event.at.min(length), ..event })
            .filter(|event| event.at < length || is_release(event.message))
            .collect();
        sorted.sort_by_key(|event| (event.at, !is_release(event.message)));
        let mut sounding: Vec<(u8, u8)> = Vec::new();
        let mut events: Vec<SegmentEvent> = Vec::with_capacity(sorted.len());
        for event in sorted {
            match event.message {
                Message::NoteOn { channel, key, .. } => {
                    if sounding.contains(&(channel, key)) {
                        // Struck twice: the release that comes first ends both.
                        events.push(SegmentEvent { at: event.at, message: off(channel, key) });
                    } else {
                        sounding.push((channel, key));
                    }
                }
                Message::NoteOff { channel, key, .. } => {
                    let Some(at) = sounding.iter().position(|note| *note == (channel, key)) else { continue };
                    sounding.remove(at);
                }
                _ => {}
            }
            events.push(event);
        }
        events.extend(
            sounding
                .into_iter()
                .map(|(channel, key)| SegmentEvent { at: length, message: off(channel, key) }),
        );
        Segment { index, events: events.into() }
    }

    /// Its number, from 0. Real-time: yes.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// All of it, in order. Real-time: yes.
    pub fn events(&self) -> &[SegmentEvent] {
        &self.events
    }
}

fn off(channel: u8, key: u8) -> Message {
    Message::NoteOff { channel, key, velocity: 64 }
}

fn is_release(message: Message) -> bool {
    Event::midi(0, 0, message).is_release()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_note_ends_within_its_segment() {
        let beat = |n: u64| Beats(n << 32);
        let on =
            |n, key| SegmentEvent { at: beat(n), message: Message::NoteOn { channel: 0, key, velocity: 9 } };
        let end = |n, key| SegmentEvent { at: beat(n), message: off(0, key) };
        let segment =
            Segment::new(3, beat(4), [on(1, 60), end(9, 60), on(0, 62), on(2, 62), end(1, 99), on(4, 5)]);
        let expected = [on(0, 62), on(1, 60), end(2, 62), on(2, 62), end(4, 60), end(4, 62)];
        assert_eq!((segment.index(), segment.events()), (3, &expected[..]));
    }
}
