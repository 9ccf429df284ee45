//! It keeps playing: a stage that fails is silenced without a click, rebuilt,
//! and nothing without a cable from it changes by a bit.

mod desk;

use antiphon::midi::{Event, Message};
use antiphon::render::FaultKind;
use desk::{Desk, bits};

const FAULT_FRAME: u64 = 10_000;

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

fn held_note() -> Vec<Event> {
    vec![Event::midi(100, 0, Message::NoteOn { channel: 0, key: 60, velocity: 100 })]
}

fn played(fault: &str, block: usize) -> Desk {
    let mut desk = Desk::new(&rig(fault), held_note());
    for actor in ["safe", "victim", "echo", "faulty"] {
        desk.listen(actor);
    }
    desk.play(40_000, block);
    desk
}

fn stem<'a>(desk: &'a Desk, actor: &str) -> &'a [Vec<f32>; 2] {
    &desk.heard.stems[&desk.conductor.deployment().node_of(actor).expect("an actor")]
}

#[test]
fn the_others_do_not_change_by_a_bit() {
    let healthy = played("at_frame = 1e9", 64);
    for (fault, kind) in [("fault = 0", FaultKind::Panic), ("fault = 1", FaultKind::NotFinite)] {
        let mut broken = played(&format!("at_frame = {FAULT_FRAME}\n{fault}"), 64);
        for actor in ["safe", "victim", "echo"] {
            assert_eq!(
                bits(&stem(&broken, actor)[0]),
                bits(&stem(&healthy, actor)[0]),
                "{actor} after {fault}"
            );
        }
        let summary = broken.conductor.summary();
        assert_eq!(summary.faults.len(), 1, "{:?}", summary.faults);
        assert_eq!((summary.faults[0].actor.as_str(), summary.faults[0].kind), ("faulty", kind));
        assert_eq!((summary.restarts, summary.rt_violations), (1, 0));
        assert!(broken.heard.device[0].iter().all(|x| x.is_finite()));
    }
}

#[test]
fn it_fades_out_and_comes_back_without_a_click() {
    let healthy = played("at_frame = 1e9", 64);
    let broken = played(&format!("at_frame = {FAULT_FRAME}\nfault = 1"), 64);
    let (good, bad) = (&stem(&healthy, "faulty")[0], &stem(&broken, "faulty")[0]);
    let fault = FAULT_FRAME as usize;
    assert_eq!(bits(&good[..fault]), bits(&bad[..fault]), "what was good was played");
    let last = good[fault - 1].abs();
    let step = last / 240.0 * 1.01 + 1.0e-9;
    for pair in bad[fault - 1..fault + 300].windows(2) {
        assert!((pair[1] - pair[0]).abs() <= step, "a step of {}", pair[1] - pair[0]);
    }
    assert!(bad[fault + 240..fault + 8_000].iter().all(|x| *x == 0.0), "it is silent while it is rebuilt");
    let back = 9_984 + 8_192;
    assert!(bad[..back].iter().skip(fault + 240).all(|x| *x == 0.0));
    assert_eq!(bits(&good[back + 480..]), bits(&bad[back + 480..]), "a fresh one plays on");
    let faded = bad[back..back + 480].iter().zip(&good[back..]).all(|(b, g)| b.abs() <= g.abs());
    assert!(faded, "it is faded in");
}

#[test]
fn a_fault_does_not_depend_on_the_block() {
    let reference = played(&format!("at_frame = {FAULT_FRAME}\nfault = 1"), 64);
    for block in [1, 17, 512, 4_096] {
        let other = played(&format!("at_frame = {FAULT_FRAME}\nfault = 1"), block);
        assert_eq!(bits(&reference.heard.device[0]), bits(&other.heard.device[0]), "block {block}");
    }
}

/// Fails at the same place of each life: three restarts in a minute, then silence.
#[test]
fn what_fails_for_ever_is_given_up() {
    let mut desk = Desk::new(&rig("at_frame = 2000\nfault = 0\nagain = 1"), held_note());
    desk.listen("faulty");
    desk.play(80_000, 256);
    let summary = desk.conductor.summary();
    assert_eq!((summary.faults.len(), summary.restarts), (4, 3));
    assert!(summary.fault_allocations > 0, "unwinding is counted apart");
    let rest = &stem(&desk, "faulty")[0][60_000..];
    assert!(rest.iter().all(|x| *x == 0.0));
}
