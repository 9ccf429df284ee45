use crate::unit::{Decibels, Frame, SampleRate};

const QUIET: Decibels = Decibels(-90.0);
const QUIET_SECONDS: f64 = 0.5;
const LIMIT_SECONDS: f64 = 30.0;
const HELD_SECONDS: f64 = 600.0;

/// Decides, to the frame, where a render ends.
pub(in crate::engine) struct Tail {
    end: Frame,
    length: Option<Frame>,
    quiet_gain: f32,
    quiet_frames: Frame,
    limit: Frame,
    limit_frames: Frame,
    held_at_most: Frame,
    /// The frame after the last one that was not quiet, `end` at least.
    quiet_from: Frame,
}

impl Tail {
    /// After `end`, the end of the last track: so many frames, or until every
    /// output is quiet; unless the whole length is given.
    pub(in crate::engine) fn new(
        end: Frame,
        tail: Option<Frame>,
        length: Option<Frame>,
        rate: SampleRate,
    ) -> Tail {
        Tail {
            end,
            length: length.or_else(|| tail.map(|tail| end + tail)),
            quiet_gain: QUIET.to_gain(),
            quiet_frames: rate.frames(QUIET_SECONDS),
            limit: end + rate.frames(LIMIT_SECONDS),
            limit_frames: rate.frames(LIMIT_SECONDS),
            held_at_most: end + rate.frames(HELD_SECONDS),
            quiet_from: end,
        }
    }

    /// The length, if what is before `frame` decides it.
    pub(in crate::engine) fn ended(&self, frame: Frame) -> Option<Frame> {
        let length = self.length.unwrap_or_else(|| (self.quiet_from + self.quiet_frames).min(self.limit));
        (frame >= length).then_some(length)
    }

    /// Until this frame somebody plays, heard or not: a generator listens or answers. `end` is moved, by ten
    /// minutes at most.
    pub(super) fn hold(&mut self, until: Frame) {
        self.end = self.end.max(until.min(self.held_at_most));
        self.quiet_from = self.quiet_from.max(self.end);
        self.limit = self.limit.max(self.end + self.limit_frames);
    }

    /// Listens to the call that began at `frame`; says how much of it counts.
    pub(in crate::engine) fn hear(&mut self, frame: Frame, channels: &[Vec<f32>], frames: usize) -> usize {
        if let Some(length) = self.length {
            return length.saturating_sub(frame).min(frames as Frame) as usize;
        }
        for at in 0..frames {
            let now = frame + at as Frame;
            if now >= self.quiet_from + self.quiet_frames || now >= self.limit {
                return at;
            }
            if now >= self.end && channels.iter().any(|channel| channel[at].abs() >= self.quiet_gain) {
                self.quiet_from = now + 1;
            }
        }
        frames
    }

    /// How long it will be, as far as one can tell.
    pub(in crate::engine) fn expected(&self) -> Frame {
        self.length.unwrap_or((self.quiet_from + self.quiet_frames).min(self.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(block: usize, loud_until: Frame) -> Frame {
        let mut tail = Tail::new(100, None, None, SampleRate::DEFAULT);
        let mut frame = 0;
        let mut written = 0;
        loop {
            if let Some(total) = tail.ended(frame) {
                assert_eq!(total, written);
                return total;
            }
            let samples = (0..block as Frame).map(|i| if frame + i < loud_until { 0.5 } else { 1.0e-6 });
            written += tail.hear(frame, &[samples.collect()], block) as Frame;
            frame += block as Frame;
        }
    }

    #[test]
    fn the_end_does_not_depend_on_the_block() {
        for block in [1, 17, 512, 4_096] {
            assert_eq!(length(block, 1_234), 1_234 + 24_000);
            assert_eq!(length(block, 0), 100 + 24_000);
            assert_eq!(length(block, Frame::MAX), 100 + 30 * 48_000);
        }
    }

    #[test]
    fn who_is_answered_is_waited_for() {
        let mut tail = Tail::new(100, None, None, SampleRate::DEFAULT);
        tail.hold(5_000);
        tail.hold(4_000);
        assert_eq!(tail.expected(), 5_000 + 24_000);
        tail.hold(Frame::MAX);
        assert_eq!(tail.expected(), 100 + 600 * 48_000 + 24_000, "not for ever");
    }
}
