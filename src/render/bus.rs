use super::snapshot::BusMeter;
use crate::stage::limiter::{PeakLimiter, peak};
use crate::unit::{Decibels, QUANTUM_FRAMES, SampleRate};

/// The limiter lets everything below this pass bit-exactly, in dBFS.
const CEILING: Decibels = Decibels(-0.1);
const RELEASE_SECONDS: f64 = 0.1;

/// One output of the rig: one or two channels of the device. Real-time: yes.
pub struct OutputBus {
    pub(super) channels: [u16; 2],
    pub(super) left: [f32; QUANTUM_FRAMES],
    pub(super) right: [f32; QUANTUM_FRAMES],
    pub(super) limiter: Option<PeakLimiter>,
    pub(super) gain: f32,
    pub(super) meter: BusMeter,
    pub(super) limited_frames: u64,
}

impl OutputBus {
    /// To these device channels, counted from 0: twice the same for a mono
    /// output, which carries half the sum of left and right. Real-time: no.
    pub fn new(channels: [u16; 2], gain: Decibels, limiter: bool, rate: SampleRate) -> OutputBus {
        OutputBus {
            channels,
            left: [0.0; QUANTUM_FRAMES],
            right: [0.0; QUANTUM_FRAMES],
            limiter: limiter.then(|| PeakLimiter::new(rate, CEILING.to_gain(), RELEASE_SECONDS)),
            gain: gain.to_gain(),
            meter: BusMeter::default(),
            limited_frames: 0,
        }
    }

    /// Applies level and limiter to the first `frames` of the sum, measures
    /// them, and adds them to the device's channels. Real-time: yes.
    pub(super) fn finish(&mut self, level: &[f32], frames: usize, device: &mut [[f32; QUANTUM_FRAMES]]) {
        let left = &mut self.left[..frames];
        let right = &mut self.right[..frames];
        for ((l, r), level) in left.iter_mut().zip(right.iter_mut()).zip(level) {
            let gain = level * self.gain;
            *l *= gain;
            *r *= gain;
        }
        if let Some(limiter) = &mut self.limiter {
            self.limited_frames += u64::from(limiter.process(left, right));
        }
        self.meter.left = self.meter.left.max(peak(left));
        self.meter.right = self.meter.right.max(peak(right));
        let [first, second] = self.channels.map(usize::from);
        if first == second {
            if let Some(channel) = device.get_mut(first) {
                for (place, (l, r)) in channel.iter_mut().zip(left.iter().zip(right.iter())) {
                    *place += (l + r) * 0.5;
                }
            }
            return;
        }
        for (channel, samples) in [(first, left), (second, right)] {
            if let Some(channel) = device.get_mut(channel) {
                for (place, sample) in channel.iter_mut().zip(samples.iter()) {
                    *place += sample;
                }
            }
        }
    }
}
