use super::*;
use crate::generate::local::{Local, Settings, arrange};
use crate::generate::{Draft, Request};
use crate::theory::Style;

const RATE: SampleRate = SampleRate::DEFAULT;

fn piece(style: Style, bars: u32, seed: u64) -> Vec<u8> {
    let settings = Settings::new("a test", None, None, Some(style.name()), seed).expect("settings");
    arrange(&settings.chart(bars), settings.manner, seed)
}

fn band() -> Band {
    Band::new().expect("the built-in rig is valid")
}

fn peak(audio: &Audio) -> f32 {
    audio.channels.iter().flatten().fold(0.0, |peak, sample| sample.abs().max(peak))
}

#[test]
fn every_style_is_heard_and_nothing_clips() {
    let rate = SampleRate::new(16_000).expect("a rate");
    for style in Style::ALL {
        let audio = band().play(&piece(style, 1, 3), rate, Some(32_000)).expect("it plays");
        let peak = peak(&audio);
        assert!((0.15..0.95).contains(&peak), "{style}: {peak}");
        assert!(audio.channels.iter().flatten().all(|sample| sample.is_finite()));
        let energy: f64 = audio.channels.iter().flatten().map(|s| f64::from(*s) * f64::from(*s)).sum();
        let mean = energy / (2 * audio.frames()) as f64;
        assert!((1.0e-4..4.0e-2).contains(&mean), "{style}: {mean}");
    }
}

/// By EBU R 128: nobody drowns the others, and nobody is drowned.
#[test]
fn the_players_are_about_as_loud() {
    let rate = SampleRate::new(16_000).expect("a rate");
    for style in Style::ALL {
        let mut heard = Vec::new();
        for part in ["chords", "bass", "drums", "melody"] {
            let words = format!("{part} only");
            let settings = Settings::new(&words, Some("D"), None, Some(style.name()), 2).expect("settings");
            let midi = arrange(&settings.chart(1), settings.manner, 2);
            let audio = band().play(&midi, rate, Some(24_000)).expect("it plays");
            let mut meter = ebur128::EbuR128::new(2, 16_000, ebur128::Mode::I).expect("a meter");
            let planes: Vec<&[f32]> = audio.channels.iter().map(Vec::as_slice).collect();
            meter.add_frames_planar_f32(&planes).expect("samples");
            heard.push((part, meter.loudness_global().expect("a loudness")));
        }
        let loudest = heard.iter().map(|(_, lufs)| *lufs).fold(f64::NEG_INFINITY, f64::max);
        let softest = heard.iter().map(|(_, lufs)| *lufs).fold(f64::INFINITY, f64::min);
        assert!(loudest - softest < 11.0 && softest > -38.0, "{style}: {heard:?}");
    }
}

#[test]
fn what_the_generator_writes_passes_verification() {
    for style in Style::ALL {
        let mut request = Request::new("a test", RATE);
        request.style = Some(style.name().to_owned());
        for seed in 0..10 {
            request.seed = seed;
            let Draft::Midi { bytes, .. } = Local::write(&request).expect("a draft") else {
                panic!("no MIDI")
            };
            assert_eq!(crate::generate::verify::midi(&bytes, &request), Ok(Vec::new()), "{style} {seed}");
        }
    }
}

#[test]
fn a_length_is_exact_and_the_same_file_is_the_same_samples() {
    let midi = piece(Style::Funk, 2, 1);
    let short = band().perform(&midi, RATE, Some(20_001)).expect("it plays");
    assert_eq!((short.channels.len(), short.frames()), (2, 20_001));
    let again = Band::new().expect("valid").perform(&midi, RATE, Some(20_001)).expect("it plays");
    assert!(short == again, "two performances differ");
    let last = short.channels[0][20_000];
    assert!(last.abs() < 1.0e-3, "it is cut with a fade: {last}");
    // What is heard does not depend on where it is cut, but for the fade.
    let longer = band().perform(&midi, RATE, Some(22_000)).expect("it plays");
    assert_eq!(short.channels[1][..19_000], longer.channels[1][..19_000]);
    assert!(peak(&short) > 0.1);
}

#[test]
fn what_is_no_midi_file_is_unfit() {
    let failure = band().perform(b"RIFF", RATE, None).expect_err("no MIDI file");
    assert_eq!(failure.kind, FailureKind::Unfit);
    let failure = band().perform(&piece(Style::Pop, 1, 0), RATE, Some(1 << 40)).expect_err("too long");
    assert_eq!(failure.kind, FailureKind::Usage);
    let error = Band::of("[instrument.x]\nkind = \"kazoo\"").expect_err("no rig");
    assert!(error.message.starts_with("the band's rig: "), "{error}");
}
