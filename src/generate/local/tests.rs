mod listening;

use std::collections::BTreeMap;

use super::*;
use crate::generate::{Form, Length};
use crate::midi::file::{OddityKind, Sheet};
use crate::theory::{Style, scale};
use crate::unit::SampleRate;

fn request(description: &str) -> Request {
    Request::new(description, SampleRate::DEFAULT)
}

fn midi(request: &Request) -> (Vec<u8>, String, f64) {
    match Local::write(request).expect("a draft") {
        Draft::Midi { bytes, chart, tempo } => (bytes, chart.expect("a chart"), tempo),
        Draft::Sound { .. } => panic!("MIDI was asked for"),
    }
}

fn settings(style: Style, seed: u64) -> Settings {
    Settings::new("some music", None, None, Some(style.name()), seed).expect("settings")
}

/// What all parts hold, over many seeds, styles and lengths.
#[test]
fn every_note_is_in_its_place_and_ends() {
    for style in Style::ALL {
        for seed in 0..40 {
            let settings = settings(style, seed);
            let bars = 1 + (seed * 5 % 25) as u32;
            let chart = settings.chart(bars);
            let notes = notes(&chart, settings.manner, seed, bars);
            let end = bars * 4 * u32::from(TICKS_PER_BEAT);
            let mut sounds: BTreeMap<(u8, u8), u32> = BTreeMap::new();
            let mut counts = BTreeMap::new();
            for note in &notes {
                let context = format!("{style} {seed}: {note:?}");
                assert!(note.ticks > 0 && note.tick < end && note.tick + note.ticks <= end, "{context}");
                assert!((1..=127).contains(&note.velocity), "{context}");
                let range = match note.channel {
                    0 => 48..=84,
                    1 => 28..=55,
                    2 => 55..=81,
                    9 => 35..=81,
                    _ => panic!("{context}"),
                };
                assert!(range.contains(&note.key), "{context}");
                let until = sounds.insert((note.channel, note.key), note.tick + note.ticks);
                assert!(until.is_none_or(|until| until <= note.tick), "struck while it sounds, {context}");
                *counts.entry(note.channel).or_insert(0) += 1;
            }
            // Notes a bar: nobody is idle, nobody rushes.
            for (channel, at_least, at_most) in [(0, 1, 40), (1, 1, 12), (9, 6, 40)] {
                let count = counts.get(&channel).copied().unwrap_or(0);
                let bounds = at_least * bars..=at_most * bars;
                assert!(bounds.contains(&count), "{style} {seed}: {count} notes on {channel} in {bars} bars");
            }
        }
    }
}

#[test]
fn the_bass_says_the_chords() {
    for style in Style::ALL {
        let (mut on_roots, mut changes, mut strange, mut all) = (0, 0, 0, 0);
        for seed in 0..25 {
            let settings = settings(style, seed);
            let chart = settings.chart(16);
            let notes = notes(&chart, settings.manner, seed, 16);
            for placed in chart.placed(16) {
                let begin = placed.eighth * u32::from(TICKS_PER_BEAT) / 2;
                let end = begin + placed.eighths * u32::from(TICKS_PER_BEAT) / 2;
                // A hand is early or late by some milliseconds: far less than a sixteenth.
                let own: Vec<&Note> = notes
                    .iter()
                    .filter(|note| note.channel == 1 && (begin..end).contains(&(note.tick + 60)))
                    .collect();
                let first = own.first().expect("the bass plays every chord");
                changes += 1;
                on_roots += usize::from(first.key % 12 == placed.chord.lowest().class());
                // The last leads on, and may be from anywhere.
                let scale = scale::of(placed.chord, chart.key);
                for note in &own[..own.len() - 1] {
                    all += 1;
                    strange += usize::from(!scale.contains(note.key));
                }
            }
        }
        assert!(
            on_roots * 10 >= changes * 8,
            "{style}: {on_roots} of {changes} chords begin with their root"
        );
        assert!(strange * 50 <= all, "{style}: {strange} of {all} notes are foreign to their chord");
    }
}

#[test]
fn comping_and_tunes_are_of_the_chord_or_of_the_next() {
    for style in Style::ALL {
        for seed in 0..20 {
            let settings = settings(style, seed);
            let chart = settings.chart(8);
            let placed = chart.placed(8);
            for note in
                notes(&chart, settings.manner, seed, 8).iter().filter(|note| matches!(note.channel, 0 | 2))
            {
                let eighth = (note.tick + 90) * 2 / u32::from(TICKS_PER_BEAT);
                let index = placed.partition_point(|p| p.eighth <= eighth).saturating_sub(1);
                let fits = |index: usize| {
                    placed.get(index).is_some_and(|p| scale::of(p.chord, chart.key).contains(note.key))
                };
                assert!(fits(index) || fits(index + 1), "{style} {seed}: {note:?}\n{chart}");
            }
        }
    }
}

#[test]
fn the_file_is_clean_and_says_what_it_is() {
    for style in Style::ALL {
        let mut request = request("in F# minor at 93 bpm");
        request.style = Some(style.name().to_owned());
        request.form = Form::Midi;
        let (bytes, chart, tempo) = midi(&request);
        let sheet = Sheet::read(&bytes).expect("a MIDI file");
        assert_eq!(sheet.oddity_count, 0, "{:?}", sheet.oddities);
        assert_eq!(sheet.tempos(), [(0, 645_161)]);
        assert_eq!(tempo, 93.0);
        assert_eq!(sheet.tracks.iter().map(|track| track.end_tick).collect::<Vec<_>>()[..2], [8 * 1_920; 2]);
        let chart = Chart::from_json(&chart).expect("its chart");
        assert_eq!((chart.key.to_string().as_str(), chart.style), ("F# minor", style));
        let metas: Vec<(u8, &[u8])> = sheet.tracks[0]
            .events
            .iter()
            .filter_map(|event| match event.form {
                crate::midi::file::Form::Meta(kind) => Some((kind, sheet.bytes(event))),
                _ => None,
            })
            .collect();
        assert!(metas.contains(&(0x59, &[3, 1])), "three sharps, minor");
        assert!(metas.contains(&(0x58, &[4, 2, 24, 8])));
        let markers = metas.iter().filter(|(kind, _)| *kind == 6).count();
        assert_eq!(markers, chart.placed(8).len());
    }
    assert!(OddityKind::EmptyTrack.is_mended());
}

#[test]
fn the_same_request_is_the_same_bytes_and_words_count() {
    let of = |text: &str, seed| midi(&Request { seed, ..request(text) }).0;
    assert_eq!(of("slow sad blues in A minor at 80 bpm", 7), of("slow sad blues in A minor at 80 bpm", 7));
    assert_ne!(of("slow sad blues in A minor at 80 bpm", 7), of("slow sad blues in A minor at 80 bpm", 8));
    assert_ne!(of("slow sad blues in A minor at 80 bpm", 7), of("slow, sad blues in A minor at 80 bpm", 7));
    let (_, chart, tempo) = midi(&request("slow sad blues in A minor at 80 bpm"));
    let chart = Chart::from_json(&chart).expect("its chart");
    assert_eq!((chart.key.to_string().as_str(), chart.style, tempo), ("A minor", Style::Blues, 80.0));
}

#[test]
fn what_is_asked_for_apart_wins_and_what_is_wrong_is_said() {
    let mut request = request("slow sad blues in A minor at 80 bpm");
    (request.key, request.style, request.tempo) = (Some("Db".into()), Some("bossa nova".into()), Some(140.0));
    let (_, chart, tempo) = midi(&request);
    let chart = Chart::from_json(&chart).expect("its chart");
    assert_eq!((chart.key.to_string().as_str(), chart.style, tempo), ("Db major", Style::Bossa, 140.0));
    request.key = Some("H".into());
    assert!(Local::write(&request).expect_err("no key").message.starts_with("`H` is no key"));
    (request.key, request.style) = (None, Some("polka".into()));
    let failure = Local::write(&request).expect_err("no style");
    assert_eq!(failure.kind, crate::generate::FailureKind::Usage);
}

#[test]
fn seconds_are_covered_by_whole_bars() {
    for (seconds, tempo, bars) in
        [(8.0, 120.0, 4), (8.01, 120.0, 4), (9.5, 120.0, 5), (0.1, 120.0, 1), (600.0, 400.0, 1_000)]
    {
        let request =
            Request { length: Length::Seconds(seconds), tempo: Some(tempo), ..request("a bossa in C") };
        let (bytes, _, _) = midi(&request);
        let sheet = Sheet::read(&bytes).expect("a MIDI file");
        assert_eq!(sheet.tracks[0].end_tick, bars * 1_920, "{seconds} s");
    }
}

#[test]
fn segments_go_on_for_ever_and_fit() {
    for style in Style::ALL {
        let settings = settings(style, 5);
        let mut different = std::collections::BTreeSet::new();
        for index in [0, 1, 2, 3, 4, 6, 1_000_000, u64::MAX] {
            let segment = segment(&settings, 9, index);
            assert_eq!(segment, super::segment(&settings, 9, index));
            let end = segment.bars * 4 * u32::from(segment.ticks_per_beat);
            let mut held: BTreeMap<(u8, u8), bool> = BTreeMap::new();
            let mut before = 0;
            for (tick, [status, key, velocity]) in &segment.events {
                assert!(*tick >= before && *tick <= end);
                before = *tick;
                let strikes = status & 0xf0 == 0x90;
                assert!(!strikes || *velocity > 0 && *tick < end);
                let was = held.insert((status & 0x0f, *key), strikes).unwrap_or(false);
                assert_ne!(was, strikes, "{style} {index}: strikes and releases take turns");
            }
            assert!(held.values().all(|held| !held));
            different.insert(segment.events);
        }
        assert_eq!(different.len(), 8);
    }
}

#[tokio::test(start_paused = true)]
async fn the_backend_drafts() {
    let begun = tokio::time::Instant::now();
    let deadline = begun + std::time::Duration::from_secs(1);
    let heard = std::sync::Mutex::new(Vec::new());
    let progress = |progress: Progress| heard.lock().expect("not poisoned").push(progress.stage);
    let request = request("a bright pop song");
    let (draft, tries) =
        Local.draft(&request, Drafting { progress: &progress, begun, deadline }).await.expect("a draft");
    assert_eq!(tries, 1);
    assert_eq!(draft, Local::write(&request).expect("a draft"));
    assert_eq!(*heard.lock().expect("not poisoned"), [Stage::Drafting]);
}
