//! What the synth promises, measured on its own output: pitch, aliasing, filter,
//! envelope, onset, independence of how time is cut, stealing, pedals.

use antiphon::instrument;
use antiphon::midi::{Event, Message};
use antiphon::stage::{
    Block, Context, Input, Kind, Kinds, Processor, Settings, Shape, Status, StreamFormat, Value,
};
use antiphon::unit::{QUANTUM_FRAMES, SampleRate};
use realfft::RealFftPlanner;
use std::sync::Arc;

fn kind() -> Arc<dyn Kind> {
    let mut kinds = Kinds::empty();
    instrument::register(&mut kinds);
    kinds.get("synth").expect("a synth").clone()
}

fn presets() -> &'static [&'static str] {
    match kind().parameters()[0].shape {
        Shape::Choice(names) => names,
        _ => panic!("preset is a choice"),
    }
}

fn settings(given: &[(&str, f64)], words: &[(&str, &str)]) -> Settings {
    let kind = kind();
    let mut settings = Settings::new();
    let place = |name: &str| kind.parameters().iter().position(|p| p.name == name).expect("a parameter");
    for &(name, number) in given {
        settings.set(place(name), Value::Number(number));
    }
    for &(name, word) in words {
        let Shape::Choice(choices) = kind.parameters()[place(name)].shape else { panic!("{name}") };
        settings.set(place(name), Value::Choice(choices.iter().position(|c| *c == word).expect("a choice")));
    }
    settings
}

struct Player {
    processor: Box<dyn Processor>,
    rate: SampleRate,
    frame: u64,
    status: Status,
}

impl Player {
    fn new(rate_hertz: u32, settings: &Settings) -> Player {
        let rate = SampleRate::new(rate_hertz).expect("a rate");
        let format = StreamFormat { rate, seed: 11 };
        let processor = kind().prepare(settings, format).expect("a synth");
        Player { processor, rate, frame: 0, status: Status::Silent }
    }

    fn init(rate_hertz: u32, given: &[(&str, f64)]) -> Player {
        Player::new(rate_hertz, &settings(given, &[("preset", "init")]))
    }

    /// Renders `frames` in pieces of at most `piece`, with events at absolute frames.
    fn play(&mut self, frames: usize, piece: usize, events: &[Event]) -> [Vec<f32>; 2] {
        let mut out = [vec![0.0; frames], vec![0.0; frames]];
        let zeros = [0.0; QUANTUM_FRAMES];
        let mut at = 0;
        while at < frames {
            let to_tick = QUANTUM_FRAMES - (self.frame as usize % QUANTUM_FRAMES);
            let count = piece.min(to_tick).min(frames - at);
            let end = self.frame + count as u64;
            let first = events.partition_point(|e| e.time < self.frame);
            let last = events.partition_point(|e| e.time < end);
            let context = Context::at_rest(self.frame, self.rate, &events[first..last]);
            let input = Input { main: [&zeros[..count]; 2], late: None };
            let [left, right] = &mut out;
            let mut block = Block { left: &mut left[at..at + count], right: &mut right[at..at + count] };
            self.status = self.processor.process(&context, input, &mut block);
            at += count;
            self.frame = end;
        }
        out
    }
}

fn noted(note: u32, mut event: Event) -> Event {
    event.note = note;
    event
}

fn on(time: u64, note: u32, channel: u8, key: u8, velocity: u8) -> Event {
    noted(note, Event::midi(time, 0, Message::NoteOn { channel, key, velocity }))
}

fn off(time: u64, note: u32, channel: u8, key: u8) -> Event {
    noted(note, Event::midi(time, 0, Message::NoteOff { channel, key, velocity: 64 }))
}

fn control(time: u64, channel: u8, controller: u8, value: u8) -> Event {
    Event::midi(time, 0, Message::ControlChange { channel, controller, value })
}

fn hertz(key: u8) -> f64 {
    440.0 * ((f64::from(key) - 69.0) / 12.0).exp2()
}

/// Magnitudes of a Blackman–Harris-windowed spectrum, scaled so that a sine of
/// amplitude 1 reads 1 at its bin.
fn spectrum(samples: &[f32]) -> Vec<f64> {
    let length = samples.len();
    let window = |i: usize| {
        let x = std::f64::consts::TAU * i as f64 / length as f64;
        0.358_75 - 0.488_29 * x.cos() + 0.141_28 * (2.0 * x).cos() - 0.011_68 * (3.0 * x).cos()
    };
    let mut input: Vec<f64> = samples.iter().enumerate().map(|(i, s)| f64::from(*s) * window(i)).collect();
    let plan = RealFftPlanner::<f64>::new().plan_fft_forward(length);
    let mut bins = plan.make_output_vec();
    plan.process(&mut input, &mut bins).expect("a spectrum");
    bins.iter().map(|bin| bin.norm() * 2.0 / (0.358_75 * length as f64)).collect()
}

/// The complex amplitude of one frequency under a Hann window: its magnitude
/// and phase in radians.
fn component(samples: &[f32], hertz: f64, rate: f64) -> (f64, f64) {
    let length = samples.len() as f64;
    let (mut re, mut im) = (0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let window = 1.0 - (std::f64::consts::TAU * i as f64 / length).cos();
        let angle = std::f64::consts::TAU * hertz * i as f64 / rate;
        re += window * f64::from(*sample) * angle.cos();
        im -= window * f64::from(*sample) * angle.sin();
    }
    (2.0 * re.hypot(im) / length, im.atan2(re))
}

/// The frequency near a guess, by how far its phase turns between two windows.
fn measured_hertz(samples: &[f32], guess: f64, rate: f64) -> f64 {
    let hop = samples.len() / 4;
    let length = samples.len() - hop;
    let (_, first) = component(&samples[..length], guess, rate);
    let (_, second) = component(&samples[hop..], guess, rate);
    // Each window's phase counts from its own start.
    let expected = std::f64::consts::TAU * guess * hop as f64 / rate;
    let turned = (second - first - expected + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU)
        - std::f64::consts::PI;
    guess + turned * rate / (std::f64::consts::TAU * hop as f64)
}

#[test]
fn every_key_is_in_tune_within_a_cent() {
    for rate in [44_100, 48_000, 96_000] {
        for key in 24..=108 {
            let mut player = Player::init(rate, &[]);
            let [left, _] = player.play(rate as usize / 2, 32, &[on(0, 1, 0, key, 100)]);
            let measured = measured_hertz(&left[1_000..], hertz(key), f64::from(rate));
            let cents = 1_200.0 * (measured / hertz(key)).log2();
            assert!(cents.abs() < 0.05, "key {key} at {rate}: {cents} cents");
        }
    }
}

#[test]
fn a_high_saw_does_not_alias() {
    for (rate, key) in [(48_000, 108), (44_100, 108), (48_000, 103), (48_000, 60), (96_000, 96)] {
        let mut player = Player::init(rate, &[]);
        let length = 1 << 16;
        let [left, _] = player.play(length + 4_000, 32, &[on(0, 1, 0, key, 100)]);
        let bins = spectrum(&left[4_000..]);
        let width = f64::from(rate) / length as f64;
        let fundamental = bins[(hertz(key) / width).round() as usize];
        let mut worst = 0.0_f64;
        for (i, magnitude) in bins.iter().enumerate() {
            let frequency = i as f64 * width;
            let harmonic = (frequency / hertz(key)).round().max(1.0) * hertz(key);
            if (20.0..=20_000.0).contains(&frequency) && (frequency - harmonic).abs() > 6.0 * width {
                worst = worst.max(*magnitude);
            }
        }
        let decibels = 20.0 * (worst / fundamental).log10();
        println!("key {key} at {rate}: aliases at {decibels:.1} dB");
        assert!(decibels < -80.0, "key {key} at {rate}: {decibels} dB");
    }
}

#[test]
fn a_saw_has_all_its_harmonics() {
    let mut player = Player::init(48_000, &[]);
    let [left, _] = player.play(52_000, 32, &[on(0, 1, 0, 57, 100)]);
    let (fundamental, _) = component(&left[4_000..], 220.0, 48_000.0);
    assert!((fundamental / (0.25 * 2.0 / std::f64::consts::PI) - 1.0).abs() < 0.01, "{fundamental}");
    for k in 2..=80_u32 {
        let (magnitude, _) = component(&left[4_000..], 220.0 * f64::from(k), 48_000.0);
        let expected = fundamental / f64::from(k);
        assert!((magnitude / expected - 1.0).abs() < 0.02, "harmonic {k}: {magnitude} for {expected}");
    }
}

#[test]
fn the_filter_is_3_db_down_at_its_cutoff() {
    for rate in [44_100, 48_000, 96_000] {
        for (key, k) in [(33, 4_u32), (45, 9), (57, 5), (69, 12), (81, 8)] {
            let harmonic = hertz(key) * f64::from(k);
            let magnitude = |given: &[(&str, f64)]| {
                let [left, _] = Player::init(rate, given).play(rate as usize, 32, &[on(0, 1, 0, key, 100)]);
                component(&left[rate as usize / 4..], harmonic, f64::from(rate)).0
            };
            let open = magnitude(&[]);
            // 5 % either side of the −3 dB point of a second-order Butterworth.
            let at = |cutoff: f64| magnitude(&[("cutoff_hertz", cutoff)]) / open;
            let half = std::f64::consts::FRAC_1_SQRT_2;
            assert!(at(harmonic * 1.05) > half && at(harmonic / 1.05) < half, "{harmonic} Hz at {rate}");
            assert!((at(harmonic) / half - 1.0).abs() < 0.02, "{harmonic} Hz at {rate}: {}", at(harmonic));
        }
    }
}

/// The level of a sine in each window of whole periods.
fn levels(samples: &[f32], window: usize) -> Vec<f64> {
    let power = |chunk: &[f32]| chunk.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>();
    samples.chunks(window).map(|chunk| (2.0 * power(chunk) / chunk.len() as f64).sqrt()).collect()
}

#[test]
fn envelope_times_are_as_set() {
    // Two periods of key 108 at 48 kHz.
    let window = 23;
    for (attack, decay, sustain, release) in [(0.2, 0.4, 0.5, 0.3), (0.05, 0.15, 0.25, 1.0)] {
        let given = settings(
            &[
                ("attack_seconds", attack),
                ("decay_seconds", decay),
                ("sustain", sustain),
                ("release_seconds", release),
            ],
            &[("preset", "init"), ("wave", "sine")],
        );
        let mut player = Player::new(48_000, &given);
        let events = [on(0, 1, 0, 108, 100), off(96_000, 1, 0, 108)];
        let [left, _] = player.play(192_000, 32, &events);
        let levels = levels(&left, window);
        let steady = levels[90_000 / window];
        let full = steady / sustain;
        let seconds = |windows: usize| (windows as f64 + 0.5) * window as f64 / 48_000.0;
        let near = |measured: f64, set: f64, what: &str| {
            assert!((measured / set - 1.0).abs() < 0.05, "{what}: {measured} s for {set} s");
        };
        let most = levels.iter().cloned().fold(0.0, f64::max);
        assert!((most / full - 1.0).abs() < 0.02, "peak {most} for {full}");
        let half_up = levels.iter().position(|l| *l >= 0.5 * full).expect("an attack");
        near(seconds(half_up), 0.5 * attack, "half of the attack");
        // 30 dB of the way to the sustain level take half of the decay.
        let level = full * (sustain + 0.031_62 * (1.0 - sustain));
        let peak = (attack * 48_000.0) as usize / window;
        let fallen = levels[peak..].iter().position(|l| *l <= level).expect("a decay");
        near(seconds(fallen), 0.5 * decay, "half of the decay");
        let released = 96_000 / window;
        let fallen = levels[released..].iter().position(|l| *l <= 0.001 * steady).expect("a release");
        near(seconds(fallen), release, "release");
        let gone = left.iter().rposition(|s| *s != 0.0).expect("sound") as f64 / 48_000.0 - 2.0;
        near(gone, release, "the end");
        assert_eq!(player.status, Status::Silent);
    }
}

#[test]
fn every_preset_begins_at_the_frame_of_its_key() {
    for preset in presets() {
        for (rate, frame) in [(44_100, 1_000), (48_000, 1_024), (96_000, 997)] {
            for key in [24, 60, 108] {
                let mut player = Player::new(rate, &settings(&[], &[("preset", preset)]));
                let [left, right] = player.play(2_000, 32, &[on(frame, 1, 0, key, 64)]);
                let at = frame as usize;
                assert!(left[..at].iter().chain(&right[..at]).all(|s| *s == 0.0), "{preset} {key}");
                let onset = left[at..at + 3].iter().fold(0.0_f32, |m, s| m.max(s.abs()));
                // Far above what a mix near full scale would round away (6e-8).
                assert!(onset > 1.0e-6, "{preset} {key} at {rate}: {onset}");
            }
        }
    }
}

#[test]
fn every_preset_leaves_room_for_chords() {
    let mut wrong = Vec::new();
    for preset in presets() {
        let key = if preset.contains("bass") { 36 } else { 60 };
        let mut player = Player::new(48_000, &settings(&[], &[("preset", preset)]));
        let [left, right] = player.play(96_000, 32, &[on(0, 1, 0, key, 100)]);
        let peak = left.iter().chain(&right).fold(0.0_f32, |m, s| m.max(s.abs()));
        let decibels = 20.0 * f64::from(peak).log10();
        println!("{preset}: {decibels:.1} dBFS");
        if !(-14.0..=-10.0).contains(&decibels) {
            wrong.push((preset, decibels));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Notes, bends, controllers and programs on three channels, at odd frames.
fn busy(rate: u32) -> Vec<Event> {
    let mut events = Vec::new();
    let step = u64::from(rate) / 37;
    for i in 0..40_u64 {
        let channel = (i % 3) as u8;
        let key = 36 + (i * 7 % 48) as u8;
        let note = 1 + i as u32;
        let start = 5 + i * step;
        events.push(on(start, note, channel, key, 40 + (i * 11 % 80) as u8));
        events.push(off(start + step * 3 + i % 13, note, channel, key));
        let bend = Message::PitchBend { channel, value: (i * 409 % 16_384) as u16 };
        events.push(Event::midi(start + 17, 0, bend));
        let controller = [1, 7, 10, 11, 64, 66, 71, 74, 72, 73, 67][i as usize % 11];
        events.push(control(start + 33, channel, controller, (i * 29 % 128) as u8));
        let pressure = Message::PolyPressure { channel, key, pressure: (i * 31 % 128) as u8 };
        events.push(noted(note, Event::midi(start + 41, 0, pressure)));
        events.push(Event::midi(start + 45, 0, Message::ChannelPressure { channel, pressure: 60 }));
        if i % 8 == 7 {
            let program = (i * 13 % 128) as u8;
            events.push(Event::midi(start + 50, 0, Message::ProgramChange { channel, program }));
        }
        if i % 5 == 4 {
            events.push(Event::parameter(start + 60, 2, 300.0 + 90.0 * i as f32));
            events.push(Event::parameter(start + 61, 6, 0.4));
        }
    }
    events.push(control(u64::from(rate), 1, 120, 0));
    events.push(control(u64::from(rate) + 9, 2, 121, 0));
    events.push(control(u64::from(rate) + 300, 0, 123, 0));
    events.sort_by_key(|event| event.time);
    events
}

#[test]
fn how_time_is_cut_changes_no_sample() {
    let events = busy(48_000);
    for preset in presets() {
        let render = |piece| {
            let given = settings(&[("voices", 9.0)], &[("preset", preset)]);
            Player::new(48_000, &given).play(60_000, piece, &events)
        };
        let whole = render(32);
        assert!(whole[0].iter().any(|s| s.abs() > 0.01));
        for piece in [1, 7] {
            assert!(whole == render(piece), "{preset} in pieces of {piece}");
        }
    }
}

/// How much of the signal lies where a click would be and a low sine is not.
fn roughness(samples: &[f32]) -> f32 {
    samples.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).fold(0.0, f32::max)
}

#[test]
fn stealing_and_sound_off_do_not_click() {
    let given =
        settings(&[("voices", 2.0), ("attack_seconds", 0.01)], &[("preset", "init"), ("wave", "sine")]);
    let plain = {
        let events = [on(0, 1, 0, 45, 100), on(4_000, 2, 0, 48, 100)];
        let [left, _] = Player::new(48_000, &given).play(20_000, 32, &events);
        roughness(&left)
    };
    let mut events = vec![on(0, 1, 0, 45, 100), on(4_000, 2, 0, 48, 100)];
    for i in 0..20 {
        events.push(on(6_000 + i * 400, 3 + i as u32, 0, 45 + i as u8 % 5, 100));
    }
    events.push(control(16_000, 0, 120, 0));
    let mut player = Player::new(48_000, &given);
    let [left, _] = player.play(20_000, 32, &events);
    // A cut of the sine at its peak (0.25 of full scale) would read 0.25 or more.
    assert!(roughness(&left) < plain + 0.003, "{} after {plain}", roughness(&left));
    assert!(left[16_300..].iter().all(|s| *s == 0.0));
    assert_eq!(player.processor.voices(), 0);
}

#[test]
fn pedals_hold_and_let_go() {
    let level = |player: &mut Player, events: &[Event]| {
        let [left, _] = player.play(4_800, 32, events);
        left[2_400..].iter().fold(0.0_f32, |m, s| m.max(s.abs()))
    };
    let mut player = Player::init(48_000, &[]);
    assert!(level(&mut player, &[control(0, 0, 64, 127), on(1, 1, 0, 60, 100), off(900, 1, 0, 60)]) > 0.1);
    assert_eq!(level(&mut player, &[control(4_801, 0, 64, 0)]), 0.0);
    // Sostenuto keeps what was down, and nothing struck later.
    let at = player.frame;
    let caught = [on(at, 2, 0, 60, 100), control(at + 10, 0, 66, 127), off(at + 20, 2, 0, 60)];
    assert!(level(&mut player, &caught) > 0.1);
    let at = player.frame;
    assert_eq!(player.processor.voices(), 1);
    level(&mut player, &[on(at, 3, 0, 67, 100), off(at + 99, 3, 0, 67)]);
    assert_eq!(player.processor.voices(), 1);
    let at = player.frame;
    assert_eq!(level(&mut player, &[control(at, 0, 66, 0)]), 0.0);
    // All notes off respects the pedal; reset controllers lifts it.
    let at = player.frame;
    let held = [on(at, 4, 0, 60, 100), control(at, 0, 64, 127), control(at + 9, 0, 123, 0)];
    assert!(level(&mut player, &held) > 0.1);
    let at = player.frame;
    assert_eq!(level(&mut player, &[control(at, 0, 121, 0)]), 0.0);
    assert_eq!(player.status, Status::Silent);
}

#[test]
fn the_wheel_bends_by_its_range() {
    let bend = Event::midi(0, 0, Message::PitchBend { channel: 4, value: 16_383 });
    for (setup, semitones) in [
        (vec![bend], 2.0),
        (vec![control(0, 4, 101, 0), control(0, 4, 100, 0), control(0, 4, 6, 7), bend], 7.0),
    ] {
        let mut events = setup;
        events.push(on(10, 1, 4, 60, 100));
        let [left, _] = Player::init(48_000, &[]).play(30_000, 32, &events);
        let expected = hertz(60) * (semitones / 12.0_f64).exp2();
        let measured = measured_hertz(&left[2_000..], expected, 48_000.0);
        assert!((1_200.0 * (measured / expected).log2()).abs() < 0.1, "{measured} for {expected}");
    }
}

#[test]
fn a_glide_takes_its_time() {
    let mut player = Player::init(48_000, &[("glide_seconds", 0.5)]);
    player.play(9_600, 32, &[on(0, 1, 0, 57, 100), off(4_800, 1, 0, 57)]);
    let [left, _] = player.play(48_000, 32, &[on(9_600, 2, 0, 69, 100)]);
    // Half-way: half an octave up, 220·√2 Hz; counted by upward crossings.
    let crossings = |from: usize, to: usize| {
        left[from..to].windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count() as f64
    };
    let middle = crossings(10_800, 13_200) / 0.05;
    assert!((middle / 311.1 - 1.0).abs() < 0.08, "{middle} Hz");
    let end = measured_hertz(&left[26_000..], 440.0, 48_000.0);
    assert!((end - 440.0).abs() < 0.05, "{end} Hz");
}

#[test]
fn a_program_change_switches_its_channel_from_the_next_note_on() {
    let program = Event::midi(0, 0, Message::ProgramChange { channel: 2, program: 19 });
    let render = |words: &[(&str, &str)], events: &[Event]| {
        Player::new(48_000, &settings(&[], words)).play(4_800, 32, events)
    };
    let organ = render(&[("preset", "organ")], &[on(100, 1, 2, 60, 100)]);
    let keys = render(&[], &[on(100, 1, 2, 60, 100)]);
    assert!(organ != keys);
    assert!(render(&[], &[program, on(100, 1, 2, 60, 100)]) == organ);
    assert!(render(&[], &[program, on(100, 1, 3, 60, 100)]) == keys);
    assert!(render(&[("programs", "ignore")], &[program, on(100, 1, 2, 60, 100)]) == keys);
}

#[test]
fn a_live_parameter_moves_a_sounding_voice() {
    let mut player = Player::init(48_000, &[("cutoff_hertz", 15_000.0)]);
    let bright = player.play(9_600, 32, &[on(0, 1, 0, 45, 100)]);
    let dark = player.play(9_600, 32, &[Event::parameter(9_600, 2, 200.0)]);
    // Out of range, out of place, or no number: kept in range, or ignored.
    for (index, value) in [(2, f32::NAN), (2, f32::INFINITY), (0, 3.0), (900, 1.0), (15, 1.0e30)] {
        let at = player.frame;
        let [left, _] = player.play(320, 32, &[Event::parameter(at, index, value)]);
        assert!(left.iter().all(|s| s.is_finite()));
    }
    let high = |samples: &[f32]| component(samples, 110.0 * 20.0, 48_000.0).0;
    assert!(high(&dark[0][4_800..]) < 0.02 * high(&bright[0][4_800..]));
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |m, s| m.max(s.abs()))
}

#[test]
fn every_drum_is_heard_and_leaves_room() {
    let kit = settings(&[], &[("preset", "kit")]);
    let mut wrong = Vec::new();
    for key in 35..=81 {
        let mut player = Player::new(48_000, &kit);
        let [left, right] = player.play(240_000, 32, &[on(100, 1, 0, key, 100), off(200, 1, 0, key)]);
        let decibels = 20.0 * peak(&left).max(peak(&right)).log10();
        println!("drum {key}: {decibels:.1} dBFS");
        if !(-20.0..=-8.0).contains(&decibels) {
            wrong.push((key, decibels));
        }
        assert!(left[..100].iter().all(|s| *s == 0.0) && peak(&left[100..103]) > 1.0e-6, "{key}");
        assert_eq!(player.status, Status::Silent, "{key} never ends");
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_closed_hat_ends_an_open_one() {
    let kit = settings(&[], &[("preset", "kit")]);
    let tail = |events: &[Event]| peak(&Player::new(48_000, &kit).play(9_600, 32, events)[0][7_200..]);
    let open = tail(&[on(0, 1, 0, 46, 100)]);
    let choked = tail(&[on(0, 1, 0, 46, 100), on(2_400, 2, 0, 44, 1)]);
    let elsewhere = tail(&[on(0, 1, 0, 46, 100), on(2_400, 2, 1, 44, 1)]);
    assert!(choked < 0.02 * open && elsewhere > 0.5 * open, "{choked} {elsewhere} {open}");
}

#[test]
fn general_midi_plays_drums_on_channel_10_and_keys_elsewhere() {
    let render = |preset: &str, channel: u8, program: u8| {
        let change = Event::midi(0, 0, Message::ProgramChange { channel, program });
        let given = settings(&[], &[("preset", preset)]);
        let [left, _] = Player::new(48_000, &given).play(4_800, 32, &[change, on(9, 1, channel, 38, 100)]);
        left
    };
    assert!(render("gm", 0, 0) == render("keys", 0, 0));
    assert!(render("gm", 9, 0) == render("kit", 3, 40));
    assert!(render("gm", 9, 0) != render("gm", 0, 0));
    assert!(render("gm", 0, 40) == render("strings", 0, 41));
}

#[test]
fn a_source_that_is_gone_leaves_no_note() {
    let mut player = Player::new(48_000, &settings(&[], &[("preset", "organ")]));
    let from = |source: u16, mut event: Event| {
        event.source = source;
        event
    };
    let events = [
        from(3, control(0, 0, 64, 127)),
        from(3, on(0, 1, 0, 60, 100)),
        from(4, on(0, 2, 0, 60, 100)),
        Event::reset(100, 3),
    ];
    player.play(9_600, 32, &events);
    assert_eq!(player.processor.voices(), 1);
    player.play(9_600, 32, &[from(4, off(9_600, 2, 0, 60))]);
    assert_eq!(player.status, Status::Silent);
}

#[test]
fn a_processor_that_is_reset_plays_the_same_again() {
    let events = busy(48_000);
    for preset in ["keys", "strings", "gm"] {
        let mut player = Player::new(48_000, &settings(&[], &[("preset", preset)]));
        let first = player.play(30_000, 32, &events[..60]);
        player.processor.reset();
        player.frame = 0;
        assert!(first == player.play(30_000, 32, &events[..60]), "{preset}");
    }
}

#[test]
fn sixty_four_notes_sound_at_once() {
    let mut player = Player::init(48_000, &[]);
    let chord: Vec<Event> = (0..70).map(|i| on(0, 1 + i, 0, 30 + i as u8, 60)).collect();
    player.play(4_800, 32, &chord);
    assert_eq!(player.processor.voices(), 64);
}

#[test]
fn velocity_and_gain_controllers_change_the_level() {
    let level = |velocity: u8, before: &[Event]| {
        let mut events = before.to_vec();
        events.push(on(0, 1, 0, 60, velocity));
        let [left, right] = Player::init(48_000, &[]).play(9_600, 32, &events);
        let rms = |s: &[f32]| (s.iter().map(|x| x * x).sum::<f32>() / s.len() as f32).sqrt();
        [rms(&left[960..]), rms(&right[960..])]
    };
    let near = |a: f32, b: f32| (a - b).abs() < 0.005;
    let [plain, _] = level(100, &[]);
    assert!(near(level(50, &[])[0] / plain, 0.25));
    assert!(near(level(100, &[control(0, 0, 7, 50)])[0] / plain, 0.25));
    assert!(near(level(100, &[control(0, 0, 11, 64)])[0] / plain, (64.0_f32 / 127.0).powi(2)));
    let [left, right] = level(100, &[control(0, 0, 10, 0)]);
    assert!(near(left / plain, std::f32::consts::SQRT_2) && right == 0.0);
}

/// The spread of a key's pitch over 1.5 s, in cents, by the times between upward
/// crossings.
fn vibrato_cents(samples: &[f32]) -> f64 {
    let mut crossings = Vec::new();
    for (i, w) in samples.windows(2).enumerate() {
        if w[0] < 0.0 && w[1] >= 0.0 {
            crossings.push(i as f64 + f64::from(w[0] / (w[0] - w[1])));
        }
    }
    let spans: Vec<f64> = crossings.windows(5).map(|w| w[4] - w[0]).collect();
    let longest = spans.iter().cloned().fold(0.0, f64::max);
    let shortest = spans.iter().cloned().fold(f64::MAX, f64::min);
    1_200.0 * (longest / shortest).log2()
}

#[test]
fn the_modulation_wheel_and_pressure_add_vibrato() {
    let given = settings(&[], &[("preset", "init"), ("wave", "sine")]);
    let measure = |extra: &[Event]| {
        let mut events = vec![on(0, 1, 0, 81, 100)];
        events.extend_from_slice(extra);
        vibrato_cents(&Player::new(48_000, &given).play(72_000, 32, &events)[0][4_800..])
    };
    assert!(measure(&[]) < 0.5);
    // 50 cents either way at full deflection.
    let full = measure(&[control(10, 0, 1, 127)]);
    assert!((full - 100.0).abs() < 8.0, "{full}");
    let half = measure(&[control(10, 0, 1, 64)]);
    assert!((half - 50.0).abs() < 6.0, "{half}");
    let pressed =
        measure(&[Event::midi(10, 0, Message::PolyPressure { channel: 0, key: 81, pressure: 127 })]);
    assert!((pressed - 50.0).abs() < 6.0, "{pressed}");
}

#[test]
fn brightness_and_resonance_controllers_move_the_filter() {
    let render = |events: &[Event]| {
        let mut all = events.to_vec();
        all.push(on(0, 1, 0, 45, 100));
        Player::init(48_000, &[("cutoff_hertz", 880.0)]).play(48_000, 32, &all)[0].clone()
    };
    // Three octaves above the cutoff a trapezoidal filter at 48 kHz is 37.4 dB
    // down; brightness up by three octaves puts the cutoff there.
    let at = |samples: &[f32], hertz: f64| component(&samples[9_600..], hertz, 48_000.0).0;
    let plain = render(&[]);
    let bright = render(&[control(0, 0, 74, 127)]);
    let ratio = at(&bright, 7_040.0) / at(&plain, 7_040.0);
    assert!((20.0 * ratio.log10() - 34.4).abs() < 0.5, "{ratio}");
    let ringing = render(&[control(0, 0, 71, 127)]);
    let boost = (at(&ringing, 880.0) / at(&ringing, 110.0)) / (at(&plain, 880.0) / at(&plain, 110.0));
    // Half of the span: 1 / damping grows by 8.
    assert!((boost / 8.0 - 1.0).abs() < 0.05, "{boost}");
}

#[test]
fn a_synth_that_is_told_nothing_plays_keys() {
    let chord = [on(0, 1, 0, 60, 90), on(0, 2, 0, 64, 90), on(0, 3, 0, 67, 90)];
    let plain = Player::new(48_000, &Settings::new()).play(9_600, 32, &chord);
    let keys = Player::new(48_000, &settings(&[], &[("preset", "keys")])).play(9_600, 32, &chord);
    assert!(plain == keys && peak(&plain[0]) > 0.1);
}

#[test]
fn no_events_make_it_panic_or_blow_up() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) % below
    };
    for preset in presets() {
        let given = settings(&[("voices", 5.0)], &[("preset", preset)]);
        let mut player = Player::new([8_000, 48_000, 192_000][random(3) as usize], &given);
        let mut events = Vec::new();
        for _ in 0..1_500 {
            let time = random(20_000);
            let status = 0x80 + random(0x80) as u8;
            let bytes = [status, random(128) as u8, random(128) as u8];
            let mut event = match random(12) {
                0 => Event::parameter(time, random(22) as u16, f32::from_bits(random(1 << 32) as u32)),
                1 => Event::reset(time, random(3) as u16),
                2..=6 => Event::from_bytes(time, 0, &[0x90 | (status & 1), bytes[1], bytes[2]]),
                _ => Event::from_bytes(time, random(3) as u16, &bytes),
            };
            event.note = random(40) as u32;
            events.push(event);
        }
        events.sort_by_key(|event| event.time);
        let [left, right] = player.play(21_000, 32, &events);
        let most = peak(&left).max(peak(&right));
        assert!(left.iter().chain(&right).all(|s| s.is_finite()) && most < 60.0, "{preset}: {most}");
        assert!(player.processor.voices() <= 10, "{preset}");
        let at = player.frame;
        let silence: Vec<Event> = (0..16).map(|channel| control(at, channel, 120, 0)).collect();
        player.play(2_000, 32, &silence);
        assert_eq!(player.status, Status::Silent, "{preset}");
    }
}
