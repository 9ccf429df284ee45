//! It keeps playing: a stage that fails is silenced without a click, rebuilt,
//! and nothing without a cable from it changes by a bit.

mod desk;

use antiphon::midi::{Event, Message};
use antiphon::render::{Command, FaultKind, Injected, Injection};
use desk::{Desk, bits};

const FAULT_FRAME: u64 = 10_000;
/// The first quantum that is not before the fault and its 50 ms.
const BACK_FRAME: usize = 12_416;
const DECLICK_FRAMES: usize = 240;

fn rig(fault: &str) -> String {
    format!(
        r#"
        [midi.keys]
        in = "*"
        [instrument.safe]
        kind = "synth"
        [instrument.victim]
        kind = "synth"
        preset = "organ"
        [stage.faulty]
        kind = "broken"
        {fault}
        [stage.echo]
        kind = "delay"
        [[cable]]
        from = "keys"
        to = "safe"
        [[cable]]
        from = "keys"
        to = "victim"
        [[cable]]
        from = "victim"
        to = "faulty"
        [[cable]]
        from = "safe"
        to = "echo"
        [[cable]]
        from = "echo"
        to = "out"
        [[cable]]
        from = "faulty"
        to = "out"
        "#
    )
}

const HEALTHY: &str = "at_frame = 1e9";

fn at(time: u64, message: Message) -> Event {
    Event::midi(time, 0, message)
}

fn held_note() -> Vec<Event> {
    vec![at(100, Message::NoteOn { channel: 0, key: 60, velocity: 100 })]
}

fn desk(fault: &str) -> Desk {
    let mut desk = Desk::new(&rig(fault), held_note());
    for actor in ["safe", "victim", "echo", "faulty"] {
        desk.listen(actor);
    }
    desk
}

fn played(fault: &str, block: usize) -> Desk {
    let mut desk = desk(fault);
    desk.play(40_000, block);
    desk
}

fn inject(desk: &mut Desk, actor: &str, what: Injected, frame: u64) {
    let node = desk.conductor.deployment().node_of(actor).expect("an actor");
    desk.conductor.inject([Injection { node, what, frame }]);
}

fn injected(what: Injected, cut: impl FnMut() -> usize) -> Desk {
    let mut desk = desk(HEALTHY);
    inject(&mut desk, "faulty", what, FAULT_FRAME);
    desk.play_cut(40_000, cut);
    desk
}

fn stem<'a>(desk: &'a Desk, actor: &str) -> &'a [Vec<f32>; 2] {
    &desk.heard.stems[&desk.conductor.deployment().node_of(actor).expect("an actor")]
}

const INJECTED: [(Injected, FaultKind, u64); 5] = [
    (Injected::Panic, FaultKind::Panic, FAULT_FRAME),
    (Injected::NotFinite, FaultKind::NotFinite, FAULT_FRAME),
    (Injected::Loud, FaultKind::Loud, FAULT_FRAME + 2_400),
    (Injected::Stall { millis: 20 }, FaultKind::Stall, FAULT_FRAME),
    (Injected::Hang, FaultKind::Hang, FAULT_FRAME),
];

#[test]
fn the_others_do_not_change_by_a_bit() {
    let healthy = played(HEALTHY, 64);
    // The stage's own panic is taken from the piece in which it came, here a whole quantum.
    let own =
        [(0, FaultKind::Panic, 9_984), (1, FaultKind::NotFinite, FAULT_FRAME)].map(|(fault, kind, frame)| {
            (played(&format!("at_frame = {FAULT_FRAME}\nfault = {fault}"), 64), kind, frame)
        });
    let asked = INJECTED.map(|(what, kind, frame)| (injected(what, || 64), kind, frame));
    for (mut broken, kind, frame) in own.into_iter().chain(asked) {
        for actor in ["safe", "victim", "echo"] {
            assert_eq!(
                bits(&stem(&broken, actor)[0]),
                bits(&stem(&healthy, actor)[0]),
                "{actor} after {kind:?}"
            );
        }
        let summary = broken.conductor.summary();
        assert_eq!(summary.faults.len(), 1, "{:?}", summary.faults);
        let fault = &summary.faults[0];
        assert_eq!((fault.actor.as_str(), fault.kind, fault.frame), ("faulty", kind, frame));
        assert_eq!((summary.restarts, summary.rt_violations), (1, 0));
        assert!(summary.quarantined.is_empty());
        assert!(broken.heard.device[0].iter().all(|x| x.is_finite()));
    }
}

/// Half a raised cosine from `level` down, as the fault edge draws it.
fn slope(level: f32, frame: usize) -> f32 {
    let phase = std::f64::consts::PI * frame as f64 / DECLICK_FRAMES as f64;
    level * (0.5 + 0.5 * phase.cos()) as f32
}

#[test]
fn it_fades_out_and_comes_back_without_a_click() {
    let healthy = played(HEALTHY, 64);
    let good = &stem(&healthy, "faulty")[0];
    let own = played(&format!("at_frame = {FAULT_FRAME}\nfault = 1"), 64);
    for broken in [own, injected(Injected::Panic, || 64), injected(Injected::Stall { millis: 9 }, || 64)] {
        let bad = &stem(&broken, "faulty")[0];
        let fault = FAULT_FRAME as usize;
        assert_eq!(bits(&good[..fault]), bits(&bad[..fault]), "what was good was played");
        for n in 1..=DECLICK_FRAMES {
            let expected = slope(good[fault - 1], n);
            assert!((bad[fault + n - 1] - expected).abs() < 1.0e-6, "frame {n} of the ramp");
        }
        let silent = &bad[fault + DECLICK_FRAMES..BACK_FRAME];
        assert!(silent.iter().all(|x| *x == 0.0), "it is silent while it is rebuilt");
        for n in 0..DECLICK_FRAMES {
            let expected = good[BACK_FRAME + n] * (1.0 - slope(1.0, n));
            assert!((bad[BACK_FRAME + n] - expected).abs() < 1.0e-6, "frame {n} of the fade in");
        }
        let back = BACK_FRAME + DECLICK_FRAMES;
        assert!(good[back..].iter().any(|x| x.abs() > 0.01));
        assert_eq!(bits(&good[back..]), bits(&bad[back..]), "a fresh one plays on");
    }
}

/// Pieces of any length, the same ones for a seed.
fn random_cuts(mut seed: u32) -> impl FnMut() -> usize {
    move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        1 + (seed >> 8) as usize % 700
    }
}

#[test]
fn a_fault_does_not_depend_on_the_block() {
    let check = |name: &str, play: &dyn Fn(&mut dyn FnMut() -> usize) -> Desk| {
        let mut reference = play(&mut || 64);
        let faults = reference.conductor.summary().faults;
        assert!(!faults.is_empty(), "{name}");
        let compare = |cut: &mut dyn FnMut() -> usize, how: String| {
            let mut other = play(cut);
            assert_eq!(bits(&reference.heard.device[0]), bits(&other.heard.device[0]), "{name}, {how}");
            assert_eq!(faults, other.conductor.summary().faults, "{name}, {how}");
        };
        for block in [1, 17, 512, 4_096] {
            compare(&mut || block, format!("block {block}"));
        }
        for seed in 0..4 {
            compare(&mut random_cuts(seed), format!("cut at random, seed {seed}"));
        }
    };
    for (what, ..) in INJECTED {
        check(&format!("{what:?}"), &|cut| injected(what, cut));
    }
    check("its own NaN", &|cut| {
        let mut desk = desk(&format!("at_frame = {FAULT_FRAME}\nfault = 1"));
        desk.play_cut(40_000, cut);
        desk
    });
    check("two in one quantum, and one while it is silent", &|cut| {
        let mut desk = desk(HEALTHY);
        for (frame, what) in
            [(10_011, Injected::NotFinite), (10_001, Injected::Loud), (11_000, Injected::Panic)]
        {
            inject(&mut desk, "faulty", what, frame);
        }
        desk.play_cut(40_000, cut);
        desk
    });
}

/// What a processor put out before it panicked is lost with it, so its panic counts
/// from the piece in which it came: the same in all callbacks of whole quanta.
#[test]
fn its_own_panic_counts_from_its_quantum() {
    let play = |block| played(&format!("at_frame = {FAULT_FRAME}\nfault = 0"), block);
    let reference = play(64);
    for block in [32, 512, 4_096] {
        assert_eq!(bits(&reference.heard.device[0]), bits(&play(block).heard.device[0]), "block {block}");
    }
    let mut piecewise = play(1);
    assert_eq!(piecewise.conductor.summary().faults[0].frame, FAULT_FRAME);
}

#[test]
fn where_it_panicked_and_what_it_said_is_known() {
    let mut own = played(&format!("at_frame = {FAULT_FRAME}\nfault = 0"), 64);
    let summary = own.conductor.summary();
    assert!(summary.fault_allocations > 0, "unwinding is counted apart");
    let fault = &summary.faults[0];
    assert_eq!(fault.message.as_deref(), Some("broken on purpose"));
    let place = fault.place.as_deref().expect("a panic has a place");
    assert!(place.starts_with("tests/desk/mod.rs:"), "{place}");
    let mut nan = injected(Injected::NotFinite, || 64);
    let fault = nan.conductor.summary().faults.remove(0);
    assert_eq!((fault.place, fault.message), (None, None));
}

/// Fails at the same place of each life: three restarts in a minute, then silence
/// for half a minute, and so on for ever.
#[test]
fn what_fails_for_ever_is_quarantined_and_tried_again() {
    let mut desk = Desk::new(&rig("at_frame = 2000\nfault = 0\nagain = 1"), held_note());
    desk.listen("faulty");
    desk.play(80_000, 256);
    let summary = desk.conductor.summary();
    assert_eq!((summary.faults.len(), summary.restarts), (4, 3));
    assert_eq!(summary.quarantined, ["faulty"]);
    let last = summary.faults[3].frame;
    let rest = &stem(&desk, "faulty")[0][last as usize + DECLICK_FRAMES..];
    assert!(rest.len() > 40_000 && rest.iter().all(|x| *x == 0.0));

    desk.play(30 * 48_000, 4_096);
    let summary = desk.conductor.summary();
    let again = (last + 30 * 48_000).next_multiple_of(32);
    assert_eq!((summary.faults.len(), summary.restarts), (5, 4), "it was tried again, and failed again");
    // 2,000 frames on, in the quantum that they fall into.
    assert_eq!(summary.faults[4].frame, again + 1_984);
    assert_eq!(summary.quarantined, ["faulty"]);
}

/// What was changed while it played, and while it was silent, is what comes back.
#[test]
fn it_comes_back_with_its_last_good_parameters() {
    let play = |fault: bool| {
        let mut desk = desk(&format!("{HEALTHY}\nlevel = 1.0"));
        let node = desk.conductor.deployment().node_of("faulty").expect("an actor");
        let turn = |desk: &mut Desk, value| {
            let index = desk::LEVEL;
            assert!(desk.conductor.command(Command::Parameter { node, index, value }));
        };
        if fault {
            inject(&mut desk, "faulty", Injected::Panic, FAULT_FRAME);
            inject(&mut desk, "faulty", Injected::Panic, 30_000);
        }
        desk.play(5_000, 64);
        turn(&mut desk, 0.5);
        desk.play(6_000, 64);
        turn(&mut desk, 0.25);
        desk.play(29_000, 64);
        desk
    };
    let (mut broken, healthy) = (play(true), play(false));
    assert_eq!(broken.conductor.summary().faults.len(), 2);
    let (good, bad) = (&stem(&healthy, "faulty")[0], &stem(&broken, "faulty")[0]);
    let fade = BACK_FRAME + DECLICK_FRAMES;
    assert_eq!(bits(&good[fade..30_000]), bits(&bad[fade..30_000]));
    // The second fault within the minute is held back for about 100 ms.
    assert_eq!(bits(&good[37_000..]), bits(&bad[37_000..]));
    assert!(good[37_000..].iter().any(|x| x.abs() > 0.001));
}

/// The note that sounded ends, its release is nobody's, and the next one sounds.
#[test]
fn its_notes_end_with_it_and_the_next_one_sounds() {
    let on = |time, key| at(time, Message::NoteOn { channel: 0, key, velocity: 100 });
    let off = |time, key| at(time, Message::NoteOff { channel: 0, key, velocity: 64 });
    // 60 is held over the fault, 64 is struck while there is nobody, 60 again after.
    let events =
        vec![on(100, 60), on(11_000, 64), off(14_000, 60), off(14_500, 64), on(20_000, 60), off(26_000, 60)];
    let mut desk = Desk::new(&rig(HEALTHY), events);
    for actor in ["safe", "victim"] {
        desk.listen(actor);
    }
    inject(&mut desk, "victim", Injected::Panic, FAULT_FRAME);
    desk.play(60_000, 64);
    let heard = &stem(&desk, "victim")[0];
    let loudest =
        |range: std::ops::Range<usize>| heard[range].iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    assert!(loudest(8_000..10_000) > 0.01);
    assert_eq!(loudest(10_240..20_000), 0.0, "nothing of what it was told before");
    assert!(loudest(20_000..26_000) > 0.01, "its next note is heard");
    assert_eq!(loudest(59_000..60_000), 0.0, "and ends");
    assert_eq!(desk.conductor.snapshot().voices, 0, "nothing hangs");
}

/// The program that was chosen before it failed is the one that its next note has.
#[test]
fn its_channels_keep_what_they_were_told() {
    let play = |program_at: Option<u64>| {
        let program = program_at.map(|time| at(time, Message::ProgramChange { channel: 0, program: 56 }));
        let note = at(20_000, Message::NoteOn { channel: 0, key: 60, velocity: 100 });
        let text = rig(HEALTHY).replace("preset = \"organ\"", "preset = \"gm\"");
        let mut desk = Desk::new(&text, program.into_iter().chain([note]).collect());
        desk.listen("victim");
        inject(&mut desk, "victim", Injected::Panic, FAULT_FRAME);
        desk.play(30_000, 64);
        assert_eq!(desk.conductor.summary().faults.len(), 1);
        bits(&stem(&desk, "victim")[0])
    };
    let (before, while_silent, after) = (play(Some(300)), play(Some(11_000)), play(Some(15_000)));
    assert!(before == after && while_silent == after, "it is told again");
    assert!(before != play(None), "and makes a difference");
}
