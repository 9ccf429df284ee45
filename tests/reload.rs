//! A saved rig is applied as a difference: what it does not touch plays on to
//! the bit, what it changes is faded, and held notes end where they began.

mod desk;

use antiphon::midi::{Event, Message};
use desk::{Desk, bits};

const RIG: &str = r#"
    [midi.keys]
    in = "*"
    [instrument.kept]
    kind = "synth"
    preset = "strings"
    [instrument.other]
    kind = "synth"
    preset = "organ"
    [stage.echo]
    kind = "delay"
    [[cable]]
    from = "keys"
    to = "kept"
    [[cable]]
    from = "keys"
    to = "other"
    [[cable]]
    from = "kept"
    to = "echo"
    [[cable]]
    from = "echo"
    to = "out"
    [[cable]]
    from = "other"
    to = "out"
"#;

fn chord() -> Vec<Event> {
    let on = |time, key| Event::midi(time, 0, Message::NoteOn { channel: 0, key, velocity: 90 });
    let off = |time, key| Event::midi(time, 0, Message::NoteOff { channel: 0, key, velocity: 64 });
    vec![on(50, 60), on(60, 64), on(70, 67), off(30_000, 60), off(30_000, 64), off(30_000, 67)]
}

fn changed(change: impl Fn(&str) -> String, frames: usize) -> Desk {
    let mut desk = Desk::new(RIG, chord());
    for actor in ["kept", "echo"] {
        desk.listen(actor);
    }
    desk.play(9_600, 64);
    let text = change(RIG);
    if text != RIG {
        desk.conductor.change(desk::rig(&text)).expect("it can be built");
    }
    desk.play(frames - 9_600, 64);
    assert!(!desk.conductor.is_changing());
    desk
}

fn largest_step(samples: &[f32]) -> f32 {
    samples.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
}

#[test]
fn what_a_change_does_not_touch_plays_on_to_the_bit() {
    let before = changed(str::to_owned, 48_000);
    let removal = RIG.replace("[instrument.other]\n    kind = \"synth\"\n    preset = \"organ\"\n", "");
    let removal = removal.replace("[[cable]]\n    from = \"keys\"\n    to = \"other\"\n", "");
    let removal = removal.replace("[[cable]]\n    from = \"other\"\n    to = \"out\"\n", "");
    assert!(!removal.contains("other"));
    let louder = RIG.replace("preset = \"organ\"", "preset = \"organ\"\ngain = -12");
    let replaced = RIG.replace("preset = \"organ\"", "preset = \"round-bass\"");
    for text in [removal, louder, replaced] {
        let after = changed(|_| text.clone(), 48_000);
        for (node, [left, right]) in &before.heard.stems {
            assert_eq!(bits(left), bits(&after.heard.stems[node][0]));
            assert_eq!(bits(right), bits(&after.heard.stems[node][1]));
        }
        let usual = largest_step(&before.heard.device[0]);
        let step = largest_step(&after.heard.device[0][9_000..12_000]);
        assert!(step < usual * 1.5, "a click of {step} where {usual} is usual");
        assert_ne!(bits(&before.heard.device[0][12_000..]), bits(&after.heard.device[0][12_000..]));
    }
}

#[test]
fn a_note_held_through_a_change_ends_where_it_began() {
    // The cable's transpose changes while the chord is held.
    let after = changed(|rig| rig.replacen("to = \"kept\"", "to = \"kept\"\n    transpose = 5", 1), 200_000);
    let mut after = after;
    assert_eq!(after.conductor.snapshot().voices, 0, "a note hangs");
    // The cable itself goes while the chord is held.
    let gone = |rig: &str| rig.replacen("[[cable]]\n    from = \"keys\"\n    to = \"kept\"\n", "", 1);
    assert_ne!(gone(RIG), RIG);
    let mut after = changed(gone, 200_000);
    assert_eq!(after.conductor.snapshot().voices, 0, "a note hangs");
}

/// The old cables and the new ones would make a loop together.
#[test]
fn an_order_turned_round_is_crossfaded_in_two_steps() {
    let series = |first: &str, second: &str| {
        format!(
            "[midi.keys]\nin = \"*\"\n[instrument.kept]\nkind = \"synth\"\n[stage.a]\nkind = \"gain\"\n\
             [stage.b]\nkind = \"gain\"\ngain = -6\n[[cable]]\nfrom = \"keys\"\nto = \"kept\"\n\
             [[cable]]\nfrom = \"kept\"\nto = \"{first}\"\n[[cable]]\nfrom = \"{first}\"\nto = \"{second}\"\n\
             [[cable]]\nfrom = \"{second}\"\nto = \"out\"\n"
        )
    };
    let mut desk = Desk::new(&series("a", "b"), chord());
    desk.listen("kept");
    desk.play(9_600, 64);
    desk.conductor.change(desk::rig(&series("b", "a"))).expect("it can be built");
    desk.play(9_600, 64);
    assert!(!desk.conductor.is_changing());
    let kept = &desk.heard.stems[&desk.conductor.deployment().node_of("kept").expect("an actor")][0];
    let gain = 0.501_187_2;
    for (sample, device) in kept.iter().zip(&desk.heard.device[0]).skip(14_400) {
        assert!((sample * gain - device).abs() < 1.0e-6);
    }
}
