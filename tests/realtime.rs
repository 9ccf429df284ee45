//! The audio world allocates and frees nothing, whatever is done to it: here a
//! violation is fatal.

mod desk;

use antiphon::midi::{Event, Message};
use antiphon::render::{Command, Feed, Origin, Record, Swap, TimeBase, inlet, log, outlet};
use antiphon::rt::guard;
use desk::Desk;

const RIG: &str = r#"
    [midi.keys]
    in = "*"
    [midi.gear]
    out = "*"
    [instrument.a]
    kind = "synth"
    preset = "gm"
    [instrument.b]
    kind = "pluck"
    [stage.echo]
    kind = "delay"
    mix = 1.0
    [stage.room]
    kind = "reverb"
    [stage.pan]
    kind = "gain"
    pan = 0.2
    [stage.sum]
    kind = "mixer"
    [stage.end]
    kind = "limiter"
    [[cable]]
    from = "keys"
    to = "a"
    [[cable]]
    from = "keys"
    to = "b"
    transpose = 7
    [[cable]]
    from = "keys"
    to = "gear"
    [[cable]]
    from = "a"
    to = "echo"
    [[cable]]
    from = "echo"
    to = "room"
    [[cable]]
    from = "echo"
    to = "pan"
    [[cable]]
    from = "pan"
    to = "echo"
    gain = -6
    [[cable]]
    from = "b"
    to = "room"
    [[cable]]
    from = "room"
    to = "sum"
    [[cable]]
    from = "sum"
    to = "end"
    [[cable]]
    from = "end"
    to = "out"
"#;

/// Every sort of message, thousands of them, some at the same frame.
fn storm(frames: u64) -> Vec<Event> {
    let mut seed = 12_345_u32;
    let mut next = move |bound: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % bound
    };
    let mut time = 0;
    let mut events = Vec::new();
    while time < frames {
        let channel = next(16) as u8;
        let (first, second) = (next(128) as u8, next(128) as u8);
        let message = match next(12) {
            0..5 => Message::NoteOn { channel, key: first, velocity: second.max(1) },
            5..9 => Message::NoteOff { channel, key: first, velocity: second },
            9 => Message::ControlChange { channel, controller: first, value: second },
            10 => Message::ProgramChange { channel, program: first },
            _ => Message::PitchBend { channel, value: u16::from(first) * 128 },
        };
        events.push(Event::midi(time, 0, message));
        time += u64::from(next(60));
    }
    events
}

#[test]
fn note_storms_reloads_faults_and_lost_gear_allocate_nothing() {
    guard::make_fatal();
    let mut desk = Desk::new(RIG, storm(400_000));
    // Too small for the whole of it: what is lost must cost nothing either.
    let (log, mut logged) = log(256 << 10, true);
    desk.renderer.keep_log(Box::new(log));
    let mut records = 0;
    let (mut live, source) = inlet(TimeBase::Frames);
    let (sink, mut gear) = outlet();
    let port = desk.conductor.deployment().port_of("gear").expect("a port");
    let keys = desk.conductor.deployment().port_of("keys").expect("a port");
    desk.conductor.lend(Swap {
        sources: vec![(0, Some(Box::new(Feed { port: keys, origin: Origin::Live(source) })))],
        sinks: vec![(port, Some(Box::new(sink)))],
        ..Swap::default()
    });
    let mut chunk = [0; 256];
    for (round, block) in [64, 1, 333, 4_096, 17, 128].into_iter().enumerate() {
        live.message(desk.renderer.frame(), &[0x90, 60, 99]);
        live.sysex(desk.renderer.frame(), &[0xf0, 1, 2, 3, 0xf7], true, true);
        live.message(desk.renderer.frame() + 40, &[0xb0, 64, 127]);
        desk.play(8_000, block);
        let changed = match round {
            0 => RIG.replace("transpose = 7", "transpose = -5"),
            1 => RIG.replace("mix = 1.0", "mix = 1.0\nseconds = 0.2\ngain = -3"),
            2 => RIG.replace("kind = \"pluck\"", "kind = \"synth\"\npreset = \"organ\""),
            3 => RIG.replace("kind = \"mixer\"", "kind = \"broken\"\nat_frame = 1000\nfault = 0\nagain = 1"),
            _ => RIG.to_owned(),
        };
        desk.conductor.change(desk::rig(&changed)).expect("the change can be built");
        for _ in 0..4 {
            desk.play(8_000, block);
        }
        assert!(!desk.conductor.is_changing(), "a change ends in time");
        desk.conductor.command(Command::Master { decibels: -(round as f32) });
        if round == 4 {
            desk.conductor.command(Command::Panic);
        }
        live.reset(desk.renderer.frame());
        desk.play(2_000, block);
        while gear.receive(&mut chunk).is_some() {}
        let mut bytes = vec![0; logged.waiting()];
        logged.read(&mut bytes);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            rest = Record::decode(rest).expect("whole records").1;
            records += 1;
        }
    }
    desk.conductor.lend(Swap { sources: vec![(0, None)], sinks: vec![(port, None)], ..Swap::default() });
    desk.play(2_000, 64);
    assert!(records > 1_000, "{records} records");
    let summary = desk.conductor.summary();
    assert_eq!(summary.rt_violations, 0);
    assert!(summary.restarts >= 1, "the broken stage was rebuilt: {:?}", summary.faults);
    assert!(summary.snapshot.peak_voices > 60, "the storm was one: {}", summary.snapshot.peak_voices);
    assert!(desk.heard.device[0].iter().all(|x| x.is_finite() && x.abs() <= 1.0));
}
