//! The room, measured: how long it rings, how loud, how dense, how wide.

mod harness;
#[path = "harness/measure.rs"]
mod measure;

use antiphon::stage::{Kinds, Status};
use harness::{Rack, Stereo, build, impulse, noise, rate, turn};
use measure::{band, band_around, t30_seconds};

fn kinds() -> Kinds {
    let mut kinds = Kinds::empty();
    antiphon::stage::register(&mut kinds);
    kinds
}

fn response(given: &[(&str, f64)], hertz: u32, seconds: f64) -> Stereo {
    let rate = rate(hertz);
    let mut rack = Rack::new(build(&kinds(), "reverb", given, rate), rate, 32);
    rack.run(&impulse(rate.frames(seconds) as usize), None, &[])
}

fn t60(given: &[(&str, f64)], hertz: u32, seconds: f64, low: f64, high: f64) -> f64 {
    let out = response(given, hertz, seconds * 1.2 + 0.3);
    t30_seconds(&band(&out[0], f64::from(hertz), low, high), f64::from(hertz))
}

#[test]
fn t60_is_within_5_percent_of_the_setting() {
    let mut off = Vec::new();
    for hertz in [8_000, 44_100, 48_000, 96_000] {
        for (seconds, size) in [
            (0.1, 0.5),
            (0.15, 1.0),
            (0.2, 0.5),
            (0.3, 0.0),
            (0.5, 0.5),
            (0.6, 1.0),
            (1.0, 0.5),
            (1.8, 0.5),
            (3.0, 0.5),
            (4.0, 0.8),
            (8.0, 0.0),
        ] {
            // The pause between the dry sound and the room counts in a short T30.
            for mix in if seconds < 1.0 { &[1.0][..] } else { &[1.0, 0.25] } {
                let given = [("t60_seconds", seconds), ("size", size), ("damping", 0.0), ("mix", *mix)];
                let measured = t60(&given, hertz, seconds, 500.0, 2_000.0);
                let percent = (measured / seconds - 1.0) * 100.0;
                let line = format!("{hertz} Hz, {seconds} s, size {size}, mix {mix}: {percent:+.1} %");
                if percent.abs() >= 5.0 {
                    off.push(line);
                }
            }
        }
    }
    assert!(off.is_empty(), "{off:#?}");
}

#[test]
fn damping_shortens_the_treble_as_it_says() {
    for damping in [0.4, 0.8] {
        let out = response(&[("t60_seconds", 2.0), ("damping", damping), ("mix", 1.0)], 48_000, 2.7);
        let treble = t30_seconds(&band_around(&out[0], 48_000.0, 6_000.0, 200.0), 48_000.0);
        let wanted = 2.0 * (1.0 - 0.9 * damping);
        assert!((treble / wanted - 1.0).abs() < 0.07, "{damping}: {treble} s, not {wanted}");
        let bass = t30_seconds(&band(&out[0], 48_000.0, 60.0, 250.0), 48_000.0);
        assert!((bass / 2.0 - 1.0).abs() < 0.05, "{bass}");
    }
}

#[test]
fn the_room_is_as_loud_as_what_goes_in() {
    for (seconds, size) in [(0.5, 0.2), (1.8, 0.5), (6.0, 0.9)] {
        let given = [("t60_seconds", seconds), ("size", size), ("damping", 0.0), ("mix", 1.0)];
        let rate = rate(48_000);
        let mut rack = Rack::new(build(&kinds(), "reverb", &given, rate), rate, 32);
        let out = rack.run(&noise(rate.frames(2.0 * seconds + 1.0) as usize, 9), None, &[]);
        let tail = &out[0][rate.frames(1.2 * seconds) as usize..];
        let power = tail.iter().map(|s| f64::from(s * s)).sum::<f64>() / tail.len() as f64;
        let decibels = 10.0 * (power * 3.0).log10();
        assert!(decibels.abs() < 1.5, "{seconds} {size}: {decibels} dB");
    }
}

/// Abel & Huang, "A Simple, Robust Measure of Reverberation Echo Density", AES 121
/// (2006): the share of samples beyond one standard deviation, against Gaussian noise.
fn echo_density(window: &[f32]) -> f64 {
    let power = window.iter().map(|s| f64::from(s * s)).sum::<f64>() / window.len() as f64;
    let beyond = window.iter().filter(|s| f64::from(s.abs()) > power.sqrt()).count();
    beyond as f64 / window.len() as f64 / 0.317_3
}

#[test]
fn echoes_grow_dense_and_the_channels_differ() {
    let out = response(&[("mix", 1.0), ("damping", 0.0)], 48_000, 1.0);
    for milliseconds in [30, 60, 90, 120, 200] {
        let from = 48 * milliseconds;
        let density = echo_density(&out[0][from..from + 960]);
        assert!(milliseconds < 90 || density > 0.8, "{milliseconds} ms: {density}");
    }
    let (mut both, mut left, mut right) = (0.0, 0.0, 0.0);
    for (l, r) in out[0].iter().zip(&out[1]) {
        both += f64::from(l * r);
        left += f64::from(l * l);
        right += f64::from(r * r);
    }
    let correlation = both / (left * right).sqrt();
    assert!(correlation.abs() < 0.15, "{correlation}");
    assert!((left / right - 1.0).abs() < 0.3, "{}", left / right);
}

/// Metallic rooms ring at a few frequencies: late in the tail no mode may stand out.
#[test]
fn no_frequency_rings_on_alone() {
    let out = response(&[("mix", 1.0), ("damping", 0.0)], 48_000, 2.0);
    let late = &out[0][48_000..48_000 + 32_768];
    let mut planner = realfft::RealFftPlanner::<f32>::new();
    let mut spectrum = vec![Default::default(); 16_385];
    let mut window: Vec<f32> = late.to_vec();
    planner.plan_fft_forward(32_768).process(&mut window, &mut spectrum).expect("a transform");
    let powers: Vec<f32> = spectrum[70..14_000].iter().map(|bin| bin.norm_sqr()).collect();
    let mean = powers.iter().sum::<f32>() / powers.len() as f32;
    let most = powers.iter().copied().fold(0.0, f32::max);
    let decibels = 10.0 * (most / mean).log10();
    // The powers of a diffuse field are exponentially distributed: of 14,000 the
    // largest lies about ln(14,000) = 9.8 dB above the mean; a few modes that ring
    // alone reach 20 and more.
    assert!(decibels < 15.0, "{decibels} dB");
}

#[test]
fn turning_the_room_makes_no_click() {
    let kinds = kinds();
    let rate = rate(48_000);
    let mut rack = Rack::new(build(&kinds, "reverb", &[("mix", 1.0)], rate), rate, 32);
    let mut input = noise(96_000, 2);
    for channel in &mut input {
        // A low tone: any jump stands out.
        channel.iter_mut().enumerate().for_each(|(n, s)| *s = (n as f32 * 0.01).sin());
    }
    let mut events = Vec::new();
    for k in 0..20 {
        let value = [0.9, 0.1, 0.4, 0.6][k % 4];
        let name = ["size", "damping", "size", "t60_seconds"][k % 4];
        events.push(turn(&kinds, "reverb", name, 40_000 + 411 * k as u64, value));
    }
    let out = rack.run(&input, None, &events);
    let steepest = |range: std::ops::Range<usize>| {
        out[0][range].windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
    };
    let (before, during) = (steepest(20_000..40_000), steepest(40_000..60_000));
    assert!(during < 4.0 * before + 0.01, "{before} {during}");
}

#[test]
fn the_room_falls_silent() {
    let rate = rate(48_000);
    let mut rack = Rack::new(build(&kinds(), "reverb", &[("t60_seconds", 0.2)], rate), rate, 32);
    assert_eq!(rack.status, Status::Silent);
    rack.run(&impulse(4_800), None, &[]);
    assert_eq!(rack.status, Status::Active);
    rack.play(48_000, &[]);
    assert_eq!(rack.status, Status::Silent);
}
