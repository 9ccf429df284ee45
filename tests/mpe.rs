//! MPE: each note bends, presses and brightens by itself; the master speaks for
//! its zone. Measured on what the instruments put out.

mod desk;

use antiphon::midi::{Event, Message};
use antiphon::render::{Command, Injected, Injection};
use desk::{Desk, rig};

const SECOND: usize = 48_000;

fn text(kind: &str, mpe: &str) -> String {
    format!(
        "[midi.keys]\nin = '*'\n[instrument.lead]\nkind = '{kind}'\n{mpe}\n\
         [[cable]]\nfrom = 'keys'\nto = 'lead'\n[[cable]]\nfrom = 'lead'\nto = 'out'\n"
    )
}

fn event(time: u64, message: Message) -> Event {
    Event::midi(time, 0, message)
}

fn on(time: u64, channel: u8, key: u8) -> Event {
    event(time, Message::NoteOn { channel, key, velocity: 100 })
}

fn bend(time: u64, channel: u8, value: u16) -> Event {
    event(time, Message::PitchBend { channel, value })
}

fn control(time: u64, channel: u8, controller: u8, value: u8) -> Event {
    event(time, Message::ControlChange { channel, controller, value })
}

/// The MPE Configuration Message, on a master channel.
fn zone(time: u64, master: u8, members: u8) -> [Event; 3] {
    [control(time, master, 101, 0), control(time, master, 100, 6), control(time, master, 6, members)]
}

fn heard(text: &str, events: Vec<Event>) -> Vec<f32> {
    let mut desk = Desk::new(text, events);
    desk.play(SECOND, 64);
    desk.heard.device[0][SECOND / 2..].to_vec()
}

fn hertz(key: f64) -> f64 {
    440.0 * ((key - 69.0) / 12.0).exp2()
}

/// How much of a pitch is in some samples, through a window.
fn power(samples: &[f32], hertz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let place = n as f64 / samples.len() as f64;
        let window = 0.5 - 0.5 * (std::f64::consts::TAU * place).cos();
        let phase = std::f64::consts::TAU * hertz * n as f64 / SECOND as f64;
        re += f64::from(*sample) * window * phase.cos();
        im += f64::from(*sample) * window * phase.sin();
    }
    re * re + im * im
}

/// The strongest pitch within a semitone of a key, as a key.
fn key_near(samples: &[f32], key: f64) -> f64 {
    let cents = |cents: i32| key + f64::from(cents) / 100.0;
    let loudest =
        |a: &i32, b: &i32| power(samples, hertz(cents(*a))).total_cmp(&power(samples, hertz(cents(*b))));
    cents((-50..=50).map(|step| 2 * step).max_by(loudest).expect("some"))
}

const SINE: &str = "preset = 'init'\nwave = 'sine'";

#[test]
fn two_notes_bend_apart_and_the_master_bends_both() {
    // 12 of 48 semitones are a quarter of the way.
    let (up, down) = (8_192 + 2_048, 8_192 - 1_024);
    for (kind, given, by_message) in [
        ("synth", SINE, true),
        ("synth", "preset = 'init'\nwave = 'sine'\nmpe = 'lower'", false),
        ("pluck", "", true),
    ] {
        let mut events = Vec::new();
        if by_message {
            events.extend(zone(10, 0, 15));
        }
        events.extend([on(100, 1, 60), on(100, 2, 64), bend(200, 1, up), bend(200, 2, down)]);
        let apart = heard(&text(kind, given), events.clone());
        for (key, from) in [(72.0, 60.0), (58.0, 64.0)] {
            assert!((key_near(&apart, key) - key).abs() <= 0.04, "{kind}: {}", key_near(&apart, key));
            assert!(power(&apart, hertz(key)) > 50.0 * power(&apart, hertz(from)), "{kind} {key}");
        }
        events.push(bend(300, 0, 16_383));
        let both = heard(&text(kind, given), events);
        for key in [74.0, 60.0] {
            assert!((key_near(&both, key) - key).abs() <= 0.04, "{kind}: {}", key_near(&both, key));
        }
    }
}

#[test]
fn timbre_and_pressure_are_each_notes_own() {
    let given = "preset = 'init'\nwave = 'saw'\ncutoff_hertz = 600.0\nmpe = 'lower'";
    let events = |more: &[Event]| {
        let mut events = vec![on(100, 1, 48), on(100, 2, 54)];
        events.extend_from_slice(more);
        events
    };
    let plain = heard(&text("synth", given), events(&[]));
    let bright = heard(&text("synth", given), events(&[control(200, 1, 74, 127)]));
    // The tenth partial of each: far above the cutoff, until timbre opens it.
    let [own, other] = [48.0, 54.0].map(|key| {
        let partial = 10.0 * hertz(key);
        power(&bright, partial) / power(&plain, partial)
    });
    assert!(own > 10.0 && (0.8..1.25).contains(&other), "{own} {other}");
    // Pressure brings vibrato: less of the pitch itself is left.
    let pressed = heard(
        &text("synth", &format!("{SINE}\nmpe = 'lower'")),
        events(&[event(200, Message::ChannelPressure { channel: 2, pressure: 127 })]),
    );
    let unpressed = heard(&text("synth", &format!("{SINE}\nmpe = 'lower'")), events(&[]));
    let [other, own] = [48.0, 54.0].map(|key| power(&pressed, hertz(key)) / power(&unpressed, hertz(key)));
    assert!(own < 0.9 && (0.99..1.01).contains(&other), "{own} {other}");
}

#[test]
fn the_master_speaks_for_its_zone_and_for_no_other() {
    let given = text("synth", "preset = 'gm'\nmpe = 'both'");
    // Channel 10 is a member of the upper zone, and no kit.
    let mut events = vec![event(5, Message::ProgramChange { channel: 15, program: 19 })];
    events.extend([control(6, 15, 7, 0), on(100, 9, 60), on(100, 2, 64)]);
    let quiet = heard(&given, events.clone());
    assert!(power(&quiet, hertz(64.0)) > 1.0e4 * power(&quiet, hertz(60.0)));
    events.push(control(300, 15, 7, 100));
    let both = heard(&given, events);
    assert!(power(&both, hertz(60.0)) > 1.0e4 * power(&quiet, hertz(60.0)), "it plays notes");
    // A pedal on the master holds the notes of its members.
    let pedal = [
        control(5, 0, 64, 127),
        on(100, 2, 64),
        event(200, Message::NoteOff { channel: 2, key: 64, velocity: 0 }),
    ];
    let organ = text("synth", "preset = 'organ'\nmpe = 'both'");
    assert!(power(&heard(&organ, pedal.to_vec()), hertz(64.0)) > 1.0);
    let [_, strike, release] = pedal;
    assert!(power(&heard(&organ, vec![strike, release]), hertz(64.0)) < 1.0e-3);
}

/// The zone that a controller set is there again after a fault.
#[test]
fn a_zone_outlives_a_fault() {
    let mut events = zone(10, 0, 15).to_vec();
    events.extend([bend(20_000, 1, 8_192 + 2_048), on(20_000, 1, 60)]);
    let mut desk = Desk::new(&text("synth", SINE), events);
    let node = desk.conductor.deployment().node_of("lead").expect("an actor");
    let injection = Injection { frame: 1_000, node, what: Injected::Panic };
    assert!(desk.conductor.command(Command::Inject(injection)));
    desk.play(SECOND, 64);
    assert_eq!(desk.conductor.faults().len(), 1);
    let samples = &desk.heard.device[0][SECOND / 2..];
    assert!((key_near(samples, 72.0) - 72.0).abs() <= 0.04);
}

#[test]
fn a_cable_that_takes_channels_from_mpe_is_warned_of() {
    let with = |keys: &str| {
        let text =
            text("synth", "mpe = 'lower'").replacen("to = 'lead'\n", &format!("to = 'lead'\n{keys}\n"), 1);
        rig(&text).warnings.len()
    };
    assert_eq!(with("transpose = 12"), 0);
    for keys in ["channel = 1", "from_channel = [1, 2]", "channel_map = [[2, 3]]"] {
        assert_eq!(with(keys), 1, "{keys}");
    }
}
