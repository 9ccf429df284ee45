//! What a bandleader would listen for, over many seeds: measured, with room for taste.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::generate::Length;
use crate::theory::grammar::End;
use crate::theory::{Key, Style};
use crate::unit::SampleRate;

const BAR: u32 = 4 * TICKS_PER_BEAT as u32;
const KEYS: [&str; 6] = ["C", "A minor", "Eb minor", "F#", "D dorian", "Bb"];

/// A piece of a style, in one of the keys.
fn piece(style: Style, seed: u64, bars: u32) -> (Settings, Chart, Vec<Note>) {
    let key = KEYS[seed as usize % KEYS.len()];
    let tempo = 60.0 + 10.0 * (seed % 15) as f64;
    let mut settings =
        Settings::new("a piece", Some(key), Some(tempo), Some(style.name()), seed).expect("settings");
    settings.manner.end = End::Closed;
    let chart = settings.chart(bars);
    let notes = notes(&chart, settings.manner, seed, bars);
    (settings, chart, notes)
}

fn of(notes: &[Note], channel: u8) -> impl Iterator<Item = &Note> {
    notes.iter().filter(move |note| note.channel == channel)
}

/// How far from a tick, in milliseconds, something comes.
fn milliseconds(ticks: i64, tempo: f64) -> f64 {
    ticks as f64 * 60_000.0 / tempo / f64::from(TICKS_PER_BEAT)
}

#[test]
fn a_piece_ends_together_at_home_and_dies_away() {
    for style in Style::ALL {
        for seed in 0..20 {
            let bars = [4, 8, 16, 32][seed as usize % 4];
            let (settings, chart, notes) = piece(style, seed, bars);
            let (last, end) = ((bars - 1) * BAR, bars * BAR);
            let context = format!("{style} {seed}, {bars} bars");
            let chord = chart.bars[chart.bars.len() - 1][0];
            assert_eq!(chord.root.class(), chart.key.tonic.class(), "{context}");
            for channel in [0, 1, 9] {
                let closing: Vec<&Note> =
                    of(&notes, channel).filter(|note| note.tick + BAR / 8 >= last).collect();
                let strikes = closing.iter().filter(|note| {
                    let late = milliseconds(i64::from(note.tick) - i64::from(last), settings.tempo);
                    (-20.0..60.0).contains(&late)
                });
                assert!(strikes.count() > 0, "{context}: channel {channel} is not there");
            }
            let after = |note: &&Note| note.tick > last + BAR / 4;
            assert_eq!(notes.iter().filter(after).count(), 0, "{context}: who goes on?");
            assert!(
                notes.iter().all(|note| note.tick + note.ticks <= end - BAR / 6),
                "{context}: it is let go of in time"
            );
            // The bass says where home is.
            let bass = of(&notes, 1).last().expect("a bass");
            assert_eq!(bass.key % 12, chord.lowest().class(), "{context}");
            assert!(bass.ticks >= BAR / 3, "{context}: it rings");
            // The drummer leads there, unless asked to be quiet.
            let fill = of(&notes, 9).filter(|note| (last - BAR / 2 - 40..last - 60).contains(&note.tick));
            assert!(fill.count() >= 3, "{context}");
        }
    }
}

#[test]
fn what_goes_round_does_not_stop() {
    for style in Style::ALL {
        let settings = Settings::new("a loop", None, None, Some(style.name()), 4).expect("settings");
        let notes = notes(&settings.chart(8), settings.manner, 4, 8);
        assert!(of(&notes, 9).any(|note| note.tick > 7 * BAR + BAR / 2), "{style}");
    }
}

#[test]
fn hands_go_to_the_nearest_chord() {
    for style in Style::ALL {
        let (mut moved, mut changes) = (0.0, 0.0);
        for seed in 0..20 {
            let (_, _, notes) = piece(style, seed, 16);
            // What is struck within a sixteenth is one chord.
            let mut chords: Vec<(u32, Vec<u8>)> = Vec::new();
            for note in of(&notes, 0) {
                match chords.last_mut().filter(|(tick, _)| note.tick - *tick < 60) {
                    Some((_, keys)) => keys.push(note.key),
                    None => chords.push((note.tick, vec![note.key])),
                }
            }
            let whole: Vec<&Vec<u8>> =
                chords.iter().map(|(_, keys)| keys).filter(|keys| keys.len() >= 3).collect();
            for pair in whole.windows(2).filter(|pair| pair[0] != pair[1]) {
                let nearest = |key: u8| pair[0].iter().map(|other| key.abs_diff(*other)).min().unwrap_or(0);
                let distances: Vec<u8> = pair[1].iter().map(|key| nearest(*key)).collect();
                moved += distances.iter().map(|d| f64::from(*d)).sum::<f64>() / distances.len() as f64;
                changes += 1.0;
                let tops = pair.iter().filter_map(|keys| keys.iter().max()).collect::<Vec<_>>();
                assert!(tops[0].abs_diff(*tops[1]) <= 9, "{style} {seed}: the top voice jumps {pair:?}");
            }
        }
        assert!(changes == 0.0 || moved / changes < 1.6, "{style}: {:.2} semitones a voice", moved / changes);
    }
}

/// A semitone within a chord is a colour; an octave further it is a wrong note.
#[test]
fn a_pad_makes_no_minor_ninths() {
    for style in [Style::Bossa, Style::Pop, Style::Ballad] {
        let (mut rubs, mut all) = (0, 0);
        for seed in 0..20 {
            let (_, _, notes) = piece(style, seed, 16);
            for pad in of(&notes, 2) {
                all += 1;
                rubs += usize::from(of(&notes, 0).any(|note| {
                    let together = (pad.tick + pad.ticks).min(note.tick + note.ticks);
                    // Longer than an anticipation lasts.
                    together > pad.tick.max(note.tick) + 300 && pad.key.abs_diff(note.key) == 13
                }));
            }
        }
        assert!(rubs * 25 <= all, "{style}: {rubs} of {all}");
    }
}

/// No machine, and nobody who stumbles.
#[test]
fn hands_are_a_little_off_and_never_far() {
    for style in [Style::Bossa, Style::Funk, Style::Ballad] {
        for channel in [0, 1, 9] {
            let (mut offs, mut velocities): (Vec<f64>, BTreeMap<u8, BTreeSet<u8>>) = Default::default();
            for seed in 0..10 {
                let (settings, _, notes) = piece(style, seed, 8);
                for note in of(&notes, channel) {
                    let grid = i64::from(TICKS_PER_BEAT) / 4;
                    let off = (i64::from(note.tick) + grid / 2).rem_euclid(grid) - grid / 2;
                    offs.push(milliseconds(off, settings.tempo));
                    velocities.entry(note.key).or_default().insert(note.velocity);
                }
            }
            let mean = offs.iter().sum::<f64>() / offs.len() as f64;
            let spread =
                (offs.iter().map(|off| (off - mean).powi(2)).sum::<f64>() / offs.len() as f64).sqrt();
            let furthest = offs.iter().fold(0.0_f64, |most, off| most.max(off.abs()));
            assert!(
                mean.abs() < 12.0 && (1.0..14.0).contains(&spread),
                "{style} {channel}: {mean} ± {spread}"
            );
            assert!(furthest < 45.0, "{style} {channel}: {furthest} ms");
            assert!(velocities.values().any(|several| several.len() > 5), "{style} {channel}");
        }
    }
}

#[test]
fn seeds_differ_and_whoever_is_left_out_changes_nobody_else() {
    for style in Style::ALL {
        let (mut charts, mut pieces) = (BTreeSet::new(), BTreeSet::new());
        for seed in 0..40 {
            let settings = Settings::new("a piece", Some("C"), Some(100.0), Some(style.name()), seed);
            let settings = settings.expect("settings");
            let chart = settings.chart(8);
            pieces.insert(
                notes(&chart, settings.manner, seed, 8)
                    .iter()
                    .map(|note| (note.tick, note.key, note.velocity))
                    .collect::<Vec<_>>(),
            );
            charts.insert(chart.to_json());
        }
        assert_eq!(pieces.len(), 40, "{style}: two are the same");
        assert!(charts.len() >= 20, "{style}: {} progressions", charts.len());
    }
    let full = Settings::new("swing", Some("C"), None, None, 3).expect("settings");
    let chart = full.chart(8);
    let mut trio = full;
    trio.manner.lineup =
        Settings::new("swing, no drums", Some("C"), None, None, 3).expect("fine").manner.lineup;
    let without: Vec<Note> = notes(&chart, trio.manner, 3, 8);
    let mut with = notes(&chart, full.manner, 3, 8);
    assert!(of(&with, 9).count() > 0);
    with.retain(|note| note.channel != 9);
    assert_eq!(with, without);
}

#[test]
fn seconds_are_filled_by_whole_bars_where_nobody_says_the_tempo() {
    for style in Style::ALL {
        for seconds in [10.0, 15.0, 30.0, 61.5] {
            let length = Length::Seconds(seconds);
            let request = Request {
                length,
                style: Some(style.name().to_owned()),
                ..Request::new("some music", SampleRate::DEFAULT)
            };
            let settings = Settings::of(&request).expect("settings");
            assert!((settings.tempo / style.tempo() - 1.0).abs() <= 0.125, "{style}: {}", settings.tempo);
            let bars = length.whole_bars(settings.tempo, false);
            let filled = f64::from(bars) * 240.0 / settings.tempo;
            assert!((filled - seconds).abs() < 0.001, "{style}: {bars} bars are {filled} s of {seconds}");
        }
    }
}

#[test]
fn what_is_asked_for_in_words_is_played() {
    let settings = |text: &str| Settings::of(&Request::new(text, SampleRate::DEFAULT)).expect("settings");
    let f_minor: Key = "F minor".parse().expect("a key");
    assert_eq!(settings("something sad in F minor").key, f_minor);
    assert!(settings("something sad").key.is_minor());
    assert!(settings("slow swing").tempo < settings("swing").tempo);
    assert!(settings("fast swing").tempo > settings("swing").tempo);
    assert_eq!(settings("latin").style, Style::Bossa);
    let walking = settings("bossa with a walking bass");
    let walked = notes(&walking.chart(8), walking.manner, 1, 8);
    let on_beats = of(&walked, 1).filter(|note| note.tick < 6 * BAR).count();
    assert!(on_beats >= 24, "a note a beat: {on_beats} in 6 bars");
    let alone = settings("solo piano in C");
    let played = notes(&alone.chart(8), alone.manner, 1, 8);
    assert!(played.iter().all(|note| note.channel == 0) && !played.is_empty());
}
