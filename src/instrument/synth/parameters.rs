use super::patch::{Patch, UNISON_MOST, Wave};
use super::presets::{PRESETS, preset};
use crate::dsp::filter::Response;
use crate::instrument::zones::MPE;
use crate::stage::{Parameter, Settings, Shape, Unit, Value};

/// The parameters, in the order of [`PARAMETERS`]. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Id {
    Preset,
    Wave,
    CutoffHertz,
    Resonance,
    AttackSeconds,
    DecaySeconds,
    Sustain,
    ReleaseSeconds,
    Unison,
    DetuneCents,
    GlideSeconds,
    EnvelopeOctaves,
    Sub,
    Noise,
    VibratoCents,
    BendSemitones,
    Programs,
    Voices,
    Mpe,
}

const ALL: [Id; PARAMETERS.len()] = [
    Id::Preset,
    Id::Wave,
    Id::CutoffHertz,
    Id::Resonance,
    Id::AttackSeconds,
    Id::DecaySeconds,
    Id::Sustain,
    Id::ReleaseSeconds,
    Id::Unison,
    Id::DetuneCents,
    Id::GlideSeconds,
    Id::EnvelopeOctaves,
    Id::Sub,
    Id::Noise,
    Id::VibratoCents,
    Id::BendSemitones,
    Id::Programs,
    Id::Voices,
    Id::Mpe,
];

impl Id {
    /// The parameter of an index. Real-time: yes.
    pub fn of(index: u16) -> Option<Id> {
        ALL.get(usize::from(index)).copied()
    }

    /// What it is. Real-time: yes.
    pub fn parameter(self) -> &'static Parameter {
        &PARAMETERS[self as usize]
    }
}

/// The sounds that are no patches: General MIDI, and the kit.
pub const GM: usize = PRESETS.len();
pub const KIT: usize = PRESETS.len() + 1;

const PRESET_NAMES: [&str; PRESETS.len() + 2] = {
    let mut names = [""; PRESETS.len() + 2];
    let mut i = 0;
    while i < PRESETS.len() {
        names[i] = PRESETS[i].name;
        i += 1;
    }
    names[GM] = "gm";
    names[KIT] = "kit";
    names
};

/// The preset of a synth that is told nothing.
const KEYS: usize = match preset("keys") {
    Some(place) => place,
    // PANIC: at compile time, if the preset is gone.
    None => panic!("no keys"),
};

const fn number(
    name: &'static str,
    summary: &'static str,
    unit: Unit,
    [min, max]: [f64; 2],
    example: f64,
) -> Parameter {
    Parameter {
        name,
        summary,
        unit,
        shape: Shape::Number { min, max },
        default: None,
        example: Value::Number(example),
        live: true,
    }
}

const fn choice(
    name: &'static str,
    summary: &'static str,
    choices: &'static [&'static str],
    default: Option<Value>,
    example: usize,
) -> Parameter {
    Parameter {
        name,
        summary,
        unit: Unit::None,
        shape: Shape::Choice(choices),
        default,
        example: Value::Choice(example),
        live: false,
    }
}

pub const PARAMETERS: [Parameter; 19] = [
    choice(
        "preset",
        "the sound to start from; gm: each channel its program's, and drums on channel 10; kit: drums on all \
         channels",
        &PRESET_NAMES,
        Some(Value::Choice(KEYS)),
        match preset("round-bass") {
            Some(place) => place,
            None => KEYS,
        },
    ),
    choice("wave", "the wave of both oscillators; default: the preset's", &Wave::NAMES, None, 1),
    number(
        "cutoff_hertz",
        "where the filter is 3 dB down (at resonance 0); setting it switches on a filter that the preset \
         bypasses; default: the preset's",
        Unit::Hertz,
        [20.0, 20_000.0],
        1_200.0,
    ),
    number(
        "resonance",
        "emphasis at the cutoff, from none (Butterworth) to a ring (Q 45); default: the preset's",
        Unit::Ratio,
        [0.0, 1.0],
        0.3,
    ),
    number(
        "attack_seconds",
        "from silence to the peak, in a straight line; default: the preset's",
        Unit::Seconds,
        [0.0, 20.0],
        0.01,
    ),
    number(
        "decay_seconds",
        "from the peak to the sustain level, exponential: all but a thousandth (60 dB) of the way; \
         default: the preset's",
        Unit::Seconds,
        [0.0, 60.0],
        0.5,
    ),
    number("sustain", "level while a key is held; default: the preset's", Unit::Ratio, [0.0, 1.0], 0.7),
    number(
        "release_seconds",
        "from the release of the key down by 60 dB, exponential, and then soon gone; at least 1 ms; \
         default: the preset's",
        Unit::Seconds,
        [0.0, 60.0],
        0.4,
    ),
    Parameter {
        name: "unison",
        summary: "oscillators per note, detuned and spread; default: the preset's",
        unit: Unit::Voices,
        shape: Shape::Integer { min: 1, max: UNISON_MOST as i64 },
        default: None,
        example: Value::Number(3.0),
        live: false,
    },
    number(
        "detune_cents",
        "how far the outermost unison oscillators are off; default: the preset's",
        Unit::Cents,
        [0.0, 100.0],
        12.0,
    ),
    number(
        "glide_seconds",
        "from the pitch of the channel's last note to the new one; default: the preset's",
        Unit::Seconds,
        [0.0, 10.0],
        0.08,
    ),
    number(
        "envelope_octaves",
        "how far the second envelope opens the filter; default: the preset's",
        Unit::None,
        [-8.0, 8.0],
        2.0,
    ),
    number("sub", "level of a sine an octave below; default: the preset's", Unit::Ratio, [0.0, 1.0], 0.4),
    number("noise", "level of white noise; default: the preset's", Unit::Ratio, [0.0, 1.0], 0.1),
    number(
        "vibrato_cents",
        "depth of vibrato without the modulation wheel, either way; default: the preset's",
        Unit::Cents,
        [0.0, 100.0],
        8.0,
    ),
    Parameter {
        default: Some(Value::Number(2.0)),
        ..number(
            "bend_semitones",
            "range of the pitch wheel, either way; RPN 0 changes it for a channel",
            Unit::Semitones,
            [0.0, 48.0],
            12.0,
        )
    },
    choice(
        "programs",
        "gm: a program change switches its channel to the preset of its General MIDI family; ignore: it \
         does nothing",
        &["gm", "ignore"],
        Some(Value::Choice(0)),
        1,
    ),
    Parameter {
        name: "voices",
        summary: "the most notes at once; then released quiet ones are stolen, or the oldest",
        unit: Unit::Voices,
        shape: Shape::Integer { min: 1, max: 128 },
        default: Some(Value::Number(64.0)),
        example: Value::Number(16.0),
        live: false,
    },
    MPE,
];

/// What the rig sets over the presets. Real-time: no.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    values: [Option<f32>; PARAMETERS.len()],
}

impl Overrides {
    /// What settings give. Real-time: no.
    pub fn new(settings: &Settings) -> Overrides {
        let mut overrides = Overrides::default();
        for (index, value) in overrides.values.iter_mut().enumerate() {
            *value = settings.given(index).map(Value::as_f32);
        }
        overrides
    }

    /// Takes a live parameter's new value, kept in its range, and gives it back; NaN
    /// leaves a parameter without a default to the presets again. `None` where the
    /// parameter is not live or the value no number. Real-time: no.
    pub fn set(&mut self, id: Id, value: f32) -> Option<f32> {
        let parameter = id.parameter();
        let Shape::Number { min, max } = parameter.shape else { return None };
        if parameter.live && value.is_nan() && parameter.default.is_none() {
            self.values[id as usize] = None;
            return Some(value);
        }
        if !parameter.live || !value.is_finite() {
            return None;
        }
        let value = value.clamp(min as f32, max as f32);
        self.values[id as usize] = Some(value);
        Some(value)
    }

    /// The preset with what is set over it. Real-time: yes.
    pub fn apply(&self, preset: &Patch) -> Patch {
        let mut patch = *preset;
        let get = |id: Id| self.values[id as usize];
        let set = |id: Id, place: &mut f32| {
            if let Some(value) = get(id) {
                *place = value;
            }
        };
        set(Id::CutoffHertz, &mut patch.cutoff_hertz);
        set(Id::Resonance, &mut patch.resonance);
        set(Id::AttackSeconds, &mut patch.amplitude.attack_seconds);
        set(Id::DecaySeconds, &mut patch.amplitude.decay_seconds);
        set(Id::Sustain, &mut patch.amplitude.sustain);
        set(Id::ReleaseSeconds, &mut patch.amplitude.release_seconds);
        set(Id::DetuneCents, &mut patch.detune_cents);
        set(Id::GlideSeconds, &mut patch.glide_seconds);
        set(Id::EnvelopeOctaves, &mut patch.envelope_octaves);
        set(Id::Sub, &mut patch.sub);
        set(Id::Noise, &mut patch.noise);
        set(Id::VibratoCents, &mut patch.lfo.vibrato_cents);
        if get(Id::DecaySeconds).is_some() {
            patch.decay_tracking = 0.0;
        }
        if get(Id::CutoffHertz).is_some() {
            patch.filter = patch.filter.or(Some(Response::Low));
        }
        if let Some(wave) = get(Id::Wave).and_then(|index| Wave::ALL.get(index as usize)) {
            patch.oscillators.iter_mut().for_each(|oscillator| oscillator.wave = *wave);
        }
        if let Some(unison) = get(Id::Unison) {
            patch.unison = (unison as u8).clamp(1, UNISON_MOST as u8);
        }
        patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_of_the_parameters() {
        for (index, id) in ALL.into_iter().enumerate() {
            assert_eq!(id as usize, index);
            assert_eq!(Id::of(index as u16), Some(id));
        }
        assert_eq!(Id::CutoffHertz.parameter().name, "cutoff_hertz");
        assert_eq!(Id::Voices.parameter().name, "voices");
        assert_eq!(Id::BendSemitones.parameter().name, "bend_semitones");
        assert_eq!(PRESETS[KEYS].name, "keys");
    }

    #[test]
    fn settings_win_over_the_preset() {
        let mut settings = Settings::new();
        settings.set(Id::CutoffHertz as usize, Value::Number(500.0));
        settings.set(Id::Wave as usize, Value::Choice(2));
        let patch = Overrides::new(&settings).apply(&PRESETS[0]);
        assert_eq!((patch.cutoff_hertz, patch.filter), (500.0, Some(Response::Low)));
        assert_eq!(patch.oscillators[0].wave, Wave::Triangle);
        assert_eq!(patch.resonance, PRESETS[0].resonance);
    }
}
