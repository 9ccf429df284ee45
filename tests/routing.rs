//! What cables do on the way: order, floods, transposes, gear, late releases.

mod desk;

use antiphon::midi::{Event, EventKind, Message};
use antiphon::render::{Command, Swap};
use desk::{bits, received, with_gear};

const THRU: &str = r#"
    [midi.keys]
    in = "*"
    [midi.gear]
    out = "*"
    [instrument.synth]
    kind = "synth"
    preset = "organ"
    [[cable]]
    from = "keys"
    to = "gear"
    transpose = 12
    [[cable]]
    from = "keys"
    to = "synth"
    [[cable]]
    from = "synth"
    to = "out"
"#;

fn on(time: u64, key: u8) -> Event {
    Event::midi(time, 0, Message::NoteOn { channel: 0, key, velocity: 80 })
}

fn off(time: u64, key: u8) -> Event {
    Event::midi(time, 0, Message::NoteOff { channel: 0, key, velocity: 0 })
}

#[test]
fn gear_hears_each_message_at_its_frame_as_it_was_written() {
    let bend = Event::from_bytes(70, 0, &[0xe3, 0x12, 0x34]);
    let zero = Event::from_bytes(99, 0, &[0x90, 60, 0]);
    let clock = Event::from_bytes(100, 0, &[0xf8]);
    let (mut desk, mut gear) =
        with_gear(THRU, vec![on(33, 60), bend, zero, clock, on(200, 120), off(300, 120)]);
    desk.play(1_000, 64);
    let expected =
        [(33, vec![0x90, 72, 80]), (70, vec![0xe3, 0x12, 0x34]), (99, vec![0x90, 72, 0]), (100, vec![0xf8])];
    assert_eq!(received(&mut gear), expected);
    let summary = desk.conductor.summary();
    let cable = summary.edges.iter().find(|e| e.to == "gear").expect("a cable");
    assert_eq!((cable.dropped, summary.snapshot.dropped_events), (1, 1), "120 + 12 is no key");
}

/// Three thousand messages at one frame: none is lost, the order stays, and how
/// the time is cut changes nothing.
#[test]
fn a_flood_is_spread_over_quanta_and_not_dropped() {
    let flood: Vec<Event> =
        (0..1_500).flat_map(|i| [on(40, (i % 100) as u8), off(40, (i % 100) as u8)]).collect();
    let play = |block| {
        let (mut desk, mut gear) = with_gear(THRU, flood.clone());
        let mut heard = Vec::new();
        for _ in 0..20 {
            desk.play(100, block);
            heard.extend(received(&mut gear));
        }
        let summary = desk.conductor.summary();
        assert_eq!(summary.snapshot.dropped_events, 0);
        assert!(summary.snapshot.deferred_events > 2_000);
        (heard, bits(&desk.heard.device[0]))
    };
    let (heard, sound) = play(64);
    assert_eq!(heard.len(), 3_000);
    let keys: Vec<u8> = heard.iter().map(|(_, bytes)| bytes[1]).collect();
    assert!(keys.chunks(2).enumerate().all(|(i, pair)| pair == [(i % 100) as u8 + 12; 2]));
    assert!(heard.windows(2).all(|w| w[0].0 <= w[1].0) && heard[2_999].0 <= 40 + 6 * 32);
    for block in [1, 7, 100] {
        let (other, other_sound) = play(block);
        assert!(other == heard && other_sound == sound, "block {block}");
    }
}

#[test]
fn panic_and_a_lost_source_end_every_note() {
    let pedal = Event::midi(5, 0, Message::ControlChange { channel: 0, controller: 64, value: 127 });
    let notes: Vec<Event> = [pedal].into_iter().chain((40..60).map(|key| on(10, key))).collect();
    for panics in [true, false] {
        let (mut desk, mut gear) = with_gear(THRU, notes.clone());
        desk.play(4_800, 64);
        assert_eq!(desk.conductor.snapshot().voices, 20);
        received(&mut gear);
        if panics {
            desk.conductor.command(Command::Panic);
        } else {
            desk.conductor.lend(Swap { sources: vec![(64, None)], ..Swap::default() });
        }
        desk.play(48_000, 64);
        assert_eq!(desk.conductor.snapshot().voices, 0);
        let told: Vec<u8> = received(&mut gear).iter().map(|(_, bytes)| bytes[0] & 0xf0).collect();
        if panics {
            assert!(told.iter().filter(|status| **status == 0xb0).count() >= 16);
        } else {
            assert_eq!(told.iter().filter(|status| **status == 0x80).count(), 20);
        }
    }
}

/// What the events of a processor are made of: each of its own kind.
#[test]
fn kinds_of_events_are_told_apart() {
    assert!(matches!(
        Event::parameter(1, 2, 0.5).kind(),
        Some(EventKind::Parameter { index: 2, value: 0.5 })
    ));
    assert!(matches!(Event::reset(1, 0).kind(), Some(EventKind::Reset)));
    assert!(Event::from_bytes(0, 0, &[0x12]).kind().is_none());
}
