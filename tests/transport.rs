//! The transport in virtual time: what gear is sent, at which frames, however the
//! time is cut.

mod desk;

use antiphon::midi::Event;
use antiphon::render::{Command, JackReport, Outlet, Swap, TransportView, outlet, tap};
use antiphon::transport::{Beats, Lock, Order, State, Tempo};
use desk::{Desk, bits};

const SECOND: usize = 48_000;

fn rig(transport: &str) -> String {
    format!(
        r#"
        [transport]
        {transport}
        [midi.keys]
        in = "*"
        [midi.gear]
        out = "*"
        clock = true
        [instrument.click]
        kind = "metronome"
        [[cable]]
        from = "keys"
        to = "gear"
        [[cable]]
        from = "click"
        to = "out"
        "#
    )
}

struct Played {
    desk: Desk,
    gear: Outlet,
    sent: Vec<(u64, Vec<u8>)>,
}

impl Played {
    fn new(transport: &str, events: Vec<Event>) -> Played {
        let mut desk = Desk::new(&rig(transport), events);
        let (sink, gear) = outlet();
        let port = desk.conductor.deployment().port_of("gear").expect("a port");
        desk.conductor.lend(Swap { sinks: vec![(port, Some(Box::new(sink)))], ..Swap::default() });
        Played { desk, gear, sent: Vec::new() }
    }

    fn play(&mut self, frames: usize, block: usize) {
        let mut done = 0;
        while done < frames {
            // The door holds what half a minute brings.
            let length = frames.min(done + 30 * SECOND) - done;
            self.desk.play(length, block);
            let mut chunk = [0; 256];
            self.sent.extend(
                std::iter::from_fn(|| self.gear.receive(&mut chunk)).map(|e| (e.time, e.wire().to_vec())),
            );
            done += length;
        }
    }

    fn order(&mut self, order: Order) {
        assert!(self.desk.conductor.command(Command::Transport(order)));
    }

    fn view(&mut self) -> TransportView {
        self.desk.conductor.snapshot().transport
    }

    fn of(&self, status: u8) -> Vec<u64> {
        self.sent.iter().filter(|(_, bytes)| bytes[0] == status).map(|(time, _)| *time).collect()
    }
}

fn tempo(bpm: f64) -> Tempo {
    Tempo::new(bpm).expect("a tempo")
}

/// Events of a master that starts at a frame, at a tempo, with so much jitter.
fn master(from: u64, ticks: u64, bpm: f64, jitter_frames: f64) -> Vec<Event> {
    let mut seed = 11_u64;
    let mut draw = || {
        // Twelve even draws are near enough to a bell.
        let sum: f64 = (0..12)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 40) as f64 / f64::from(1 << 24)
            })
            .sum();
        sum - 6.0
    };
    let tick = 48_000.0 * 60.0 / bpm / 24.0;
    let mut events: Vec<Event> = (0..ticks)
        .map(|n| from as f64 + n as f64 * tick + draw() * jitter_frames)
        .map(|frame| Event::from_bytes(frame.round() as u64, 0, &[0xf8]))
        .collect();
    events.sort_by_key(|event| event.time);
    events
}

#[test]
fn ten_minutes_of_clock_are_on_their_frames_at_any_tempo() {
    for bpm in [20.0, 97.3, 120.0, 133.337, 400.0] {
        let mut played = Played::new(&format!("tempo = {bpm:?}"), Vec::new());
        played.play(64, 64);
        played.order(Order::Start);
        played.play(600 * SECOND, 4_096);
        let start = played.of(0xfa)[0];
        assert_eq!(start, 64, "at the quantum after the key");
        let clocks: Vec<u64> = played.of(0xf8).into_iter().filter(|time| *time > start).collect();
        assert_eq!(clocks[0], start + 48, "gear has a millisecond to be ready");
        let tick = 48_000.0 * 60.0 / bpm / 24.0;
        assert!(clocks.len() as f64 >= 600.0 * bpm / 60.0 * 24.0 - 1.0);
        for (n, frame) in clocks.iter().enumerate() {
            let exact = (start + 48) as f64 + n as f64 * tick;
            assert!((*frame as f64 - exact).abs() <= 1.0, "{bpm}: tick {n} at {frame}, not {exact}");
        }
    }
}

#[test]
fn no_block_size_moves_a_tick_a_click_or_a_take() {
    let play = |block: usize| {
        let keys = [Event::from_bytes(50_000, 0, &[0x90, 60, 9]), Event::from_bytes(50_001, 0, &[0xf8])];
        let mut played = Played::new("map = [[1, 131.3], [2, 77.7], [3, 200]]\ncount_in = 1", keys.into());
        // What is told takes effect at a quantum: at the same one for all of them.
        for (order, frames) in [
            (Order::Start, SECOND * 6),
            (Order::Arm, SECOND / 2),
            (Order::Tempo(tempo(60.0)), 8_000),
            (Order::Locate(Beats(9 << 30)), 16_000),
            (Order::Stop, 16_000),
            (Order::Continue, 32_000),
        ] {
            played.order(order);
            played.play(frames, block);
        }
        assert_eq!(played.of(0xf8).iter().filter(|time| **time == 50_001).count(), 0, "one clock is enough");
        assert_eq!(played.desk.conductor.summary().rt_violations, 0);
        (played.sent, bits(&played.desk.heard.device[0]))
    };
    let whole = play(512);
    assert!(whole.0.windows(2).all(|pair| pair[0].0 <= pair[1].0), "in order of time");
    assert!(whole.1.iter().any(|bits| *bits != 0), "it clicks");
    for block in [1, 17, 64, 4_096] {
        let other = play(block);
        assert_eq!(whole.0, other.0, "{block}");
        assert!(whole.1 == other.1, "{block}");
    }
}

#[test]
fn gear_is_told_of_start_stop_continue_and_place() {
    let mut played = Played::new("", Vec::new());
    played.play(32, 32);
    played.order(Order::Start);
    // One beat and a sixteenth and a bit.
    played.play(31_008, 96);
    played.order(Order::Stop);
    assert_eq!(played.view().state, State::Rolling);
    played.play(3_200, 100);
    assert_eq!((played.view().state, played.view().bar, played.view().beat), (State::Stopped, 1, 2));
    played.order(Order::Continue);
    played.play(32, 32);
    played.order(Order::Locate(Beats(40 << 32)));
    played.play(320, 32);
    let told: Vec<_> = played.sent.iter().filter(|(_, bytes)| bytes[0] != 0xf8).cloned().collect();
    assert_eq!(
        told,
        [
            (32, vec![0xfa]),
            (31_040, vec![0xfc]),
            // Back to the sixteenth it stopped in.
            (34_240, vec![0xf2, 5, 0]),
            (34_240, vec![0xfb]),
            (34_272, vec![0xfc]),
            (34_272, vec![0xf2, 32, 1]),
            (34_272, vec![0xfb]),
        ]
    );
    assert!(played.of(0xf8).contains(&(34_272 + 48)), "the clock of that place");
    assert!(played.of(0xf8).iter().any(|time| (31_040..34_240).contains(time)), "it runs on while it stands");
}

#[test]
fn a_count_in_clicks_and_gear_starts_with_the_song() {
    let mut played = Played::new("count_in = 2\nbeats_per_bar = 3\ntempo = 240", Vec::new());
    played.play(32, 32);
    played.order(Order::Arm);
    played.order(Order::Start);
    played.play(60_000, 100);
    let view = played.view();
    assert_eq!((view.state, view.counts_in, view.bar, view.beat), (State::Armed, true, 2, 3));
    played.play(12_000 + 50, 64);
    let view = played.view();
    assert_eq!((view.state, view.counts_in, view.bar, view.beat), (State::Recording, false, 1, 1));
    let song = 32 + 6 * 12_000;
    assert_eq!(played.of(0xfa), [song - 48]);
    assert!(played.of(0xf8).contains(&song));
    let device = &played.desk.heard.device[0];
    // Each click begins at its top; nothing sounds just before it.
    for beat in 0..=6_usize {
        let at = 32 + beat * 12_000;
        assert!(
            device[at - 1].abs() < 1e-3 && (device[at] - 0.5).abs() < 1e-3,
            "beat {beat}: {}",
            device[at]
        );
        // The accent swings faster: it is lower after an eighth of a millisecond.
        let is_accent = device[at + 6] < device[32 + 12_000 + 6] - 0.05;
        assert_eq!(is_accent, beat % 3 == 0, "beat {beat}");
    }
}

#[test]
fn a_tempo_map_is_exact_however_often_it_turns() {
    let map: Vec<String> =
        (1..=200).map(|bar| format!("[{bar}, {:?}]", 60.0 + f64::from(bar) * 1.01)).collect();
    let mut played = Played::new(&format!("beats_per_bar = 1\nmap = [{}]", map.join(", ")), Vec::new());
    played.play(32, 32);
    played.order(Order::Start);
    played.play(90 * SECOND, 1_024);
    let clocks: Vec<u64> = played.of(0xf8).into_iter().filter(|time| *time > 32).collect();
    let mut exact = 80.0;
    for (beat, ticks) in clocks.chunks(24).enumerate().take(200) {
        let tick = 48_000.0 * 60.0 / (60.0 + (beat + 1) as f64 * 1.01) / 24.0;
        for (n, frame) in ticks.iter().enumerate() {
            let exact = exact + n as f64 * tick;
            assert!((*frame as f64 - exact).abs() <= 1.001, "beat {beat} tick {n}: {frame}, not {exact}");
        }
        exact += 24.0 * tick;
    }
    assert!(clocks.len() > 24 * 190, "{}", clocks.len());
}

#[test]
fn a_masters_jitter_stays_with_the_master() {
    let mut events = vec![Event::from_bytes(9_000, 0, &[0xfa])];
    events.extend(master(10_000, 24 * 60, 120.0, 48.0));
    let mut played = Played::new("follow = \"keys\"", events);
    played.play(31 * SECOND - 20_000, 64);
    let view = played.view();
    assert_eq!((view.state, view.lock), (State::Rolling, Lock::Locked));
    assert!((view.tempo.beats_per_minute() - 120.0).abs() < 0.01, "{:?}", view.tempo);
    assert_eq!(played.of(0xfa).len(), 1);
    let start = played.of(0xfa)[0];
    let clocks: Vec<u64> = played.of(0xf8).into_iter().filter(|time| *time >= start).collect();
    for (n, frame) in clocks.iter().enumerate().skip(24 * 12) {
        let exact = 10_000.0 + n as f64 * 1_000.0;
        // A millisecond came in: a quarter of one is left of it, and steps are even.
        assert!((*frame as f64 - exact).abs() < 12.0, "tick {n}: {frame}, not {exact}");
        let step = frame - clocks[n - 1];
        assert!((997..=1_003).contains(&step), "tick {n}: {step}");
    }
    assert!(clocks.windows(2).all(|pair| pair[1] > pair[0]));
}

#[test]
fn a_masters_stop_place_and_loss_are_followed() {
    let mut events = master(1_000, 96, 120.0, 0.0);
    events.push(Event::from_bytes(20_500, 0, &[0xf2, 8, 0]));
    events.push(Event::from_bytes(20_501, 0, &[0xfb]));
    events.push(Event::from_bytes(60_500, 0, &[0xfc]));
    events.push(Event::from_bytes(70_500, 0, &[0xfb]));
    events.sort_by_key(|event| event.time);
    let mut played = Played::new("follow = \"keys\"\ntempo = 90", events);
    played.play(50_000, 64);
    let view = played.view();
    // The tick at 21,000 is beat 2.
    let beats = view.beats.as_f64();
    assert!(view.state == State::Rolling && (beats - (2.0 + 29_000.0 / 24_000.0)).abs() < 0.01, "{view:?}");
    played.play(14_000, 64);
    assert_eq!(played.view().state, State::Stopped);
    played.play(2 * SECOND, 64);
    let view = played.view();
    assert_eq!((view.state, view.lock, view.clock_losses), (State::Rolling, Lock::Lost, 1));
    let bpm = view.tempo.beats_per_minute();
    assert!((bpm - 120.0).abs() < 0.01, "{bpm}");
    // It runs on: about 63,500 frames since 96,000 were played.
    let clocks = played.of(0xf8);
    let late: Vec<u64> = clocks.into_iter().filter(|time| *time > 125_000).collect();
    assert!(late.windows(2).all(|pair| (999..=1_001).contains(&(pair[1] - pair[0]))), "{late:?}");
    // What the player asks for is the master's to say.
    played.order(Order::Stop);
    played.play(64, 64);
    assert_eq!(played.view().state, State::Rolling);
}

#[test]
fn a_delay_in_beats_goes_with_the_tempo() {
    let rig = r#"
        [transport]
        tempo = 120
        [midi.keys]
        in = "*"
        [instrument.click]
        kind = "metronome"
        when = "always"
        [stage.echo]
        kind = "delay"
        beats = 0.75
        feedback = 0.0
        mix = 1.0
        [[cable]]
        from = "click"
        to = "echo"
        [[cable]]
        from = "echo"
        to = "out"
    "#;
    let mut desk = Desk::new(rig, Vec::new());
    desk.play(48_000, 64);
    assert!(desk.conductor.command(Command::Transport(Order::Tempo(tempo(90.0)))));
    desk.play(5 * SECOND, 64);
    let device = &desk.heard.device[0];
    let heard = |frame: usize| device[frame].abs() > 0.49 && device[frame - 1].abs() < 1e-3;
    assert!(heard(18_000) && heard(24_000 + 18_000), "three sixteenths after the beat");
    // Beat 2 is at 48,000; from there on a beat lasts 32,000 frames.
    assert!(heard(48_000 + 3 * 32_000 + 24_000), "at the new tempo");
}

/// With `record = "takes"` a recording holds the takes, one after the other.
#[test]
fn only_takes_are_recorded_where_that_is_asked_for() {
    let record = |setting: &str| {
        let mut played = Played::new(&format!("record = \"{setting}\""), Vec::new());
        let (tap, mut reader) = tap(2, 4 * SECOND);
        played.desk.renderer.record(Box::new(tap), None);
        for (order, frames) in [
            (Order::Start, 4_000),
            (Order::Arm, 6_400),
            (Order::Arm, 9_600),
            (Order::Stop, 3_200),
            (Order::Arm, 3_200),
            (Order::Start, 1_600),
        ] {
            played.order(order);
            played.play(frames, 160);
        }
        let mut samples = vec![0.0; 8 * SECOND];
        reader.read(&mut samples)
    };
    assert_eq!(record("all"), 28_000);
    assert_eq!(record("takes"), 6_400 + 1_600);
}

#[test]
fn taps_set_the_tempo() {
    let mut played = Played::new("", Vec::new());
    for _ in 0..4 {
        played.order(Order::Tap);
        played.play(32_000, 64);
    }
    assert!((played.view().tempo.beats_per_minute() - 90.0).abs() < 1e-6);
}

#[test]
fn jacks_transport_is_followed_to_its_beat() {
    let mut played = Played::new("jack = \"follow\"\ntempo = 60", Vec::new());
    played.play(320, 64);
    let report =
        JackReport { frame: 320, is_rolling: true, is_moved: true, place: 96_000, beats: None, tempo: None };
    played.desk.renderer.tell_jack(report);
    played.play(64, 64);
    let view = played.view();
    assert_eq!((view.state, view.bar, view.beat), (State::Rolling, 1, 3));
    assert!((view.beats.as_f64() - (2.0 + 64.0 / 48_000.0)).abs() < 1e-6);
    let counted = JackReport { frame: 384, beats: Some(Beats(9 << 32)), tempo: Some(tempo(120.0)), ..report };
    played.desk.renderer.tell_jack(counted);
    played.play(24_000, 64);
    let view = played.view();
    assert_eq!((view.bar, view.beat, view.tempo.beats_per_minute().round()), (3, 3, 120.0));
    played.desk.renderer.tell_jack(JackReport { is_rolling: false, is_moved: false, ..counted });
    played.play(64, 64);
    assert_eq!(played.view().state, State::Stopped);
}
