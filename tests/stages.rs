//! What each built-in stage promises, measured.

mod harness;

use antiphon::midi::Event;
use antiphon::stage::{Kinds, Status};
use harness::{Rack, Stereo, bits, build, impulse, noise, rate, settings, turn};

fn kinds() -> Kinds {
    let mut kinds = Kinds::empty();
    antiphon::stage::register(&mut kinds);
    kinds
}

fn rack(kind: &str, given: &[(&str, f64)], hertz: u32) -> Rack {
    Rack::new(build(&kinds(), kind, given, rate(hertz)), rate(hertz), 32)
}

#[test]
fn with_no_key_gain_mixer_and_limiter_change_nothing() {
    let mut input = noise(4_000, 1);
    input[0][9] = -0.0;
    for channel in &mut input {
        channel.iter_mut().for_each(|sample| *sample *= 0.9);
    }
    for kind in ["gain", "mixer", "limiter"] {
        assert_eq!(bits(&rack(kind, &[], 48_000).run(&input, None, &[])), bits(&input), "{kind}");
    }
}

#[test]
fn pan_is_constant_power_and_ramps_for_10_ms() {
    let kinds = kinds();
    let ones: Stereo = [vec![1.0; 2_000], vec![1.0; 2_000]];
    for kind in ["gain", "mixer"] {
        let centre = rack(kind, &[("pan", 0.0)], 48_000).run(&ones, None, &[]);
        assert!((centre[0][5] - 0.5_f32.sqrt()).abs() < 1e-6 && centre[0][5] == centre[1][5], "{kind}");
        let right = rack(kind, &[("pan", 1.0)], 48_000).run(&ones, None, &[]);
        assert_eq!((right[0][0], right[1][0]), (0.0, 1.0));
        let events = [turn(&kinds, kind, "pan", 100, 1.0)];
        let moved = rack(kind, &[("pan", -1.0)], 48_000).run(&ones, None, &events);
        assert_eq!((moved[0][100], moved[1][100]), (1.0, 0.0));
        assert!((moved[0][340] - 0.5).abs() < 1e-3, "{}", moved[0][340]);
        assert!(moved[0][579] > 0.0 && moved[0][580] == 0.0 && moved[1][580] == 1.0);
    }
}

#[test]
fn width_goes_from_mono_to_twice_the_difference() {
    let input: Stereo = [vec![0.75; 8], vec![0.25; 8]];
    let of = |width| rack("mixer", &[("width", width)], 48_000).run(&input, None, &[]);
    assert_eq!((of(0.0)[0][3], of(0.0)[1][3]), (0.5, 0.5));
    assert_eq!((of(2.0)[0][3], of(2.0)[1][3]), (1.0, 0.0));
}

#[test]
fn echoes_are_exact_in_time_and_gain() {
    for hertz in [8_000, 44_100, 48_000, 96_000, 192_000] {
        for seconds in [0.001, 0.0123, 0.35] {
            let given = [("seconds", seconds), ("feedback", 0.5), ("mix", 0.25)];
            let period = rate(hertz).frames(seconds) as usize;
            let out = rack("delay", &given, hertz).run(&impulse(4 * period + 10), None, &[]);
            for (n, sample) in out[0].iter().enumerate() {
                let expected = match (n % period, n / period) {
                    (0, 0) => 0.75,
                    (0, echo) => 0.25 * 0.5_f32.powi(echo as i32 - 1),
                    _ => 0.0,
                };
                assert_eq!(*sample, expected, "{hertz} {seconds} {n}");
            }
            assert_eq!(out[0], out[1]);
        }
    }
}

#[test]
fn a_change_of_seconds_crossfades_without_a_jump() {
    let kinds = kinds();
    let mut input: Stereo = [vec![0.0; 40_000], vec![0.0; 40_000]];
    for channel in &mut input {
        for (n, sample) in channel.iter_mut().enumerate() {
            *sample = (n as f32 * 0.02).sin();
        }
    }
    // The second change comes while the first fades, and waits its turn.
    let events = [
        turn(&kinds, "delay", "seconds", 20_000, 0.2),
        turn(&kinds, "delay", "seconds", 20_100, 0.05),
        turn(&kinds, "delay", "seconds", 20_200, 0.1),
    ];
    let given = [("seconds", 0.1), ("feedback", 0.0), ("mix", 1.0)];
    let out = rack("delay", &given, 48_000).run(&input, None, &events);
    let steepest = out[0][5_000..].windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    assert!(steepest < 0.03, "{steepest}");
    assert_eq!(out[0][19_999], input[0][19_999 - 4_800]);
    assert_eq!(out[0][20_000], input[0][20_000 - 4_800]);
    assert_ne!(out[0][20_010], input[0][20_010 - 4_800]);
    assert_eq!(out[0][20_480], input[0][20_480 - 9_600]);
    assert_eq!(out[0][21_000], input[0][21_000 - 4_800]);
}

/// A loop closed over the stage itself: what it gave a quantum ago, at −6 dB.
#[test]
fn a_loop_of_cables_echoes_after_exactly_seconds() {
    for (seconds, piece) in [(0.01, 32), (0.01, 7), (0.01, 1), (32.0 / 48_000.0 + 0.0005, 32)] {
        let given = [("seconds", seconds), ("feedback", 0.0), ("mix", 1.0)];
        let period = rate(48_000).frames(seconds) as usize;
        assert_eq!(
            kinds()
                .get("delay")
                .expect("delay")
                .loop_delay_frames(&settings(&kinds(), "delay", &given), rate(48_000)),
            Some(period as u64)
        );
        let mut rack = rack("delay", &given, 48_000);
        rack.piece = piece;
        let frames = 10 * 1_024;
        let input = impulse(frames);
        let mut out: Stereo = [vec![], vec![]];
        while out[0].len() < frames {
            let from = out[0].len();
            let late: Stereo = std::array::from_fn(|c| {
                (from..from + 32).map(|n| if n < 32 { 0.0 } else { 0.5 * out[c][n - 32] }).collect()
            });
            let part: Stereo = std::array::from_fn(|c| input[c][from..from + 32].to_vec());
            let played = rack.run(&part, Some(&late), &[]);
            for (out, played) in out.iter_mut().zip(&played) {
                out.extend(played);
            }
        }
        for (n, sample) in out[0].iter().enumerate() {
            let echo = n / period;
            let expected = if n % period == 0 && echo > 0 { 0.5_f32.powi(echo as i32 - 1) } else { 0.0 };
            assert_eq!(*sample, expected, "{seconds} {n}");
        }
    }
}

#[test]
fn delay_falls_silent_when_the_last_echo_is_gone() {
    let mut rack = rack("delay", &[("seconds", 0.05), ("feedback", 0.0)], 48_000);
    assert_eq!(rack.status, Status::Silent);
    rack.run(&impulse(2_000), None, &[]);
    assert_eq!(rack.status, Status::Active);
    rack.play(480, &[]);
    rack.play(480, &[]);
    assert_eq!(rack.status, Status::Silent);
}

/// Every stage, with every parameter turned while noise runs through, cut three ways.
#[test]
fn pieces_never_change_a_sample() {
    let kinds = kinds();
    let frames = 12_000;
    let (input, late) = (noise(frames, 3), noise(frames, 4));
    for kind in kinds.iter() {
        let mut events: Vec<Event> = Vec::new();
        for (i, parameter) in kind.parameters().iter().enumerate() {
            let value = parameter.example.as_f32();
            events.push(turn(&kinds, kind.name(), parameter.name, 1_003 + 331 * i as u64, value));
            let antiphon::stage::Shape::Number { min, max } = parameter.shape else { continue };
            let half = (min + 0.3 * (max - min)) as f32;
            events.push(turn(&kinds, kind.name(), parameter.name, 5_009 + 97 * i as u64, half));
        }
        events.sort_by_key(|event| event.time);
        let late = kind
            .loop_delay_frames(&settings(&kinds, kind.name(), &[]), rate(44_100))
            .is_some()
            .then_some(&late);
        let run = |piece| {
            let processor = build(&kinds, kind.name(), &[], rate(44_100));
            bits(&Rack::new(processor, rate(44_100), piece).run(&input, late, &events))
        };
        let whole = run(32);
        assert!(whole == run(1), "{} in pieces of 1", kind.name());
        assert!(whole == run(7), "{} in pieces of 7", kind.name());
    }
}

#[test]
fn a_reset_stage_is_as_new() {
    let kinds = kinds();
    let input = noise(6_000, 5);
    for kind in kinds.iter() {
        let mut rack = rack(kind.name(), &[], 48_000);
        let first = rack.run(&input, None, &[]);
        let events: Vec<_> = kind
            .parameters()
            .iter()
            .map(|p| turn(&kinds, kind.name(), p.name, rack.frame, p.example.as_f32()))
            .collect();
        rack.run(&input, None, &events);
        rack.processor.reset();
        rack.frame = 0;
        assert!(bits(&rack.run(&input, None, &[])) == bits(&first), "{}", kind.name());
    }
}
