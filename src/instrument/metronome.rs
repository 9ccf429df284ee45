use crate::stage::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, Role, Settings, Shape, Status,
    StreamFormat, Unit, Value, change,
};
use crate::unit::{SampleRate, maths};

const WHEN: usize = 0;
const PITCH_HERTZ: usize = 1;
const ACCENT_HERTZ: usize = 2;

const ROLLING: f32 = 0.0;
const COUNT_IN: f32 = 1.0;

/// A click falls by 60 dB in this time.
const DECAY_SECONDS: f64 = 0.06;
/// The level of its first swing: -6 dBFS.
const LEVEL: f32 = 0.5;
/// From here on it is over: -80 dB below its beginning.
const OVER: f32 = 1.0e-4;

const fn pitch(name: &'static str, summary: &'static str, default: f64, example: f64) -> Parameter {
    Parameter {
        name,
        summary,
        unit: Unit::Hertz,
        shape: Shape::Number { min: 100.0, max: 8_000.0 },
        default: Some(Value::Number(default)),
        example: Value::Number(example),
        live: true,
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "when",
        summary: "clicks while the transport rolls or counts in, only while it counts in, or always",
        unit: Unit::None,
        shape: Shape::Choice(&["rolling", "count-in", "always"]),
        default: Some(Value::Choice(0)),
        example: Value::Choice(1),
        live: true,
    },
    pitch("pitch_hertz", "pitch of a click", 1_000.0, 800.0),
    pitch("accent_hertz", "pitch of the first click of a bar", 1_500.0, 1_200.0),
];

/// `kind = "metronome"`: a click on each beat of the transport, at its exact frame.
/// Real-time: yes.
pub struct MetronomeKind;

impl Kind for MetronomeKind {
    fn name(&self) -> &'static str {
        "metronome"
    }

    fn role(&self) -> Role {
        Role::Instrument
    }

    fn summary(&self) -> &'static str {
        "a click on each beat of the transport; needs no MIDI, only a cable to where it is heard"
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn prepare(&self, settings: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        Ok(Box::new(Metronome {
            when: settings.choice(PARAMETERS, "when") as f32,
            pitch_hertz: settings.number(PARAMETERS, "pitch_hertz") as f32,
            accent_hertz: settings.number(PARAMETERS, "accent_hertz") as f32,
            // 60 dB are a factor of 1000.
            decay: maths::pow(0.001, 1.0 / (DECAY_SECONDS * format.rate.as_f64())) as f32,
            rate: format.rate,
            cycle: 0.0,
            step: 0.0,
            level: 0.0,
        }))
    }

    fn sounds_alone(&self) -> bool {
        true
    }
}

struct Metronome {
    when: f32,
    pitch_hertz: f32,
    accent_hertz: f32,
    decay: f32,
    rate: SampleRate,
    cycle: f32,
    step: f32,
    level: f32,
}

impl Metronome {
    /// Plays up to a frame.
    fn play(&mut self, left: &mut [f32], right: &mut [f32]) {
        for (left, right) in left.iter_mut().zip(right) {
            let sample = if self.level > OVER { maths::sin_cycle(self.cycle) * self.level } else { 0.0 };
            (*left, *right) = (sample, sample);
            self.level *= self.decay;
            self.cycle += self.step;
            if self.cycle >= 1.0 {
                self.cycle -= 1.0;
            }
        }
        if self.level <= OVER {
            self.level = 0.0;
        }
    }

    fn strike(&mut self, is_accent: bool) {
        let hertz = if is_accent { self.accent_hertz } else { self.pitch_hertz };
        // At a quarter of the cycle: the click is on its frame, not after it.
        (self.cycle, self.step, self.level) = (0.25, hertz / self.rate.as_f32(), LEVEL);
    }

    fn hear(&mut self, context: &Context<'_>, from: u64, to: u64) {
        for event in context.events.iter().filter(|event| (from..to).contains(&event.time)) {
            match change(PARAMETERS, event) {
                Some((WHEN, value)) => self.when = value,
                Some((PITCH_HERTZ, value)) => self.pitch_hertz = value,
                Some((ACCENT_HERTZ, value)) => self.accent_hertz = value,
                _ => {}
            }
        }
    }
}

impl Processor for Metronome {
    fn reset(&mut self) {
        self.level = 0.0;
    }

    fn process(&mut self, context: &Context<'_>, _: Input<'_>, output: &mut Block<'_>) -> Status {
        let (begin, end) = (context.frame, context.frame + output.frames() as u64);
        let mut frame = begin;
        while frame < end {
            let (beat, of_bar) = context.time.next_beat(frame);
            let until = beat.min(end);
            let place = (frame - begin) as usize..(until - begin) as usize;
            self.hear(context, frame, until);
            self.play(&mut output.left[place.clone()], &mut output.right[place]);
            if beat >= end {
                break;
            }
            self.hear(context, beat, beat + 1);
            let clicks = match self.when {
                ROLLING => context.time.moves(),
                COUNT_IN => context.time.counts_in,
                _ => true,
            };
            if clicks {
                self.strike(of_bar == 0);
            }
            let at = (beat - begin) as usize;
            self.play(&mut output.left[at..=at], &mut output.right[at..=at]);
            frame = beat + 1;
        }
        if self.level > 0.0 { Status::Active } else { Status::Silent }
    }
}
