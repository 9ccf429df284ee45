use crate::stage::Ramp;
use crate::unit::{SampleRate, maths};

/// Modes of the body.
const MODES: usize = 4;
/// Both channels side by side, so that one vector holds them.
const LANES: usize = 2 * MODES;
/// Frequency in Hz, Q and gain: the air in the box, the top and the back of a
/// guitar, roughly where luthiers measure them.
///
/// Source: Fletcher & Rossing, *The Physics of Musical Instruments*, 9.4–9.7.
const BODY: [(f64, f64, f32); MODES] =
    [(102.0, 9.0, 0.9), (204.0, 11.0, 0.8), (378.0, 14.0, 0.45), (561.0, 16.0, 0.35)];
/// A body that moves less than this is still.
const STILL: f32 = 1.0e-7;

/// The resonances of a wooden box: each a decaying phasor that the string drives.
/// Real-time: yes.
#[derive(Clone, Debug)]
pub(super) struct Body {
    mix: Ramp,
    /// The pole of each mode, as a complex number.
    turn: [[f32; LANES]; 2],
    drive: [f32; LANES],
    state: [[f32; LANES]; 2],
}

impl Body {
    /// At rest.
    pub(super) fn new(rate: SampleRate, mix: f32) -> Body {
        let mut turn = [[0.0; LANES]; 2];
        let mut drive = [0.0; LANES];
        for lane in 0..LANES {
            let (hertz, q, gain) = BODY[lane % MODES];
            let omega = std::f64::consts::TAU * hertz / rate.as_f64();
            let radius = maths::exp(-omega / (2.0 * q));
            turn[0][lane] = (radius * maths::cos(omega)) as f32;
            turn[1][lane] = (radius * maths::sin(omega)) as f32;
            // Unity at the peak.
            drive[lane] = gain * (2.0 * (1.0 - radius)) as f32;
        }
        Body { mix: Ramp::at(mix), turn, drive, state: [[0.0; LANES]; 2] }
    }

    /// Goes to another share of body in so many frames.
    pub(super) fn go(&mut self, mix: f32, frames: u32) {
        self.mix.go(mix, frames);
    }

    /// Adds what the body makes of the strings.
    pub(super) fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        let [mut real, mut imaginary] = self.state;
        for (left, right) in left.iter_mut().zip(right) {
            for lane in 0..LANES {
                let input = if lane < MODES { *left } else { *right };
                let turned = self.turn[0][lane] * real[lane] - self.turn[1][lane] * imaginary[lane];
                imaginary[lane] = self.turn[0][lane] * imaginary[lane] + self.turn[1][lane] * real[lane];
                real[lane] = turned + self.drive[lane] * input;
            }
            let mix = self.mix.next();
            *left += mix * ((real[0] + real[1]) + (real[2] + real[3]));
            *right += mix * ((real[4] + real[5]) + (real[6] + real[7]));
        }
        self.state = [real, imaginary];
    }

    /// Whether nothing comes out unless something goes in.
    pub(super) fn is_still(&self) -> bool {
        self.mix.steady() == Some(0.0) || self.state.iter().flatten().all(|part| part.abs() < STILL)
    }
}
