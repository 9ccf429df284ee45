use super::player::Failure;
use super::{DECLICK_SECONDS, FaultKind};
use crate::unit::{Frame, SampleRate, maths};

/// +24 dBFS, the bits of 10^(24/20): of two positive numbers the larger one has
/// the larger bits.
const LOUD_BITS: u32 = 0x417d_953a;
const LOUD_SECONDS: f64 = 0.050;
/// A longer pause ends a loud stretch. Half a period of 50 Hz.
const LOUD_PAUSE_SECONDS: f64 = 0.010;
const MAGNITUDE: u32 = 0x7fff_ffff;
const INFINITE_BITS: u32 = 0x7f80_0000;

/// The edge of a stage at which its faults end: looks at what comes out, fades
/// out what failed and in what took its place. Its state goes from frame to
/// frame, so that how pieces are cut changes nothing. Real-time: yes, but for
/// the constructor.
pub(super) struct FaultEdge {
    /// Half a raised cosine: 1 at its first place, 0 at its last.
    slope: Box<[f32]>,
    /// The last sample put out, from which a fault ramps down.
    last: [f32; 2],
    /// Where on the slope the ramp down is; at its end there is silence.
    down: usize,
    /// Where on the slope, from its end, the fade in is.
    up: usize,
    is_poisoned: bool,
    loud_from: Frame,
    loud_last: Option<Frame>,
    loud_frames: Frame,
    pause_frames: Frame,
}

impl FaultEdge {
    /// The edge of a stage that is well. Real-time: no (allocates).
    pub(super) fn new(rate: SampleRate) -> FaultEdge {
        let frames = rate.frames(DECLICK_SECONDS).max(1) as usize;
        let level = |at: usize| {
            let cosine = maths::cos(std::f64::consts::PI * at as f64 / frames as f64);
            if at == frames { 0.0 } else { (0.5 + 0.5 * cosine) as f32 }
        };
        FaultEdge {
            slope: (0..=frames).map(level).collect(),
            last: [0.0; 2],
            down: frames,
            up: frames,
            is_poisoned: false,
            loud_from: 0,
            loud_last: None,
            loud_frames: rate.frames(LOUD_SECONDS),
            pause_frames: rate.frames(LOUD_PAUSE_SECONDS),
        }
    }

    /// Whether what stands behind it failed and was not replaced yet.
    pub(super) fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }

    /// Looks at what a processor put out from `frame` on; says what is wrong with
    /// it, and from which sample.
    pub(super) fn inspect(&mut self, frame: Frame, left: &[f32], right: &[f32]) -> Option<Failure> {
        let failed = |kind, good| Some(Failure { good, ..Failure::at_once(kind) });
        let largest = |samples: &[f32]| samples.iter().fold(0, |most, x| most.max(x.to_bits() & MAGNITUDE));
        if largest(left).max(largest(right)) <= LOUD_BITS {
            return None;
        }
        for (at, (l, r)) in left.iter().zip(right).enumerate() {
            let bits = (l.to_bits() & MAGNITUDE).max(r.to_bits() & MAGNITUDE);
            if bits >= INFINITE_BITS {
                return failed(FaultKind::NotFinite, at);
            }
            if bits > LOUD_BITS && self.is_loud_too_long(frame + at as Frame) {
                return failed(FaultKind::Loud, at);
            }
        }
        None
    }

    fn is_loud_too_long(&mut self, frame: Frame) -> bool {
        if self.loud_last.is_none_or(|last| frame - last > self.pause_frames) {
            self.loud_from = frame;
        }
        self.loud_last = Some(frame);
        frame - self.loud_from >= self.loud_frames
    }

    /// What is behind it is not heard again until [`revive`](Self::revive). Where
    /// it is muted already, it has been ramped down, or is just being.
    pub(super) fn poison(&mut self, is_muted: bool) {
        self.is_poisoned = true;
        if !is_muted {
            self.mute();
        }
    }

    /// What comes from now on is no good, but may be again.
    pub(super) fn mute(&mut self) {
        self.down = 0;
    }

    /// Whether the ramp down has come to its end.
    pub(super) fn is_silent(&self) -> bool {
        self.down + 1 >= self.slope.len()
    }

    /// It is good again.
    pub(super) fn fade_in(&mut self) {
        if self.is_silent() {
            // What was heard last is over: a fault in its first sample ramps from nothing.
            self.last = [0.0; 2];
        }
        self.up = 0;
    }

    /// A fresh one stands behind it, and is faded in.
    pub(super) fn revive(&mut self) {
        self.is_poisoned = false;
        self.fade_in();
        self.loud_last = None;
    }

    /// The last thing done to a piece: what is good, the first `good` samples, is
    /// faded in where it is fresh; after it comes the ramp from the last good
    /// sample to zero.
    pub(super) fn finish(&mut self, good: usize, left: &mut [f32], right: &mut [f32]) {
        let end = self.slope.len() - 1;
        if self.up < end {
            for (l, r) in left[..good].iter_mut().zip(&mut right[..good]) {
                let level = self.slope[end - self.up];
                self.up = (self.up + 1).min(end);
                *l *= level;
                *r *= level;
            }
        }
        if let Some(at) = good.checked_sub(1) {
            self.last = [left[at], right[at]];
        }
        for (l, r) in left[good..].iter_mut().zip(&mut right[good..]) {
            self.down = (self.down + 1).min(end);
            let level = self.slope[self.down];
            *l = self.last[0] * level;
            *r = self.last[1] * level;
        }
    }
}

/// Whether every sample is a number: neither infinite nor NaN.
pub(super) fn finite(samples: &[f32]) -> bool {
    samples.iter().fold(0, |most, x| most.max(x.to_bits() & MAGNITUDE)) < INFINITE_BITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Decibels;

    fn edge() -> FaultEdge {
        FaultEdge::new(SampleRate::DEFAULT)
    }

    /// The frame of the verdict on `samples`, in pieces of `piece`.
    fn verdict(samples: &[f32], piece: usize) -> Option<(FaultKind, usize)> {
        let mut edge = edge();
        samples.chunks(piece).enumerate().find_map(|(nth, piece_samples)| {
            let start = nth * piece;
            let failure = edge.inspect(start as Frame, piece_samples, piece_samples);
            failure.map(|failure| (failure.kind, start + failure.good))
        })
    }

    #[test]
    fn the_limit_is_24_decibels_over_full_scale() {
        let limit = f32::from_bits(LOUD_BITS);
        assert!((limit - Decibels(24.0).to_gain()).abs() < 1.0e-5, "{limit}");
    }

    #[test]
    fn loud_is_fifty_milliseconds_without_a_pause() {
        let loud = |frames: usize| vec![-16.0_f32; frames];
        for piece in [1, 17, 32] {
            assert_eq!(verdict(&loud(2_400), piece), None);
            assert_eq!(verdict(&loud(2_401), piece), Some((FaultKind::Loud, 2_400)));
            let mut paused = loud(4_000);
            paused[2_000..2_480].fill(0.1);
            assert_eq!(verdict(&paused, piece), None, "a pause of 480 frames and one");
            paused[2_479] = 16.0;
            assert_eq!(verdict(&paused, piece), Some((FaultKind::Loud, 2_479)), "a shorter one is none");
            let bass: Vec<f32> = (0..9_600).map(|i| 20.0 * libm::sinf(i as f32 * 0.01)).collect();
            assert!(matches!(verdict(&bass, piece), Some((FaultKind::Loud, 2_400..2_700))));
        }
        assert_eq!(verdict(&[15.8; 9_600], 32), None, "under the limit");
    }

    #[test]
    fn what_is_no_number_is_seen_at_its_sample() {
        for wrong in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut samples = [0.5; 64];
            samples[37] = wrong;
            assert_eq!(verdict(&samples, 32), Some((FaultKind::NotFinite, 37)));
            assert!(!finite(&samples));
        }
        assert!(finite(&[f32::MAX, f32::MIN, -0.0]));
    }

    #[test]
    fn it_ramps_down_and_up_along_a_raised_cosine_however_it_is_cut() {
        let play = |piece: usize| {
            let mut edge = edge();
            let mut heard = Vec::new();
            for start in (0..960).step_by(piece) {
                let length = piece.min(960 - start);
                let (mut left, mut right) = (vec![0.5; length], vec![-0.25; length]);
                // It fails at frame 100, and is fresh from 480 on.
                if start == 480 {
                    edge.revive();
                }
                let good = if start < 480 { 100_usize.saturating_sub(start).min(length) } else { length };
                if good < length && !edge.is_poisoned() {
                    edge.poison(false);
                }
                edge.finish(good, &mut left, &mut right);
                heard.extend(left.iter().zip(&right).map(|(l, r)| (*l, *r)));
            }
            heard
        };
        let whole = play(480);
        assert_eq!(whole[99], (0.5, -0.25));
        assert!(whole[100].0 < 0.5 && whole[100].0 > 0.499);
        assert!((whole[219].0 - 0.25).abs() < 1.0e-6, "half way it is half: {}", whole[219].0);
        assert!(whole[339..480].iter().all(|x| *x == (0.0, 0.0)));
        assert_eq!(whole[480], (0.0, 0.0));
        assert!((whole[600].1 + 0.125).abs() < 1.0e-6);
        assert_eq!(whole[720], (0.5, -0.25));
        let steepest = whole.windows(2).map(|w| (w[1].0 - w[0].0).abs()).fold(0.0, f32::max);
        assert!(steepest <= 0.5 * 0.5 * std::f32::consts::PI / 240.0 * 1.001, "{steepest}");
        for piece in [1, 16, 32] {
            assert!(play(piece) == whole, "in pieces of {piece}");
        }
    }
}
