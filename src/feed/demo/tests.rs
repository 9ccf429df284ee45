use super::*;
use crate::midi::file::Score;
use crate::midi::{Event, Message, controller};
use crate::unit::SampleRate;

fn messages() -> Vec<(u64, Message)> {
    let score = Score::read(&piece()).expect("a good file");
    let performance = score.at(SampleRate::DEFAULT, 0);
    let message = |event: &Event| (event.time, event.message().expect("a message"));
    performance.events.iter().map(message).collect()
}

#[test]
fn it_lasts_ninety_seconds_and_is_the_same_every_time() {
    assert_eq!(piece(), piece());
    let score = Score::read(&piece()).expect("a good file");
    assert_eq!(score.at(SampleRate::DEFAULT, 0).end_frame, 90 * 48_000);
}

#[test]
fn every_note_is_released_before_it_comes_again() {
    let mut held = [[false; 128]; 16];
    let (mut strikes, mut most) = (0, 0);
    for (frame, message) in messages() {
        match message {
            Message::NoteOn { channel, key, velocity } => {
                let held = &mut held[usize::from(channel)][usize::from(key)];
                assert!(!*held, "channel {channel} key {key} at {frame}");
                assert!((1..=127).contains(&velocity) && (24..=96).contains(&key));
                *held = true;
                strikes += 1;
            }
            Message::NoteOff { channel, key, .. } => held[usize::from(channel)][usize::from(key)] = false,
            _ => {}
        }
        most = most.max(held.iter().flatten().filter(|held| **held).count());
    }
    assert!(held.iter().flatten().all(|held| !held));
    assert!(strikes > 1_000 && (8..=24).contains(&most), "{strikes} {most}");
}

#[test]
fn it_has_a_kit_a_bass_below_and_programs_of_its_own() {
    let all = messages();
    let keys = |wanted: u8| {
        all.iter().filter_map(move |(_, message)| match message {
            Message::NoteOn { channel, key, .. } if *channel == wanted => Some(*key),
            _ => None,
        })
    };
    assert!(keys(9).all(|key| (35..=81).contains(&key)) && keys(9).count() > 400);
    assert!(keys(1).max() < keys(0).min().map(|key| key + 2), "the bass stays below");
    let programs = all.iter().filter(|(_, m)| matches!(m, Message::ProgramChange { .. })).count();
    assert_eq!(programs, 8);
    let volumes = all
        .iter()
        .filter(|(_, m)| matches!(m, Message::ControlChange { controller: controller::VOLUME, .. }));
    assert_eq!(volumes.count(), 6);
}
