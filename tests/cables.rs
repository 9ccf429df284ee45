//! What a cable does in time and on top: arpeggios, repeats, limits, filters and
//! maps; whatever it does, nothing hangs, and how time is cut changes nothing.

mod desk;

use std::collections::BTreeMap;

use antiphon::midi::{Event, Message};
use antiphon::render::{Command, Swap};
use desk::{bits, received, rig, with_gear};
use proptest::prelude::*;

fn thru(keys: &str) -> String {
    format!(
        "[midi.keys]\nin = '*'\n[midi.gear]\nout = '*'\n[instrument.synth]\nkind = 'synth'\n\
         preset = 'organ'\n[[cable]]\nfrom = 'synth'\nto = 'out'\n\
         [[cable]]\nfrom = 'keys'\nto = 'gear'\n{keys}\n[[cable]]\nfrom = 'keys'\nto = 'synth'\n{keys}\n"
    )
}

fn heard(keys: &str, events: Vec<Event>, frames: usize) -> Vec<(u64, Vec<u8>)> {
    let (mut desk, mut gear) = with_gear(&thru(keys), events);
    desk.play(frames, 64);
    received(&mut gear)
}

fn on(time: u64, key: u8) -> Event {
    Event::midi(time, 0, Message::NoteOn { channel: 0, key, velocity: 100 })
}

fn off(time: u64, key: u8) -> Event {
    Event::midi(time, 0, Message::NoteOff { channel: 0, key, velocity: 0 })
}

/// Strikes of each (channel, key) less its releases: what still sounds of them.
fn hanging(heard: &[(u64, Vec<u8>)]) -> BTreeMap<(u8, u8), i32> {
    let mut count = BTreeMap::new();
    for (_, bytes) in heard {
        let key = (bytes[0] & 0x0f, bytes.get(1).copied().unwrap_or(0));
        match bytes[0] & 0xf0 {
            0x90 if bytes[2] > 0 => *count.entry(key).or_insert(0) = 1,
            0x80 | 0x90 => drop(count.remove(&key)),
            _ => {}
        }
    }
    count
}

fn strikes(heard: &[(u64, Vec<u8>)]) -> Vec<(u64, u8, u8)> {
    let struck = heard.iter().filter(|(_, bytes)| bytes[0] & 0xf0 == 0x90 && bytes[2] > 0);
    struck.map(|(time, bytes)| (*time, bytes[1], bytes[2])).collect()
}

#[test]
fn only_what_passes_the_filters_arrives_and_that_verbatim() {
    let bytes: [&[u8]; 9] = [
        &[0x90, 60, 80],
        &[0x90, 61, 80],
        &[0xb2, 1, 127],
        &[0xb2, 7, 5],
        &[0xd0, 44],
        &[0xf8],
        &[0xfa],
        &[0xfe],
        &[0x90, 60, 0],
    ];
    let events: Vec<Event> =
        (10..).zip(bytes).map(|(time, bytes)| Event::from_bytes(time, 0, bytes)).collect();
    let keys = "without = ['clock', 'pressure']\nnotes = ['C', 'E']\nchannel_map = [[3, 5]]\n\
                controllers = [{ from = 1, to = 'bend' }]";
    let expected: [(u64, &[u8]); 6] = [
        (10, &[0x90, 60, 80]),
        (12, &[0xe4, 0x7f, 0x7f]),
        (13, &[0xb4, 7, 5]),
        (16, &[0xfa]),
        (17, &[0xfe]),
        (18, &[0x90, 60, 0]),
    ];
    let expected: Vec<(u64, Vec<u8>)> = expected.into_iter().map(|(t, bytes)| (t, bytes.to_vec())).collect();
    assert_eq!(heard(keys, events.clone(), 200), expected);
    let only = heard("only = ['transport']", events, 200);
    assert_eq!(only, [(16, vec![0xfa])]);
}

#[test]
fn a_dump_passes_only_where_sysex_may() {
    let dump: Vec<u8> = [0xf0].into_iter().chain((0..90).map(|n| n & 0x7f)).chain([0xf7]).collect();
    for (keys, count) in [("without = ['clock']", 1), ("without = ['sysex']", 0), ("only = ['notes']", 0)] {
        let (mut desk, mut gear) = with_gear(&thru(keys), Vec::new());
        let (mut inlet, source) = antiphon::render::inlet(antiphon::render::TimeBase::Frames);
        let origin = antiphon::render::Origin::Live(source);
        let port = desk.conductor.deployment().port_of("keys").expect("a port");
        let feed = Box::new(antiphon::render::Feed { port, origin });
        desk.conductor.lend(Swap { sources: vec![(3, Some(feed))], ..Swap::default() });
        desk.play(64, 64);
        inlet.sysex(70, &dump, true, true);
        desk.play(640, 64);
        assert_eq!(received(&mut gear).len(), count, "{keys}");
    }
}

#[test]
fn layers_blend_over_their_crossfade() {
    let low = strikes(&heard("keys = 'C2..C4'\nkey_fade = 5", (48..=60).map(|k| on(9, k)).collect(), 64));
    let high = strikes(&heard("keys = 'G#3..C6'\nkey_fade = 5", (48..=60).map(|k| on(9, k)).collect(), 64));
    let of = |list: &[(u64, u8, u8)], key| list.iter().find(|s| s.1 == key).map(|s| u32::from(s.2));
    assert_eq!((of(&low, 55), of(&high, 55)), (Some(100), None));
    for key in 56..=60 {
        let (a, b) = (of(&low, key).expect("low"), of(&high, key).expect("high"));
        assert!((9_700..10_300).contains(&(a * a + b * b)), "{key}: {a} and {b}");
    }
    let soft = heard("velocities = '1..100'\nvelocity_fade = 20", vec![on(9, 60)], 64);
    assert_eq!(strikes(&soft), [(9, 60, 22)], "at the very end a 21st of its power is left");
}

#[test]
fn an_arpeggio_is_on_the_grid_and_ends_with_its_keys() {
    let keys = "arpeggiator = { mode = 'up', rate = '1/16', octaves = 2 }";
    let events = vec![on(100, 64), on(130, 60), off(30_100, 64), off(40_000, 60)];
    let heard = heard(keys, events, 60_000);
    // 1/16 at 120 BPM is 6,000 frames; half of them sound.
    let expected = [60, 64, 72, 76, 60, 72];
    let found = strikes(&heard);
    assert_eq!(found.len(), 6, "{found:?}");
    for (n, (time, key, velocity)) in found.iter().enumerate() {
        assert_eq!((*time, *velocity), (6_000 * (n as u64 + 1), 100));
        if n < 5 {
            assert_eq!(*key, expected[n], "{found:?}");
        }
    }
    let ends: Vec<u64> = heard.iter().filter(|(_, b)| b[0] == 0x80).map(|(time, _)| *time).collect();
    assert_eq!(ends, [9_000, 15_000, 21_000, 27_000, 33_000, 39_000]);
    assert!(hanging(&heard).is_empty());
}

#[test]
fn repeats_are_as_long_as_their_note_and_softer_each_time() {
    let keys = "transpose = 1\ndelay = { time = 0.25, repeats = 3, decay = 0.5, transpose = 2 }";
    let heard = heard(keys, vec![on(100, 60), off(4_100, 60)], 60_000);
    let expected = [
        (100, vec![0x90, 61, 100]),
        (4_100, vec![0x80, 61, 0]),
        (12_100, vec![0x90, 63, 50]),
        (16_100, vec![0x80, 63, 64]),
        (24_100, vec![0x90, 65, 25]),
        (28_100, vec![0x80, 65, 64]),
        (36_100, vec![0x90, 67, 13]),
        (40_100, vec![0x80, 67, 64]),
    ];
    assert_eq!(heard, expected);
}

#[test]
fn a_limit_drops_strikes_counts_them_and_lets_releases_pass() {
    let events = (0..40).flat_map(|i| [on(100 * i, 60), off(100 * i + 50, 60)]).collect();
    let (mut desk, mut gear) = with_gear(&thru("limit = 10"), events);
    desk.play(48_000, 64);
    let heard = received(&mut gear);
    assert_eq!(strikes(&heard).len(), 10);
    assert!(hanging(&heard).is_empty());
    let summary = desk.conductor.summary();
    let cable = summary.edges.iter().find(|e| e.to == "gear").expect("a cable");
    assert_eq!((cable.dropped, summary.snapshot.dropped_events), (30, 60));
}

const MOVING: [&str; 4] = [
    "arpeggiator = { rate = '1/32', hold = true, gate = 1.0 }",
    "delay = { time = 0.05, repeats = 9, decay = 1.0 }",
    "arpeggiator = { rate = '1/16t', mode = 'chord' }\ndelay.time = '1/16'\nlimit = 40",
    "arpeggiator = { rate = '1/64', mode = 'random' }\ndelay = { time = '1/32d', transpose = 5 }",
];

/// However it ends (panic, the source gone, the cable gone or another), nothing sounds on.
#[test]
fn nothing_hangs_whatever_becomes_of_the_cable() {
    let events: Vec<Event> = [60, 64, 67].into_iter().map(|key| on(500, key)).collect();
    for keys in MOVING {
        for end in ["panic", "source", "plain", "gone", "others"] {
            let (mut desk, mut gear) = with_gear(&thru(keys), events.clone());
            desk.play(30_000, 64);
            let mut all = received(&mut gear);
            assert!(!strikes(&all).is_empty(), "{keys}");
            match end {
                "panic" => assert!(desk.conductor.command(Command::Panic)),
                "source" => desk.conductor.lend(Swap { sources: vec![(64, None)], ..Swap::default() }),
                _ => {
                    let text = match end {
                        "plain" => thru(""),
                        "others" => thru("arpeggiator.rate = '1/8'\ndelay = {}\nlimit = 3"),
                        _ => thru("only = ['clock']").replace("to = 'gear'", "to = 'synth'"),
                    };
                    desk.conductor.change(rig(&text)).expect("it can be built");
                }
            }
            desk.play(1_000, 64);
            let rest = received(&mut gear);
            // A panic tells the gear to end all, and not note by note.
            if end == "panic" {
                let told = rest.iter().position(|(_, bytes)| bytes[..] == [0xb0, 123, 0]);
                all = rest[told.expect("all notes off")..].to_vec();
            } else {
                all.extend(rest);
            }
            let last = all.len();
            desk.play(96_000, 64);
            all.extend(received(&mut gear));
            if matches!(end, "panic" | "source" | "gone") {
                assert!(strikes(&all[last..]).is_empty(), "{keys}, {end}: it goes on");
            }
            if matches!(end, "panic" | "source") {
                assert!(hanging(&all).is_empty(), "{keys}, {end}: {:?}", hanging(&all));
                assert_eq!(desk.conductor.snapshot().voices, 0, "{keys}, {end}");
            }
            // What was held by hand is held still; what the cable made is not.
            desk.conductor.lend(Swap { sources: vec![(64, None)], ..Swap::default() });
            desk.play(96_000, 64);
            all.extend(received(&mut gear));
            assert!(hanging(&all).is_empty(), "{keys}, {end}: {:?}", hanging(&all));
            assert_eq!(desk.conductor.snapshot().voices, 0, "{keys}, {end}");
        }
    }
}

/// An edit of the settings leaves a latched arpeggio playing, on the same keys.
#[test]
fn an_edited_arpeggio_plays_on() {
    let text = |rate| thru(&format!("arpeggiator = {{ rate = '{rate}', hold = true }}"));
    let (mut desk, mut gear) = with_gear(&text("1/8"), vec![on(500, 60), off(600, 60)]);
    desk.play(48_000, 64);
    assert_eq!(strikes(&received(&mut gear)).len(), 3, "at 12,000, 24,000 and 36,000");
    desk.conductor.change(rig(&text("1/16"))).expect("it can be built");
    desk.play(48_000, 64);
    let times: Vec<u64> = strikes(&received(&mut gear)).iter().map(|strike| strike.0).collect();
    assert_eq!(times, (8..16).map(|n| n * 6_000).collect::<Vec<u64>>());
}

fn message() -> impl Strategy<Value = Message> {
    let (channel, key, value) = (0..3_u8, 30..100_u8, 0..128_u8);
    prop_oneof![
        4 => (channel.clone(), key.clone(), 1..128_u8)
            .prop_map(|(channel, key, velocity)| Message::NoteOn { channel, key, velocity }),
        4 => (channel.clone(), key, value.clone())
            .prop_map(|(channel, key, velocity)| Message::NoteOff { channel, key, velocity }),
        2 => (channel.clone(), value.clone(), value)
            .prop_map(|(channel, controller, value)| Message::ControlChange { channel, controller, value }),
        1 => (channel, 0..16_384_u16).prop_map(|(channel, value)| Message::PitchBend { channel, value }),
    ]
}

/// All there is, in one cable and then another.
fn everything() -> String {
    let all = "without = ['program']\nkeys = 'C2..C7'\nkey_fade = 7\nvelocities = '5..127'\n\
               velocity_fade = 9\nnotes = ['C', 'D', 'E', 'F#', 'G', 'A', 'B']\ntranspose = 3\n\
               scale = 'A minor'\nvelocity = 'soft'\nlimit = 200\n\
               controllers = [{ from = 1, to = 74, range = [20, 110] }, { from = 'bend', to = 2 }]\n\
               arpeggiator = { rate = '1/64t', mode = 'random', octaves = 3, hold = true }\n\
               delay = { time = '1/64', repeats = 5, decay = 0.9, transpose = -5 }";
    let other = thru(
        "arpeggiator = { rate = '1/32d', mode = 'chord' }\ndelay = { time = 0.031 }\n\
                      channel_map = [[1, 2], [2, 3], [3, 1]]",
    );
    let (_, cables) = other.split_once("to = 'out'\n").expect("its cables");
    thru(all) + cables
}

type Played = (Vec<(u64, Vec<u8>)>, Vec<u32>, u64);

fn play(events: &[(u64, Message)], blocks: &[usize]) -> Played {
    let mut events: Vec<Event> = events.iter().map(|(time, m)| Event::midi(*time, 0, *m)).collect();
    events.sort_by_key(|event| event.time);
    let (mut desk, mut gear) = with_gear(&everything(), events);
    let (mut done, mut told) = (0, Vec::new());
    for block in blocks.iter().cycle() {
        if done >= 12_000 {
            break;
        }
        let length = (*block).min(12_000 - done);
        desk.play(length, length);
        told.extend(received(&mut gear));
        done += length;
    }
    let dropped = desk.conductor.snapshot().dropped_events;
    (told, bits(&desk.heard.device[0]), dropped)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_time_is_cut_changes_no_message_and_no_sample(
        events in prop::collection::vec((0..9_000_u64, message()), 1..80),
        blocks in prop::collection::vec(1..2_048_usize, 1..40),
        small in prop::collection::vec(1..70_usize, 1..40),
    ) {
        let whole = play(&events, &[32]);
        prop_assert!(whole.0.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        prop_assert!(whole == play(&events, &blocks));
        prop_assert!(whole == play(&events, &small));
    }
}
