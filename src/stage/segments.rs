use std::ops::Range;

use super::Context;
use crate::midi::Event;

/// A stretch of a piece without an event inside it, and the events at its start. Real-time: yes.
#[derive(Clone, Debug)]
pub struct Segment<'a> {
    /// Sample indices into the piece; empty only for a piece of no frames.
    pub range: Range<usize>,
    /// What happens at `range.start`, in order.
    pub events: &'a [Event],
}

/// Cuts a piece of `frames` at its events: the only place where one is cut.
///
/// The segments cover the piece exactly, in order. An event before the piece
/// counts as at its start, one after it as at its last frame. Real-time: yes.
pub fn segments<'a>(context: &Context<'a>, frames: usize) -> impl Iterator<Item = Segment<'a>> + use<'a> {
    let start = context.frame;
    let mut events = context.events;
    let mut from = 0;
    let last = frames.saturating_sub(1);
    let offset = move |event: &Event| (event.time.saturating_sub(start).min(last as u64)) as usize;
    std::iter::from_fn(move || {
        if from >= frames {
            return None;
        }
        let here = events.iter().take_while(|event| offset(event) <= from).count();
        let (now, later) = events.split_at(here);
        events = later;
        let to = events.first().map_or(frames, offset);
        let range = from..to;
        from = to;
        Some(Segment { range, events: now })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::SampleRate;

    #[test]
    fn segments_cover_the_piece_and_keep_order() {
        let at = |time| Event::from_bytes(time, 0, &[0x90, 60, 1]);
        let events = [at(90), at(100), at(100), at(107), at(131), at(900)];
        let context = Context::at_rest(100, SampleRate::DEFAULT, &events);
        let cut: Vec<_> = segments(&context, 32).map(|s| (s.range, s.events.len())).collect();
        assert_eq!(cut, [(0..7, 3), (7..31, 1), (31..32, 2)]);
        let none = Context { events: &[], ..context };
        assert_eq!(segments(&none, 5).map(|s| (s.range, s.events.len())).collect::<Vec<_>>(), [(0..5, 0)]);
        assert_eq!(segments(&none, 0).count(), 0);
    }
}
