use super::subjects::{self, Subject};
use super::{INSTRUMENTS, interleaved};
use crate::engine::{Error, kinds};
use crate::measure::Run;
use crate::measure::report::{Better, InstrumentCost};
use crate::measure::stand::Stretch;
use crate::stage::{Kind, Role, Shape};
use crate::unit::SampleRate;

/// Voices of each.
const VOICES: u32 = 64;
/// The instrument that `voices_per_core` tells of.
const FIRST: (&str, Option<&str>) = ("synth", Some("keys"));
/// This one is the others, by the channel's program.
const NOT_A_SOUND: &str = "gm";

/// Each kind of instrument that has voices, with each of its presets.
fn all() -> Vec<(String, Option<&'static str>)> {
    let mut found = Vec::new();
    for kind in kinds().iter().filter(|kind| has_voices(&***kind)) {
        let presets = kind.parameters().iter().find(|parameter| parameter.name == "preset");
        match presets.map(|parameter| parameter.shape) {
            Some(Shape::Choice(presets)) => {
                let sounds = presets.iter().filter(|preset| **preset != NOT_A_SOUND);
                found.extend(sounds.map(|preset| (kind.name().to_owned(), Some(*preset))));
            }
            _ => found.push((kind.name().to_owned(), None)),
        }
    }
    found
}

/// A metronome has none.
fn has_voices(kind: &dyn Kind) -> bool {
    kind.role() == Role::Instrument && kind.parameters().iter().any(|parameter| parameter.name == "voices")
}

/// Nanoseconds for a frame of a voice of each, by what really sounded.
pub(super) fn measure(run: &mut Run, rate: SampleRate, block: usize, seconds: f64) -> Result<(), Error> {
    let all = all();
    let subjects: Vec<Subject> =
        all.iter().map(|(kind, preset)| subjects::instrument(kind, *preset, VOICES, block)).collect();
    let measured = interleaved(run, subjects, rate, seconds, (0.0, INSTRUMENTS))?;
    for ((kind, preset), measured) in all.into_iter().zip(measured) {
        let samples = measured.samples(Stretch::nanos_per_voice_frame);
        let path = &measured.subject.figure;
        let Some(ns_per_frame) = samples.median() else {
            if !run.is_stopped() {
                run.missing(path, "it did not sound");
            }
            continue;
        };
        let voices = measured.samples(|stretch| Some(stretch.voices())).median().unwrap_or(0.0);
        let voices_per_core = 1.0e9 / (f64::from(rate.hertz()) * ns_per_frame);
        if FIRST == (kind.as_str(), preset) {
            run.report.render.voices_per_core = Some(voices_per_core);
        }
        run.report.render.instruments.push(InstrumentCost {
            kind,
            preset: preset.map(str::to_owned),
            voices: voices.round() as u32,
            ns_per_frame,
            voices_per_core,
        });
        run.figure(&format!("{path}.ns_per_frame"), "ns", Better::Less, samples);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Settings, Stop};

    #[test]
    fn every_sound_sounds_and_is_told() {
        let mut run = Run::new(Settings::default(), Stop::default(), &());
        measure(&mut run, SampleRate::DEFAULT, 64, 0.0).expect("it measures");
        let render = &run.report.render;
        assert_eq!(run.report.not_measured.len(), 0, "{:?}", run.report.not_measured);
        for (kind, preset) in all() {
            let cost = render
                .instruments
                .iter()
                .find(|cost| (&cost.kind, cost.preset.as_deref()) == (&kind, preset));
            let cost = cost.unwrap_or_else(|| panic!("{kind} {preset:?}"));
            assert!(cost.ns_per_frame > 0.0 && cost.voices_per_core > 0.0 && cost.voices >= 8, "{cost:?}");
        }
        assert!(render.instruments.len() >= 20 && render.voices_per_core.is_some());
    }
}
