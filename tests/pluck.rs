//! What the plucked string promises, measured on its own output.

mod harness;
#[path = "harness/measure.rs"]
mod measure;

use antiphon::midi::{Event, Message};
use antiphon::stage::{Kinds, Status};
use harness::{Rack, bits, build, rate, turn};
use measure::{band_around, cents, component, level_decibels, partial_hertz, peak_decibels};

fn kinds() -> Kinds {
    let mut kinds = Kinds::empty();
    antiphon::instrument::register(&mut kinds);
    kinds
}

fn rack(given: &[(&str, f64)], hertz: u32) -> Rack {
    Rack::new(build(&kinds(), "pluck", given, rate(hertz)), rate(hertz), 32)
}

fn on(time: u64, channel: u8, key: u8, velocity: u8) -> Event {
    Event::midi(time, 0, Message::NoteOn { channel, key, velocity })
}

fn off(time: u64, channel: u8, key: u8) -> Event {
    Event::midi(time, 0, Message::NoteOff { channel, key, velocity: 64 })
}

fn control(time: u64, channel: u8, controller: u8, value: u8) -> Event {
    Event::midi(time, 0, Message::ControlChange { channel, controller, value })
}

fn bend(time: u64, channel: u8, value: u16) -> Event {
    Event::midi(time, 0, Message::PitchBend { channel, value })
}

fn noted(note: u32, mut event: Event) -> Event {
    event.note = note;
    event
}

fn key_hertz(key: f64) -> f64 {
    440.0 * ((key - 69.0) / 12.0).exp2()
}

#[test]
fn every_key_is_in_tune_within_a_cent() {
    let mut worst: f64 = 0.0;
    for hertz in [44_100, 48_000, 96_000] {
        for key in 24..=108 {
            let frames = hertz as usize * 3 / 4;
            let out = rack(&[], hertz).play(frames, &[on(0, 0, key, 100)]);
            let guess = key_hertz(f64::from(key));
            let measured = partial_hertz(&out[0][frames / 5..], guess, f64::from(hertz));
            let off = cents(measured, guess);
            worst = worst.max(off.abs());
            assert!(off.abs() < 1.0, "key {key} at {hertz}: {off} cents");
        }
    }
}

#[test]
fn partials_are_harmonic() {
    for (key, damping) in [(36, 0.0), (36, 0.9), (60, 0.4), (60, 0.9), (84, 0.4)] {
        let out = rack(&[("damping", damping), ("body", 0.0)], 48_000).play(36_000, &[on(0, 0, key, 110)]);
        for partial in 2..=5 {
            let guess = key_hertz(f64::from(key)) * f64::from(partial);
            let off = cents(partial_hertz(&out[0][4_800..20_000], guess, 48_000.0), guess);
            assert!(off.abs() < 2.0, "key {key}, partial {partial}: {off} cents");
        }
    }
}

#[test]
fn the_first_sample_is_the_keys_own_frame() {
    for hertz in [44_100, 48_000, 96_000, 192_000] {
        for (key, velocity, start) in [(24, 100, 1_001), (60, 1, 64), (96, 127, 31), (108, 20, 997)] {
            let given = [("brightness", 0.0)];
            let out = rack(&given, hertz).play(start as usize + 3, &[on(start, 0, key, velocity)]);
            let first = out[0].iter().position(|s| *s != 0.0);
            assert_eq!(first, Some(start as usize), "key {key} at {hertz}");
            let loudest = out[0].iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
            assert!(loudest > 1.0e-6, "{loudest}");
        }
    }
}

#[test]
fn one_note_is_as_loud_as_it_should_be() {
    for hertz in [44_100, 96_000] {
        for key in (24..=108).step_by(6) {
            let out = rack(&[], hertz).play(hertz as usize / 2, &[on(0, 0, key, 100)]);
            let peak = peak_decibels(&out[0]);
            assert!((-15.0..-9.0).contains(&peak), "key {key} at {hertz}: {peak} dBFS");
            assert_eq!(out[0], out[1]);
        }
    }
}

#[test]
fn strings_decay_as_they_are_told() {
    for hertz in [44_100, 96_000] {
        for (key, decay) in [(36, 2.0), (60, 1.0), (60, 4.0), (84, 3.0), (96, 2.0)] {
            let given = [("decay_seconds", decay), ("body", 0.0), ("damping", 0.2)];
            let seconds = decay * (-(f64::from(key) - 60.0) / 24.0).exp2();
            let frames = rate(hertz).frames(0.1 + 0.6 * seconds) as usize;
            let out = rack(&given, hertz).play(frames, &[on(0, 0, key, 100)]);
            let of = key_hertz(f64::from(key));
            let hop = rate(hertz).frames(0.3 * seconds) as usize;
            let window = rate(hertz).frames(0.2 * seconds) as usize;
            let start = rate(hertz).frames(0.1) as usize;
            let (early, _) = component(&out[0][start..start + window], of, f64::from(hertz));
            let (late, _) = component(&out[0][start + hop..start + hop + window], of, f64::from(hertz));
            let measured = 0.3 * seconds * 60.0 / (20.0 * (early / late).log10());
            assert!((measured / seconds - 1.0).abs() < 0.05, "key {key}: {measured} s, not {seconds}");
        }
    }
}

#[test]
fn damping_and_rate_leave_the_treble_as_told() {
    for hertz in [44_100, 48_000, 96_000] {
        for (key, damping) in [(40, 0.2), (40, 0.6), (52, 0.5)] {
            let given = [("damping", damping), ("decay_seconds", 10.0), ("body", 0.0), ("brightness", 1.0)];
            let seconds = 3.0 * (0.05_f64 / 3.0).powf(damping);
            let out = rack(&given, hertz).play(hertz as usize, &[on(0, 0, key, 127)]);
            let near = band_around(&out[0], f64::from(hertz), 4_000.0, 120.0);
            let power = |from: f64| {
                let start = rate(hertz).frames(from) as usize;
                let length = rate(hertz).frames(0.08 * seconds + 0.03) as usize;
                near[start..start + length].iter().map(|s| s * s).sum::<f64>()
            };
            let step = 0.4 * seconds;
            let measured = step * 60.0 / (10.0 * (power(0.06) / power(0.06 + step)).log10());
            assert!((measured / seconds - 1.0).abs() < 0.12, "key {key}: {measured} s, not {seconds}");
        }
    }
}

#[test]
fn the_release_takes_its_time() {
    let given = [("release_seconds", 0.4), ("decay_seconds", 30.0), ("damping", 0.0), ("body", 0.0)];
    let mut rack = rack(&given, 48_000);
    let out = rack.play(96_000, &[on(0, 0, 48, 100), off(24_000, 0, 48)]);
    let fall = level_decibels(&out[0][26_400..28_800]) - level_decibels(&out[0][36_000..38_400]);
    // 0.2 s at 60 dB in 0.4 s, and a little of the string's own decay.
    assert!((fall - 30.3).abs() < 1.0, "{fall} dB");
    assert_eq!(rack.status, Status::Silent);
    assert_eq!(rack.processor.voices(), 0);
    assert!(out[0][90_000..].iter().all(|s| *s == 0.0));
}

#[test]
fn velocity_is_level_and_brightness() {
    let play = |velocity| rack(&[("body", 0.0)], 48_000).play(24_000, &[on(0, 0, 48, velocity)]);
    let (soft, loud) = (play(30), play(127));
    assert!(level_decibels(&loud[0]) - level_decibels(&soft[0]) > 15.0);
    let treble = |sound: &[f32]| {
        let high: f64 = band_around(sound, 48_000.0, 5_000.0, 500.0).iter().map(|s| s * s).sum();
        let low: f64 = band_around(sound, 48_000.0, 260.0, 100.0).iter().map(|s| s * s).sum();
        10.0 * (high / low).log10()
    };
    assert!(treble(&loud[0]) - treble(&soft[0]) > 6.0);
}

#[test]
fn picking_at_the_middle_takes_out_the_even_partials() {
    let hertz = key_hertz(45.0);
    let of = |place| {
        let given = [("pick_position", place), ("body", 0.0), ("damping", 0.0)];
        let out = rack(&given, 48_000).play(24_000, &[on(0, 0, 45, 100)]);
        let second = component(&out[0][4_800..], 2.0 * hertz, 48_000.0).0;
        20.0 * (second / component(&out[0][4_800..], hertz, 48_000.0).0).log10()
    };
    let (middle, quarter) = (of(0.5), of(0.25));
    assert!(middle < -30.0 && quarter > -15.0, "{middle} {quarter}");
}

#[test]
fn the_body_sounds_at_its_modes() {
    let of = |body| {
        let given = [("body", body), ("decay_seconds", 8.0)];
        let out = rack(&given, 48_000).play(48_000, &[on(0, 0, 55, 100)]);
        component(&out[0][4_800..], key_hertz(55.0), 48_000.0).0
    };
    let gained = 20.0 * (of(1.0) / of(0.0)).log10();
    // G3 at 196 Hz lies near the second mode.
    assert!(gained > 3.0, "{gained} dB");
}

#[test]
fn the_wheel_bends_exactly_and_without_a_click() {
    let mut rack = rack(&[("decay_seconds", 20.0), ("body", 0.0)], 48_000);
    let events = [on(0, 0, 57, 100), bend(24_000, 0, 16_383), bend(60_000, 0, 0), bend(61_000, 0, 4_096)];
    let out = rack.play(96_000, &events);
    let up = partial_hertz(&out[0][30_000..58_000], key_hertz(59.0), 48_000.0);
    assert!(cents(up, key_hertz(59.0)).abs() < 1.0, "{up}");
    let down = partial_hertz(&out[0][66_000..], key_hertz(56.0), 48_000.0);
    assert!(cents(down, key_hertz(56.0)).abs() < 1.0, "{down}");
    // A click is a step in the treble: compare the highest octave before and during.
    let treble = band_around(&out[0], 48_000.0, 18_000.0, 1_000.0);
    let loudest = |range: std::ops::Range<usize>| treble[range].iter().fold(0.0_f64, |p, s| p.max(s.abs()));
    let (before, during) = (loudest(20_000..23_500), loudest(23_900..26_000));
    // −80 dBFS: what the turning pitch itself spreads.
    assert!(during < 4.0 * before + 1e-4, "{before} {during}");
}

#[test]
fn channels_keep_their_own_controllers() {
    let mut rack = rack(&[("body", 0.0)], 48_000);
    let events = [
        control(0, 1, 10, 0),
        control(0, 2, 10, 127),
        control(0, 3, 7, 0),
        on(100, 1, 60, 100),
        control(12_000, 1, 120, 0),
        on(16_000, 2, 60, 100),
        control(28_000, 2, 120, 0),
        on(32_000, 3, 60, 100),
    ];
    let out = rack.play(44_000, &events);
    let loudest = |c: usize, range: std::ops::Range<usize>| {
        out[c][range].iter().fold(0.0_f32, |peak, s| peak.max(s.abs()))
    };
    assert!(loudest(0, 100..12_000) > 0.1 && loudest(1, 100..12_000) == 0.0);
    assert!(loudest(1, 16_000..28_000) > 0.1 && loudest(0, 16_000..28_000) == 0.0);
    assert_eq!(loudest(0, 12_300..16_000), 0.0);
    assert_eq!(loudest(0, 32_000..44_000), 0.0);
}

#[test]
fn pedals_hold_and_release() {
    let given = [("release_seconds", 0.02), ("decay_seconds", 20.0)];
    for pedal in [64, 66] {
        let mut rack = rack(&given, 48_000);
        let events = [
            noted(1, on(0, 0, 60, 100)),
            control(1_000, 0, pedal, 127),
            noted(1, off(2_000, 0, 60)),
            noted(2, on(20_000, 0, 72, 100)),
            noted(2, off(24_000, 0, 72)),
        ];
        rack.play(48_000, &events);
        let held = if pedal == 64 { 2 } else { 1 };
        assert_eq!(rack.processor.voices(), held, "pedal {pedal}");
        rack.play(48_000, &[control(50_000, 0, pedal, 0)]);
        assert_eq!(rack.processor.voices(), 0, "pedal {pedal}");
    }
    for ending in [control(500, 0, 123, 0), control(500, 0, 120, 0), Event::reset(500, 0)] {
        let mut rack = rack(&given, 48_000);
        rack.play(9_600, &[on(0, 0, 60, 100), ending]);
        assert_eq!(rack.processor.voices(), 0, "{ending:?}");
    }
}

#[test]
fn sixty_four_strings_sound_and_stealing_does_not_click() {
    let mut rack = rack(&[("body", 0.0), ("brightness", 0.0), ("damping", 1.0)], 48_000);
    let mut events: Vec<Event> =
        (0..64).map(|i| noted(u32::from(i) + 1, on(100 * u64::from(i), 0, 30 + i / 2, 60))).collect();
    rack.play(9_600, &events);
    assert_eq!(rack.processor.voices(), 64);
    // The oldest of 64 low notes goes for a soft, dull one.
    events = vec![noted(99, on(19_207, 0, 30, 1))];
    let out = rack.play(19_200, &events);
    assert_eq!(rack.processor.voices(), 64);
    let treble = band_around(&out[0], 48_000.0, 18_000.0, 1_000.0);
    let loudest = |range: std::ops::Range<usize>| treble[range].iter().fold(0.0_f64, |p, s| p.max(s.abs()));
    let (before, during) = (loudest(5_000..9_000), loudest(9_500..10_500));
    assert!(during < before + 2e-4, "{before} {during}");
}

/// Notes, releases, controllers, bends, pedals, theft and parameters, cut three ways.
#[test]
fn pieces_never_change_a_sample() {
    let kinds = kinds();
    let mut events = Vec::new();
    for i in 0..40_u64 {
        let (key, channel) = (24 + (i * 13 % 85) as u8, (i % 3) as u8);
        events.push(noted(i as u32 + 1, on(37 * i + 5, channel, key, 30 + (i * 7 % 90) as u8)));
        events.push(noted(i as u32 + 1, off(37 * i + 900 + 61 * (i % 5), channel, key)));
        events.push(bend(53 * i + 11, channel, (i * 977 % 16_384) as u16));
        events.push(control(
            71 * i + 3,
            channel,
            [7, 10, 11, 64, 66, 74][i as usize % 6],
            (i * 29 % 128) as u8,
        ));
    }
    for (i, parameter) in kinds.get("pluck").expect("pluck").parameters().iter().enumerate() {
        events.push(turn(&kinds, "pluck", parameter.name, 701 + 203 * i as u64, parameter.example.as_f32()));
    }
    events.push(control(2_700, 1, 120, 0));
    events.push(control(2_801, 0, 121, 0));
    events.push(control(3_001, 0, 123, 0));
    events.sort_by_key(|event| event.time);
    let run = |piece| {
        let mut rack = rack(&[("voices", 12.0), ("release_seconds", 0.02)], 44_100);
        rack.piece = piece;
        bits(&rack.play(20_000, &events))
    };
    let whole = run(32);
    for piece in [1, 7, 17] {
        assert!(whole == run(piece), "pieces of {piece}");
    }
}

#[test]
fn a_run_can_be_repeated_and_a_reset_string_is_as_new() {
    let events = [on(10, 0, 50, 90), on(3_000, 0, 50, 90), off(6_000, 0, 50)];
    let mut first = rack(&[], 48_000);
    let sound = first.play(12_000, &events);
    assert!(bits(&rack(&[], 48_000).play(12_000, &events)) == bits(&sound));
    first.processor.reset();
    first.frame = 0;
    assert!(bits(&first.play(12_000, &events)) == bits(&sound));
    // Each pluck of one key has noise of its own.
    assert!(sound[0][10..2_000] != sound[0][3_000..4_990]);
}
