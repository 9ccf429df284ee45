//! What a MIDI channel's controllers say: gains, bend, pedals, sound controllers.

use crate::dsp::smooth::Smooth;
use crate::midi::controller;
use crate::stage::Ramp;
use crate::unit::{SampleRate, maths};

/// Seconds in which a gain reaches a new value.
pub const GAIN_RAMP_SECONDS: f64 = 0.010;
/// Time constant of the controls that are no gains, in seconds.
pub const CONTROL_SECONDS: f64 = 0.005;

/// What a controller message asks of the voices, beyond what the channel keeps. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// Nothing.
    None,
    /// The sustain pedal went up.
    PedalUp,
    /// The sostenuto pedal went down.
    SostenutoDown,
    /// The sostenuto pedal went up.
    SostenutoUp,
    /// Controller 120.
    AllSoundOff,
    /// Controllers 123 to 127.
    AllNotesOff,
    /// Controller 121: both pedals went up.
    Reset,
    /// RPN 6: an MPE zone of so many members begins, or ends with 0.
    Zone(u8),
}

/// What an MPE master's wheel, pressure and timbre add to its members'. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Over {
    semitones: f32,
    pressure: f32,
    brightness: f32,
}

/// One channel's controllers. Real-time: yes.
///
/// Volume (7) and expression (11) are gains of (value / 100)² and (value / 127)²:
/// a channel on which nothing was sent has unity gain. Pan (10) has constant
/// power and unity gain at the centre. Volume, expression, pan and modulation
/// have a fine part (39, 43, 42, 33).
///
/// Source: MIDI 1.0 Detailed Specification 4.2; recommended practices RP-015
/// (reset all controllers) and RP-021 (sound controllers); General MIDI 2, 3.3.
#[derive(Clone, Debug)]
pub struct Channel {
    // With their fine parts, 0 to 16,383.
    volume: u16,
    expression: u16,
    pan: u16,
    wheel: u16,
    gains: [Ramp; 2],
    ramp_frames: u32,
    bend: u16,
    bend_range_semitones: f32,
    default_range_semitones: f32,
    fine_tuning: u16,
    coarse_tuning: u8,
    pitch_semitones: Smooth,
    modulation: Smooth,
    pressure: Smooth,
    brightness: Smooth,
    resonance: Smooth,
    /// Where its own pressure and timbre go, without those of its master.
    own: Over,
    over: Over,
    attack: u8,
    release: u8,
    sustain: Pedal,
    sostenuto: Pedal,
    soft: bool,
    registered: Option<[u8; 2]>,
    per_tick: f32,
}

/// A pedal, and the source that moved it last.
#[derive(Clone, Copy, Default, Debug)]
struct Pedal {
    down: bool,
    source: u16,
}

/// The fine parts of controllers 1, 7, 10 and 11.
const FINE_MODULATION: u8 = 33;
const FINE_VOLUME: u8 = 39;
const FINE_PAN: u8 = 42;
const FINE_EXPRESSION: u8 = 43;
/// A registered parameter that is none.
const NULL: [u8; 2] = [127, 127];

impl Channel {
    /// At rest, with a pitch-bend range of so many semitones. Real-time: no.
    pub fn new(rate: SampleRate, bend_semitones: f32) -> Channel {
        Channel {
            volume: 100 << 7,
            expression: 127 << 7,
            pan: 64 << 7,
            wheel: 0,
            gains: [Ramp::at(1.0); 2],
            ramp_frames: rate.frames(GAIN_RAMP_SECONDS) as u32,
            bend: 8_192,
            bend_range_semitones: bend_semitones,
            default_range_semitones: bend_semitones,
            fine_tuning: 8_192,
            coarse_tuning: 64,
            pitch_semitones: Smooth::at(0.0),
            modulation: Smooth::at(0.0),
            pressure: Smooth::at(0.0),
            brightness: Smooth::at(0.0),
            resonance: Smooth::at(0.0),
            own: Over::default(),
            over: Over::default(),
            attack: 64,
            release: 64,
            sustain: Pedal::default(),
            sostenuto: Pedal::default(),
            soft: false,
            registered: Some(NULL),
            per_tick: crate::dsp::smooth::per_tick(CONTROL_SECONDS, rate.as_f64()),
        }
    }

    /// A controller's new value. Real-time: yes.
    pub fn control(&mut self, source: u16, number: u8, value: u8) -> Request {
        let down = value >= 64;
        match number {
            // A coarse part sets its fine part to 0.
            controller::VOLUME => self.volume = u16::from(value) << 7,
            controller::EXPRESSION => self.expression = u16::from(value) << 7,
            controller::PAN => self.pan = u16::from(value) << 7,
            controller::MODULATION => self.wheel = u16::from(value) << 7,
            FINE_VOLUME => self.volume = with_fine(self.volume, value),
            FINE_EXPRESSION => self.expression = with_fine(self.expression, value),
            FINE_PAN => self.pan = with_fine(self.pan, value),
            FINE_MODULATION => self.wheel = with_fine(self.wheel, value),
            controller::RESONANCE => self.resonance.go(centred(f32::from(value))),
            controller::BRIGHTNESS => {
                self.own.brightness = centred(f32::from(value));
                self.aim_touch();
            }
            controller::ATTACK_TIME => self.attack = value,
            controller::RELEASE_TIME => self.release = value,
            controller::SOFT => self.soft = down,
            controller::SUSTAIN => {
                let went_up = self.sustain.down && !down;
                self.sustain = Pedal { down, source };
                return if went_up { Request::PedalUp } else { Request::None };
            }
            controller::SOSTENUTO => {
                let was_down = self.sostenuto.down;
                self.sostenuto = Pedal { down, source };
                return match (was_down, down) {
                    (false, true) => Request::SostenutoDown,
                    (true, false) => Request::SostenutoUp,
                    _ => Request::None,
                };
            }
            controller::RPN_MSB | controller::RPN_LSB => {
                let place = usize::from(number == controller::RPN_LSB);
                self.registered.get_or_insert(NULL)[place] = value;
            }
            controller::NRPN_MSB | controller::NRPN_LSB => self.registered = None,
            controller::DATA_ENTRY if self.registered == Some([0, 6]) => return Request::Zone(value & 0x0f),
            controller::DATA_ENTRY => self.data_entry(value, None),
            controller::DATA_ENTRY_LSB => self.data_entry(0, Some(value)),
            controller::ALL_SOUND_OFF => return Request::AllSoundOff,
            controller::RESET_ALL => {
                self.reset_controllers();
                return Request::Reset;
            }
            controller::ALL_NOTES_OFF..=127 => return Request::AllNotesOff,
            _ => {}
        }
        match number {
            controller::MODULATION | FINE_MODULATION => self.aim_wheel(),
            controller::VOLUME | controller::EXPRESSION | controller::PAN => self.aim_gains(),
            FINE_VOLUME | FINE_EXPRESSION | FINE_PAN => self.aim_gains(),
            _ => {}
        }
        Request::None
    }

    /// Data entry: `msb` alone, or the `lsb` of what stands.
    fn data_entry(&mut self, msb: u8, lsb: Option<u8>) {
        match (self.registered, lsb) {
            (Some([0, 0]), None) => self.bend_range_semitones = f32::from(msb),
            (Some([0, 0]), Some(cents)) => {
                let semitones = self.bend_range_semitones as u8;
                self.bend_range_semitones = f32::from(semitones) + f32::from(cents.min(99)) / 100.0;
            }
            (Some([0, 1]), None) => self.fine_tuning = u16::from(msb) << 7,
            (Some([0, 1]), Some(lsb)) => self.fine_tuning = (self.fine_tuning & !0x7f) | u16::from(lsb),
            (Some([0, 2]), None) => self.coarse_tuning = msb,
            _ => return,
        }
        self.aim_pitch();
    }

    /// Controller 121, as in RP-015: volume, pan, program and the sound
    /// controllers (70 to 79) stay.
    fn reset_controllers(&mut self) {
        self.expression = 127 << 7;
        self.bend = 8_192;
        self.wheel = 0;
        self.own.pressure = 0.0;
        self.aim_wheel();
        self.aim_touch();
        self.sustain.down = false;
        self.sostenuto.down = false;
        self.soft = false;
        self.registered = Some(NULL);
        self.aim_gains();
        self.aim_pitch();
    }

    /// A source is gone: the pedals that it holds go up. Whether one did. Real-time: yes.
    pub fn end_source(&mut self, source: u16) -> bool {
        let mut any = false;
        for pedal in [&mut self.sustain, &mut self.sostenuto] {
            if pedal.down && pedal.source == source {
                pedal.down = false;
                any = true;
            }
        }
        any
    }

    /// The wheel moved: 0 to 16,383, 8,192 at rest. Real-time: yes.
    pub fn bend(&mut self, value: u16) {
        self.bend = value;
        self.aim_pitch();
    }

    /// The whole channel's pressure, 0 to 127. Real-time: yes.
    pub fn press(&mut self, pressure: u8) {
        self.own.pressure = f32::from(pressure) / 127.0;
        self.aim_touch();
    }

    /// What a master adds to its members: its own bend, pressure and timbre. Real-time: yes.
    pub fn own(&self) -> Over {
        Over { semitones: self.own_semitones(), ..self.own }
    }

    /// An MPE member of this master: all its controllers, and bend, pressure and
    /// timbre of its own at rest. Real-time: yes.
    #[must_use]
    pub fn member(&self, bend_semitones: f32) -> Channel {
        let mut member = Channel {
            bend: 8_192,
            bend_range_semitones: bend_semitones,
            fine_tuning: 8_192,
            coarse_tuning: 64,
            own: Over::default(),
            registered: Some(NULL),
            ..self.clone()
        };
        member.go_over(self.own());
        member
    }

    /// Its MPE master's bend, pressure and timbre come on top of its own. Real-time: yes.
    pub fn go_over(&mut self, over: Over) {
        self.over = over;
        self.aim_pitch();
        self.aim_touch();
    }

    /// A range for the wheel in semitones, as if RPN 0 had set it. Real-time: yes.
    pub fn set_own_bend_range(&mut self, semitones: f32) {
        self.bend_range_semitones = semitones;
        self.aim_pitch();
    }

    /// The range of the wheel where nothing sets it, in semitones. Real-time: yes.
    pub fn default_range_semitones(&self) -> f32 {
        self.default_range_semitones
    }

    /// A new range for the wheel, in semitones, in place of the one given to `new`. Real-time: yes.
    pub fn set_bend_range(&mut self, semitones: f32) {
        if self.bend_range_semitones == self.default_range_semitones {
            self.bend_range_semitones = semitones;
        }
        self.default_range_semitones = semitones;
        self.aim_pitch();
    }

    fn aim_wheel(&mut self) {
        self.modulation.go((seven(self.wheel) / 127.0).min(1.0));
    }

    fn aim_touch(&mut self) {
        self.pressure.go((self.own.pressure + self.over.pressure).min(1.0));
        self.brightness.go((self.own.brightness + self.over.brightness).clamp(-1.0, 1.0));
    }

    fn aim_pitch(&mut self) {
        let semitones = self.own_semitones() + self.over.semitones;
        self.pitch_semitones.go(semitones);
    }

    fn own_semitones(&self) -> f32 {
        // Up to 8,191 steps up and 8,192 down reach the range exactly.
        let offset = f32::from(self.bend) - 8_192.0;
        let wheel = offset / if offset > 0.0 { 8_191.0 } else { 8_192.0 };
        let fine = (f32::from(self.fine_tuning) - 8_192.0) / 8_192.0;
        let coarse = f32::from(self.coarse_tuning) - 64.0;
        wheel * self.bend_range_semitones + fine + coarse
    }

    fn aim_gains(&mut self) {
        let volume = seven(self.volume) / 100.0;
        let expression = seven(self.expression) / 127.0;
        let level = volume * volume * expression * expression;
        let [left, right] = pan_gains(centred(seven(self.pan)));
        self.gains[0].go(level * left, self.ramp_frames);
        self.gains[1].go(level * right, self.ramp_frames);
    }

    /// Everything is where it goes to, at once: for a channel that is silent. Real-time: yes.
    pub fn snap(&mut self) {
        for smooth in self.smooths() {
            smooth.snap();
        }
        for ramp in &mut self.gains {
            *ramp = Ramp::at(ramp.target());
        }
    }

    fn smooths(&mut self) -> [&mut Smooth; 5] {
        [
            &mut self.pitch_semitones,
            &mut self.modulation,
            &mut self.pressure,
            &mut self.brightness,
            &mut self.resonance,
        ]
    }

    /// One control tick. Real-time: yes.
    pub fn tick(&mut self) {
        let coefficient = self.per_tick;
        for smooth in self.smooths() {
            smooth.tick(coefficient);
        }
    }

    /// Writes the gains of the next frames, left and right. Real-time: yes.
    pub fn gains(&mut self, left: &mut [f32], right: &mut [f32]) {
        for (ramp, output) in self.gains.iter_mut().zip([left, right]) {
            match ramp.steady() {
                Some(gain) => output.fill(gain),
                None => output.iter_mut().for_each(|sample| *sample = ramp.next()),
            }
        }
    }

    /// Bend and tuning, in semitones. Real-time: yes.
    pub fn pitch_semitones(&self) -> f32 {
        self.pitch_semitones.value()
    }

    /// The modulation wheel, 0 to 1. Real-time: yes.
    pub fn modulation(&self) -> f32 {
        self.modulation.value()
    }

    /// Channel pressure, 0 to 1. Real-time: yes.
    pub fn pressure(&self) -> f32 {
        self.pressure.value()
    }

    /// Controller 74, −1 to 1. Real-time: yes.
    pub fn brightness(&self) -> f32 {
        self.brightness.value()
    }

    /// Controller 71, −1 to 1. Real-time: yes.
    pub fn resonance(&self) -> f32 {
        self.resonance.value()
    }

    /// What controller 73 makes of an attack: a factor from 1/16 to 16. Real-time: yes.
    pub fn attack_factor(&self) -> f32 {
        maths::exp2(4.0 * f64::from(centred(f32::from(self.attack)))) as f32
    }

    /// What controller 72 makes of a release: a factor from 1/16 to 16. Real-time: yes.
    pub fn release_factor(&self) -> f32 {
        maths::exp2(4.0 * f64::from(centred(f32::from(self.release)))) as f32
    }

    /// Whether the sustain pedal is down. Real-time: yes.
    pub fn sustain(&self) -> bool {
        self.sustain.down
    }

    /// Whether the sostenuto pedal is down. Real-time: yes.
    pub fn sostenuto(&self) -> bool {
        self.sostenuto.down
    }

    /// Whether the soft pedal is down. Real-time: yes.
    pub fn soft(&self) -> bool {
        self.soft
    }
}

/// A controller's value with 64 as its middle, −1 to 1.
fn centred(value: f32) -> f32 {
    ((value - 64.0) / 63.0).clamp(-1.0, 1.0)
}

/// 14 bits in the measure of seven, exact where the fine part is 0.
fn seven(value: u16) -> f32 {
    f32::from(value) / 128.0
}

fn with_fine(value: u16, fine: u8) -> u16 {
    (value & !0x7f) | u16::from(fine & 0x7f)
}

/// Left and right gains of a pan from −1 to 1: constant power, 1 at the centre,
/// √2 at a side. Real-time: yes.
pub fn pan_gains(pan: f32) -> [f32; 2] {
    if pan == 0.0 {
        return [1.0, 1.0];
    }
    let angle = f64::from(pan.clamp(-1.0, 1.0) + 1.0) * std::f64::consts::FRAC_PI_4;
    let gain = |x: f64| (std::f64::consts::SQRT_2 * x) as f32;
    let right = if pan <= -1.0 { 0.0 } else { maths::sin(angle) };
    let left = if pan >= 1.0 { 0.0 } else { maths::cos(angle) };
    [gain(left), gain(right)]
}

#[cfg(test)]
mod tests;
