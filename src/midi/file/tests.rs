use proptest::prelude::*;

use super::*;
use crate::midi::{Event, EventKind, Message};
use crate::unit::SampleRate;

fn rate(hertz: u32) -> SampleRate {
    SampleRate::new(hertz).expect("a rate of the engine")
}

/// A file of these tracks' bytes, each without its end-of-track event.
fn file(format: u8, division: [u8; 2], tracks: &[&[u8]]) -> Vec<u8> {
    let mut file = b"MThd\0\0\0\x06\0".to_vec();
    file.extend_from_slice(&[format, 0, tracks.len() as u8, division[0], division[1]]);
    for track in tracks {
        file.extend_from_slice(b"MTrk");
        file.extend_from_slice(&(track.len() as u32 + 4).to_be_bytes());
        file.extend_from_slice(track);
        file.extend_from_slice(&[0, 0xff, 0x2f, 0]);
    }
    file
}

fn frames(score: &Score, hertz: u32) -> Vec<u64> {
    score.at(rate(hertz), 0).events.iter().map(|event| event.time).collect()
}

fn wires(score: &Score) -> Vec<Vec<u8>> {
    score.at(rate(48_000), 0).events.iter().map(|event| event.wire().to_vec()).collect()
}

fn fault(bytes: &[u8]) -> FileError {
    Score::read(bytes).expect_err("this is damaged")
}

/// 96 ticks a beat; 120, then from the second beat 100 beats a minute, which
/// the second track says; notes on each beat in the first.
#[test]
fn onsets_are_exact_under_tempo_changes_of_any_track() {
    let notes = [96, 0x90, 60, 64, 96, 61, 64, 96, 62, 64, 1, 62, 0];
    let tempo = [96, 0xff, 0x51, 3, 0x09, 0x27, 0xc0];
    let score = Score::read(&file(1, [0, 96], &[&notes, &tempo])).expect("a good file");
    // 0.5, 1.1, 1.7 s, and 0.6/96 s later.
    assert_eq!(frames(&score, 48_000), [24_000, 52_800, 81_600, 81_900]);
    assert_eq!(frames(&score, 44_100), [22_050, 48_510, 74_970, 75_246]);
    assert_eq!(frames(&score, 96_000), [48_000, 105_600, 163_200, 163_800]);
    assert_eq!(score.at(rate(48_000), 0).end_frame, 81_900);
}

#[test]
fn smpte_divisions_ignore_the_tempo() {
    let track = [0, 0xff, 0x51, 3, 1, 0, 0, 0x83, 0x60, 0x90, 60, 64];
    // 25 frames of 40 ticks; 29 means 30000/1001.
    let score = Score::read(&file(0, [0xe7, 40], &[&track])).expect("a good file");
    assert_eq!(frames(&score, 48_000), [480 * 48]);
    let score = Score::read(&file(0, [0xe3, 4], &[&track])).expect("a good file");
    assert_eq!(frames(&score, 48_000), [4 * 48_048]);
}

#[test]
fn tracks_merge_by_tick_and_then_by_track() {
    let first = [0, 0xff, 3, 4, b'S', b'o', b'n', b'g', 10, 0x90, 1, 1, 0, 2, 1];
    let second = [0, 0x91, 3, 1, 10, 4, 1, 0x7f, 0xff, 1, 0];
    let score = Score::read(&file(1, [1, 0xe0], &[&first, &second])).expect("a good file");
    assert_eq!(wires(&score), [[0x91, 3, 1], [0x90, 1, 1], [0x90, 2, 1], [0x91, 4, 1]]);
    assert_eq!(score.name.as_deref(), Some("Song"));
    assert_eq!(score.end_tick, 10 + 127);
}

#[test]
fn a_running_status_lasts_over_a_meta_event_and_odd_metas_are_passed_over() {
    // A key signature of one byte and a SMPTE offset of nonsense.
    let track =
        [0, 0x90, 60, 1, 0, 0xff, 0x59, 1, 3, 5, 0xff, 0x54, 5, 99, 99, 99, 99, 99, 5, 60, 0, 3, 0xc0, 7];
    let score = Score::read(&file(0, [0, 96], &[&track])).expect("a good file");
    assert_eq!(wires(&score), [vec![0x90, 60, 1], vec![0x90, 60, 0], vec![0xc0, 7]]);
    assert_eq!(score.end_tick, 13);
}

#[test]
fn sysex_comes_whole_whether_in_one_packet_or_three() {
    let mut long = vec![0, 0xf0, 0x82, 0x58];
    long.extend(std::iter::repeat_n(0x11, 343));
    long.push(0xf7);
    let packets = [1, 0xf0, 2, 1, 2, 5, 0xf7, 1, 3, 5, 0xf7, 2, 4, 0xf7];
    let escape = [2, 0xf7, 2, 0xf3, 9, 0, 0xf7, 1, 0xf8];
    // One that the file forgets to end.
    let open = [0, 0xf0, 1, 9, 1, 0x90, 60, 1];
    let track = [&long[..], &packets, &escape, &open].concat();
    let score = Score::read(&file(0, [0, 96], &[&track])).expect("a good file");
    let performance = score.at(rate(48_000), 3);
    let kinds: Vec<_> = performance.events.iter().map(|event| event.kind().expect("an event")).collect();
    let chunk = |first, last, bytes| EventKind::Sysex { first, last, bytes };
    assert_eq!(
        kinds,
        [
            chunk(true, false, 256),
            chunk(false, true, 89),
            chunk(true, true, 6),
            EventKind::Midi(Message::System { status: 0xf3, data: [9, 0] }),
            EventKind::Midi(Message::System { status: 0xf8, data: [0, 0] }),
            chunk(true, true, 3),
            EventKind::Midi(Message::NoteOn { channel: 0, key: 60, velocity: 1 }),
        ]
    );
    assert_eq!(&performance.sysex[345..], [0xf0, 1, 2, 3, 4, 0xf7, 0xf0, 9, 0xf7]);
    assert!(performance.events.iter().all(|event| event.source == 3));
    // Complete with its last packet, 11 ticks in: 11/192 s.
    assert_eq!(performance.events[2].time, 2_750);
}

#[test]
fn sysex_of_two_tracks_keep_their_bytes_apart() {
    let late = [50, 0xf0, 2, 1, 0xf7];
    let split = [0, 0xf0, 1, 2, 60, 0xf7, 2, 3, 0xf7];
    let early = [10, 0xf0, 2, 4, 0xf7];
    let score = Score::read(&file(1, [0, 96], &[&late, &split, &early])).expect("a good file");
    assert_eq!(*score.at(rate(8_000), 0).sysex, [0xf0, 4, 0xf7, 0xf0, 1, 0xf7, 0xf0, 2, 3, 0xf7]);
}

#[test]
fn a_file_cut_anywhere_says_where() {
    let track = [0, 0x90, 60, 1, 96, 60, 0, 0, 0xf0, 3, 1, 2, 0xf7, 0, 0xff, 1, 2, b'h', b'i'];
    let whole = file(1, [0, 96], &[&track, &track]);
    assert!(Score::read(&whole).is_ok());
    for length in 0..whole.len() {
        let error = fault(&whole[..length]);
        let expected = match length {
            0..4 => Fault::NoMidi,
            4..14 => Fault::HeaderCut,
            14..22 => Fault::TracksMissing { announced: 2, found: 0 },
            22..45 => Fault::TrackCut { missing_bytes: 45 - length },
            45..53 => Fault::TracksMissing { announced: 2, found: 1 },
            _ => Fault::TrackCut { missing_bytes: whole.len() - length },
        };
        assert_eq!(error.fault, expected, "cut at {length}");
        assert!(length < 4 || error.offset_bytes == length, "{error}");
    }
    assert_eq!(
        fault(&whole[..50]).to_string(),
        "byte 50: the file ends here, after 1 of the 2 tracks that its header announces: it was cut off; \
         get a whole copy"
    );
}

#[test]
fn damage_inside_a_track_names_track_and_event() {
    let damaged = |event: &[u8]| {
        let track = [&[0, 0x90, 60, 1][..], event].concat();
        let mut file = file(1, [0, 96], &[&[], &track]);
        // Without the end-of-track event, whose bytes would complete the damaged one.
        file.truncate(file.len() - 4);
        let length = track.len() as u32;
        file[30..34].copy_from_slice(&length.to_be_bytes());
        let error = fault(&file);
        assert_eq!((error.offset_bytes, error.track, error.event), (38, Some(2), Some(2)), "{error}");
        error.fault
    };
    assert_eq!(damaged(&[0x81]), Fault::EventCut);
    assert_eq!(damaged(&[0]), Fault::EventCut);
    assert_eq!(damaged(&[0, 0x90, 60]), Fault::EventCut);
    assert_eq!(damaged(&[0, 0xff, 1, 9, 1]), Fault::EventCut);
    assert_eq!(damaged(&[0, 0xf0, 0x84, 0x80, 0x80, 0, 1]), Fault::EventCut);
    assert_eq!(damaged(&[0xff, 0xff, 0xff, 0xff, 0x7f, 60, 1]), Fault::LongNumber);
    assert_eq!(damaged(&[0, 0xf2, 1, 2]), Fault::ForbiddenStatus(0xf2));
    assert_eq!(damaged(&[0, 0x90, 0x90, 1]), Fault::StatusInsideMessage(0x90));
    let track = [0, 60, 1];
    assert_eq!(fault(&file(0, [0, 96], &[&track])).fault, Fault::NoRunningStatus);
}

#[test]
fn headers_that_make_no_sense_are_refused() {
    let with = |format, division| fault(&file(format, division, &[&[]])).fault;
    assert_eq!(with(2, [0, 96]), Fault::Format2);
    assert_eq!(with(9, [0, 96]), Fault::UnknownFormat(9));
    assert_eq!(with(0, [0, 0]), Fault::NoDivision);
    assert_eq!(with(0, [0xe7, 0]), Fault::NoDivision);
    assert_eq!(with(0, [0x80, 1]), Fault::UnknownSmpteRate(128));
    assert_eq!(fault(&file(0, [0, 96], &[])).fault, Fault::NoTracks);
    assert_eq!(fault(b"RIFF").fault, Fault::NoMidi);
    assert_eq!(fault(b"MThd\0\0\0\x02\0\0\0\0\0\0").fault, Fault::HeaderShort(2));
    assert_eq!(fault(&vec![0; FILE_LIMIT_BYTES + 1]).fault, Fault::TooLarge);
    // Ten waits of 2^28 - 1 ticks at a tick a beat.
    let track = [0xff, 0xff, 0xff, 0x7f, 0xff, 1, 0].repeat(10);
    assert!(matches!(fault(&file(0, [0, 1], &[&track])).fault, Fault::TooLong { hours: 370_000.. }));
}

#[test]
fn what_follows_the_tracks_or_stands_between_them_is_passed_over() {
    let mut bytes = b"MThd\0\0\0\x08\0\x01\0\x01\0\x60\xaa\xbbXFIH\0\0\0\x03abc".to_vec();
    bytes.extend_from_slice(&file(0, [0, 96], &[&[0, 0x90, 60, 1]])[14..]);
    bytes.extend_from_slice(b"MTrk\xff\xff\xff\xffjunk");
    assert_eq!(wires(&Score::read(&bytes).expect("a good file")), [[0x90, 60, 1]]);
}

#[test]
fn a_track_without_an_end_ends_with_its_last_event() {
    let bytes = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x05\x81\0\x90\x3c\x01";
    assert_eq!(Score::read(bytes).expect("a good file").end_tick, 128);
}

#[test]
fn a_flood_of_events_is_refused_in_bounded_memory() {
    let mut track = vec![0, 0xc0, 1];
    track.extend([0, 1].repeat(EVENT_LIMIT));
    assert_eq!(fault(&file(0, [0, 96], &[&track])).fault, Fault::TooManyEvents);
}

#[test]
fn a_sysex_beyond_the_limit_is_refused() {
    let length = crate::midi::SYSEX_LIMIT_BYTES;
    let mut track = vec![0, 0xf0, 0xc0, 0x80, 0];
    track.extend(std::iter::repeat_n(1, length - 1));
    track.push(0xf7);
    assert_eq!(fault(&file(0, [0, 96], &[&track])).fault, Fault::LongSysex);
}

fn messages() -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    let message = prop_oneof![
        (0x80..0xf0_u8, 0..128_u8, 0..128_u8)
            .prop_map(|(status, a, b)| [status, a, b][..Message::length_of(status)].to_vec()),
        prop::sample::select(vec![0xf6_u8, 0xf8, 0xfa, 0xfc, 0xff]).prop_map(|byte| vec![byte]),
        prop::collection::vec(0..128_u8, 0..600).prop_map(|data| {
            let mut sysex = vec![0xf0];
            sysex.extend(data);
            sysex.push(0xf7);
            sysex
        }),
    ];
    prop::collection::vec((0..200_000_u64, message), 0..40)
}

/// The whole messages of a performance, with their frames.
fn whole(performance: &Performance) -> Vec<(u64, Vec<u8>)> {
    let (mut list, mut sysex, mut rest) = (Vec::new(), Vec::new(), &performance.sysex[..]);
    for event in &performance.events {
        match event.kind() {
            Some(EventKind::Sysex { last, bytes, .. }) => {
                let (chunk, after) = rest.split_at(bytes as usize);
                sysex.extend_from_slice(chunk);
                rest = after;
                if last {
                    list.push((event.time, std::mem::take(&mut sysex)));
                }
            }
            _ => list.push((event.time, Event::wire(event).to_vec())),
        }
    }
    list
}

proptest! {
    /// What is written is what is read, within half a tick of 1/1920 s.
    #[test]
    fn a_transcript_reads_back(
        waits in messages(), hertz in prop::sample::select(vec![8_000_u32, 44_100, 48_000, 96_000, 192_000]),
    ) {
        let rate = rate(hertz);
        let (mut transcript, mut frame, mut played) = (Transcript::new(rate), 0, Vec::new());
        for (wait, bytes) in waits {
            frame += wait;
            transcript.push(frame, &bytes);
            played.push((frame, bytes));
        }
        let end_frame = frame + 12_345;
        let file = transcript.finish(end_frame).expect("it is short");
        prop_assert_eq!(&file[..14], b"MThd\0\0\0\x06\0\0\0\x01\x03\xc0");
        let performance = Score::read(&file).expect("our own file").at(rate, 0);
        let half_a_tick = u64::from(hertz) / 3_840 + 1;
        prop_assert!(performance.end_frame.abs_diff(end_frame) <= half_a_tick);
        let read = whole(&performance);
        prop_assert_eq!(read.len(), played.len());
        for (read, played) in read.iter().zip(&played) {
            prop_assert_eq!(&read.1, &played.1);
            prop_assert!(read.0.abs_diff(played.0) <= half_a_tick);
        }
    }

    /// Anything at all gives a score or an error, and what is read is in order.
    #[test]
    fn any_bytes_are_survived(
        tracks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..4),
        division in any::<[u8; 2]>(), cut in 0..400_usize, flip in (0..400_usize, any::<u8>()),
    ) {
        let tracks: Vec<&[u8]> = tracks.iter().map(|track| &track[..]).collect();
        let mut bytes = file(1, division, &tracks);
        bytes.truncate(cut.max(14));
        if let Some(byte) = bytes.get_mut(flip.0) {
            *byte = flip.1;
        }
        match Score::read(&bytes) {
            Ok(score) => {
                let performance = score.at(SampleRate::DEFAULT, 0);
                prop_assert!(performance.events.is_sorted_by_key(|event| event.time));
                prop_assert!(performance.events.last().is_none_or(|last| last.time <= performance.end_frame));
                let in_chunks: u64 = performance.events.iter().filter_map(|event| match event.kind() {
                    Some(EventKind::Sysex { bytes, .. }) => Some(u64::from(bytes)),
                    _ => None,
                }).sum();
                prop_assert_eq!(in_chunks, performance.sysex.len() as u64);
            }
            Err(error) => prop_assert!(error.offset_bytes <= bytes.len() && !error.to_string().is_empty()),
        }
    }
}

#[test]
fn waits_of_days_are_filled() {
    let mut transcript = Transcript::new(rate(8_000));
    transcript.push(3 * 24 * 3_600 * 8_000, &[0xfe]);
    let file = transcript.finish(0).expect("it is short");
    // Two fillings and a rest: the reader's own limit is a day.
    assert!(matches!(fault(&file).fault, Fault::TooLong { hours: 72 }));
}
