//! Property: however the timeline is cut into callbacks, every sample is the same.

mod desk;

use antiphon::midi::{Event, Message};
use desk::{Desk, bits};
use proptest::prelude::*;

const FRAMES: usize = 9_000;

const RIG: &str = r#"
    [midi.keys]
    in = "*"
    [instrument.synth]
    kind = "synth"
    preset = "gm"
    [instrument.string]
    kind = "pluck"
    [stage.echo]
    kind = "delay"
    seconds = 0.02
    mix = 1.0
    [stage.back]
    kind = "gain"
    pan = 0.5
    gain = -4
    [stage.room]
    kind = "reverb"
    [[cable]]
    from = "keys"
    to = "synth"
    [[cable]]
    from = "keys"
    to = "string"
    from_channel = 2
    [[cable]]
    from = "synth"
    to = "echo"
    [[cable]]
    from = "echo"
    to = "back"
    [[cable]]
    from = "back"
    to = "echo"
    [[cable]]
    from = "echo"
    to = "room"
    [[cable]]
    from = "string"
    to = "room"
    [[cable]]
    from = "room"
    to = "out"
"#;

fn message() -> impl Strategy<Value = Message> {
    let (channel, key, value) = (0..3_u8, 30..100_u8, 0..128_u8);
    prop_oneof![
        4 => (channel.clone(), key.clone(), 1..128_u8)
            .prop_map(|(channel, key, velocity)| Message::NoteOn { channel, key, velocity }),
        3 => (channel.clone(), key, value.clone())
            .prop_map(|(channel, key, velocity)| Message::NoteOff { channel, key, velocity }),
        2 => (channel.clone(), value.clone(), value.clone())
            .prop_map(|(channel, controller, value)| Message::ControlChange { channel, controller, value }),
        1 => (channel.clone(), value).prop_map(|(channel, program)| Message::ProgramChange { channel, program }),
        1 => (channel, 0..16_384_u16).prop_map(|(channel, value)| Message::PitchBend { channel, value }),
    ]
}

fn play(events: &[(u64, Message)], blocks: &[usize]) -> Vec<u32> {
    let mut events: Vec<Event> = events.iter().map(|(time, m)| Event::midi(*time, 0, *m)).collect();
    events.sort_by_key(|event| event.time);
    let mut desk = Desk::new(RIG, events);
    let mut done = 0;
    for block in blocks.iter().cycle() {
        if done >= FRAMES {
            break;
        }
        let length = (*block).min(FRAMES - done);
        desk.play(length, length);
        done += length;
    }
    let [left, right] = &desk.heard.device;
    [bits(left), bits(right)].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_time_is_cut_changes_no_sample(
        events in prop::collection::vec((0..8_000_u64, message()), 1..60),
        blocks in prop::collection::vec(1..4_096_usize, 1..40),
        small in prop::collection::vec(1..70_usize, 1..40),
    ) {
        let whole = play(&events, &[32]);
        prop_assert!(whole == play(&events, &blocks));
        prop_assert!(whole == play(&events, &small));
    }
}
