//! MIDI files: a corpus of odd ones, each with what must come of it; and mido, an
//! independent reader and writer, on the other side of `antiphon midi` and of
//! `antiphon render --midi-out`.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::Command;

use antiphon::midi::file::{Form, Score, Sheet};
use antiphon::unit::SampleRate;
use serde_json::{Value, json};
use support::python::peer;

const PROGRAM: &str = env!("CARGO_BIN_EXE_antiphon");
const END: &[u8] = &[0, 0xff, 0x2f, 0];

/// A file of whole tracks.
fn file(format: u8, division: [u8; 2], tracks: &[&[u8]]) -> Vec<u8> {
    let mut file = b"MThd\0\0\0\x06\0".to_vec();
    file.extend_from_slice(&[format, 0, tracks.len() as u8, division[0], division[1]]);
    for track in tracks {
        file.extend_from_slice(b"MTrk");
        file.extend_from_slice(&(track.len() as u32).to_be_bytes());
        file.extend_from_slice(track);
    }
    file
}

/// As mido's script describes events: the bytes, of a SysEx with its `F0`, of a
/// meta event its kind and data.
fn plain(sheet: &Sheet, event: &antiphon::midi::file::SheetEvent) -> String {
    let head: &[u8] = match event.form {
        Form::Channel => &[],
        Form::Sysex => &[0xf0],
        Form::Escape => &[0xf7],
        Form::Meta(kind) => &[0xff, kind],
    };
    head.iter().chain(sheet.bytes(event)).map(|byte| format!("{byte:02x}")).collect()
}

fn described(sheet: &Sheet) -> Value {
    let tracks = sheet.tracks.iter().map(|track| {
        let events = track.events.iter().map(|event| json!([event.tick, plain(sheet, event)]));
        json!({"events": events.collect::<Vec<_>>(), "end": track.end_tick})
    });
    json!({"format": sheet.format, "tracks": tracks.collect::<Vec<_>>()})
}

/// What must come out of an odd file.
struct Odd {
    name: &'static str,
    bytes: Vec<u8>,
    /// By track: (tick, bytes in hexadecimal), and the track's end.
    tracks: Vec<(Vec<(u64, &'static str)>, u64)>,
    /// What is said about it.
    odd: &'static [&'static str],
}

fn corpus() -> Vec<Odd> {
    let with_end = |track: &[u8]| [track, END].concat();
    let beat = [0, 96];
    let mut list = Vec::new();
    let mut add = |name, bytes, tracks, odd| list.push(Odd { name, bytes, tracks, odd });
    add(
        "running status, over a meta event too",
        file(
            0,
            beat,
            &[&with_end(&[0, 0x90, 60, 1, 5, 60, 0, 0, 0xff, 1, 1, b'x', 3, 61, 2, 1, 0x80, 61, 0])],
        ),
        vec![(vec![(0, "903c01"), (5, "903c00"), (5, "ff0178"), (8, "903d02"), (9, "803d00")], 9)],
        &["a running status lasts over a meta event"],
    );
    add(
        "SMPTE division of 25 frames of 40 ticks",
        file(1, [0xe7, 40], &[&with_end(&[0x83, 0x60, 0xc1, 7])]),
        vec![(vec![(480, "c107")], 480)],
        &[],
    );
    add(
        "SMPTE drop-frame",
        file(0, [0xe3, 80], &[&with_end(&[1, 0xd2, 7])]),
        vec![(vec![(1, "d207")], 1)],
        &[],
    );
    add(
        "tracks of no length, of nothing but an end, of an end far out",
        file(1, beat, &[&[], END, &[0x83, 0xff, 0x7f, 0xff, 0x2f, 0]]),
        vec![(vec![], 0), (vec![], 0), (vec![], 65_535)],
        &["the track is empty: it has not even an end"],
    );
    add(
        "the longest delta there is, twice",
        file(0, beat, &[&with_end(&[0xff, 0xff, 0xff, 0x7f, 0xc0, 1, 0xff, 0xff, 0xff, 0x7f, 0xc0, 2])]),
        vec![(vec![(268_435_455, "c001"), (536_870_910, "c002")], 536_870_910)],
        &[],
    );
    add(
        "overlapping notes, and some that never end or begin",
        file(
            0,
            beat,
            &[&with_end(&[0, 0x90, 60, 1, 1, 60, 2, 1, 0x80, 60, 0, 1, 60, 0, 1, 62, 0, 0, 0x91, 64, 9])],
        ),
        vec![(
            vec![(0, "903c01"), (1, "903c02"), (2, "803c00"), (3, "803c00"), (4, "803e00"), (4, "914009")],
            4,
        )],
        &[
            "C4 on channel 1 is struck while it sounds",
            "D4 on channel 1 is released but was not struck",
            "E4 on channel 2 is never released",
        ],
    );
    add(
        "metas that nobody knows, and known ones of a wrong length",
        file(0, beat, &[&with_end(&[0, 0xff, 0x60, 2, 200, 1, 0, 0xff, 0x51, 2, 1, 2, 0, 0xff, 0x59, 1, 3])]),
        vec![(vec![(0, "ff60c801"), (0, "ff510102"), (0, "ff5903")], 0)],
        &[
            "a meta event 0x60 is not known",
            "a meta event 0x51 has 2 bytes, which it should not",
            "a meta event 0x59 has 1 bytes, which it should not",
        ],
    );
    add(
        "a tempo of nothing",
        file(0, beat, &[&with_end(&[0, 0xff, 0x51, 3, 0, 0, 0, 96, 0xc0, 1])]),
        vec![(vec![(0, "ff51000000"), (96, "c001")], 96)],
        &["a tempo of 0 µs a beat"],
    );
    add(
        "no end of the track, and bytes after one",
        file(1, beat, &[&[0, 0xc0, 1], &[&with_end(&[0, 0xc0, 2])[..], &[0, 0xc0, 3]].concat()]),
        vec![(vec![(0, "c001")], 0), (vec![(0, "c002")], 0)],
        &["the end of the track is missing", "3 bytes follow the end of the track"],
    );
    add(
        "format 0 with two tracks",
        file(0, beat, &[&with_end(&[0, 0xc0, 1]), &with_end(&[0, 0xc1, 2])]),
        vec![(vec![(0, "c001")], 0), (vec![(0, "c102")], 0)],
        &["format 0 with 2 tracks, where it has one: it becomes format 1"],
    );
    add(
        "a SysEx in three packets, an escape, and one that is left open",
        file(
            0,
            beat,
            &[&with_end(&[
                0, 0xf0, 2, 1, 2, 5, 0xf7, 1, 3, 5, 0xf7, 2, 4, 0xf7, 0, 0xf7, 1, 0xf8, 0, 0xf0, 1, 9, 1,
                0x90, 60, 1,
            ])],
        ),
        vec![(
            vec![(0, "f00102"), (5, "f703"), (10, "f704f7"), (10, "f7f8"), (10, "f009f7"), (11, "903c01")],
            11,
        )],
        &["a SysEx has no end", "C4 on channel 1 is never released"],
    );
    add(
        "a delta time with leading zeros",
        file(0, beat, &[&with_end(&[0x80, 0x80, 5, 0xc0, 1])]),
        vec![(vec![(5, "c001")], 5)],
        &["a delta time has more bytes than it needs"],
    );
    let mut long = file(0, beat, &[&with_end(&[0, 0xc0, 1])]);
    long[7] = 8;
    long.splice(14..14, *b"??XFIH\0\0\0\x02ab");
    long.extend_from_slice(b"tail");
    add(
        "a long header, a foreign chunk, a tail",
        long,
        vec![(vec![(0, "c001")], 0)],
        &["the header has 2 bytes too many", "a chunk is no track", "4 bytes follow the last track"],
    );
    list
}

fn check(odd: &Odd) {
    let sheet = Sheet::read(&odd.bytes).unwrap_or_else(|error| panic!("{}: {error}", odd.name));
    let found: Vec<_> = sheet
        .tracks
        .iter()
        .map(|track| {
            let events = track.events.iter().map(|event| (event.tick, plain(&sheet, event)));
            (events.collect::<Vec<_>>(), track.end_tick)
        })
        .collect();
    let expected: Vec<_> = odd
        .tracks
        .iter()
        .map(|(events, end)| {
            (events.iter().map(|(tick, bytes)| (*tick, (*bytes).to_owned())).collect::<Vec<_>>(), *end)
        })
        .collect();
    assert_eq!(found, expected, "{}", odd.name);
    let said: Vec<String> = sheet.oddities.iter().map(|oddity| oddity.kind.to_string()).collect();
    assert_eq!(said, odd.odd, "{}", odd.name);
    // Written and read again: the same events, and only what cannot be mended.
    let written = sheet.write().unwrap();
    let again = Sheet::read(&written).unwrap_or_else(|error| panic!("{}: {error}", odd.name));
    assert_eq!(described(&again), described(&sheet), "{}", odd.name);
    assert_eq!(again.division, sheet.division, "{}", odd.name);
    assert!(
        again.oddities.iter().all(|oddity| !oddity.kind.is_mended()),
        "{}: {:?}",
        odd.name,
        again.oddities
    );
    assert_eq!(again.write().unwrap(), written, "{}: writing is not stable", odd.name);
    // What is played does not change either; what is too long to play stays so.
    match (Score::read(&odd.bytes), Score::read(&written)) {
        (Ok(before), Ok(after)) => {
            // The blob's order may differ, the events' bytes may not.
            assert_eq!(before.at(SampleRate::DEFAULT, 0), after.at(SampleRate::DEFAULT, 0), "{}", odd.name);
        }
        (Err(before), Err(after)) => {
            assert!(before.to_string().contains("hours") && after.to_string().contains("hours"), "{before}");
        }
        (before, after) => panic!("{}: {before:?} {after:?}", odd.name),
    }
}

#[test]
fn each_odd_file_gives_what_it_must_and_is_mended_without_changing_an_event() {
    for odd in corpus() {
        check(&odd);
    }
}

#[test]
fn damage_is_an_error_with_its_place_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let good = file(0, [0, 96], &[&[0, 0x90, 60, 1, 0, 0xff, 0x2f, 0]]);
    let format2 = file(2, [0, 96], &[END]);
    for (bytes, what) in [
        (&good[..good.len() - 2], "cut off"),
        (&b"RIFF"[..], "does not begin"),
        (&good[..10], "header"),
        (&format2[..], "format 2"),
    ] {
        let (input, output) = (folder.path().join("in.mid"), folder.path().join("out.mid"));
        std::fs::write(&input, bytes).unwrap();
        let run = Command::new(PROGRAM).arg("midi").arg(&input).arg("-o").arg(&output).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(1), "{said}");
        assert!(said.contains(what) && said.contains("in.mid"), "{said}");
        assert!(!output.exists());
    }
    std::fs::write(folder.path().join("in.mid"), &good).unwrap();
    let nowhere = folder.path().join("no folder/out.mid");
    let run =
        Command::new(PROGRAM).arg("midi").arg(folder.path().join("in.mid")).arg("-o").arg(&nowhere).output();
    assert_eq!(run.unwrap().status.code(), Some(1));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn the_command_describes_a_file_for_people_and_programs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.mid");
    let track = [
        &[0, 0xff, 3, 4, b'B', b'a', b's', b's', 0, 0xff, 0x51, 3, 0x09, 0x27, 0xc0, 96, 0x92, 40, 1][..],
        &[96, 40, 0],
    ];
    std::fs::write(&path, file(0, [0, 96], &[&track.concat()])).unwrap();
    let run = Command::new(PROGRAM).arg("midi").arg(&path).arg("--json").output().unwrap();
    assert!(run.status.success());
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(json["tracks"][0]["name"], "Bass");
    assert_eq!(json["tracks"][0]["channels"], json!([3]));
    assert_eq!((&json["events"], &json["length_ticks"]), (&json!(4), &json!(192)));
    assert!((json["length_seconds"].as_f64().unwrap() - 1.2).abs() < 1e-4, "{json}");
    assert_eq!(json["tempo_changes"], json!([{"tick": 0, "seconds": 0.0, "bpm": 100.0}]));
    assert_eq!(json["odd"][0]["what"], "the end of the track is missing");
    let out = folder.path().join("good.mid");
    let run = Command::new(PROGRAM).arg("midi").arg(&path).arg("-o").arg(&out).output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success() && said.contains("(mended)") && said.contains("100.000 BPM"), "{said}");
    assert!(Sheet::open(&out).unwrap().oddities.is_empty());
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What mido reads in a file, without its division, which the sheet has apart.
fn read_by_mido(path: &Path) -> Option<Value> {
    let mut read: Value =
        serde_json::from_str(run(peer("mido_files.py")?.arg("read").arg(path)).trim()).unwrap();
    read.as_object_mut().unwrap().remove("division");
    Some(read)
}

/// Says the first event that differs, not all of them.
fn same(one: &Value, other: &Value, path: &Path) {
    let tracks = |file: &Value| file["tracks"].as_array().unwrap().clone();
    for (index, (one, other)) in tracks(one).iter().zip(&tracks(other)).enumerate() {
        let (left, right) = (one["events"].as_array().unwrap(), other["events"].as_array().unwrap());
        let differs = left.iter().zip(right).find(|(left, right)| left != right);
        assert!(differs.is_none(), "{}, track {}: {differs:?}", path.display(), index + 1);
        assert_eq!((left.len(), &one["end"]), (right.len(), &other["end"]), "{}", path.display());
    }
    assert!(one == other, "{}: not the same tracks", path.display());
}

#[test]
fn mido_and_antiphon_read_each_others_files_event_by_event() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut writes) = peer("mido_files.py") else { return };
    run(writes.arg("write").arg(folder.path()));
    let (mut files, mut events) = (0, 0);
    for entry in std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_none_or(|extension| extension != "mid") {
            continue;
        }
        let mut wrote: Value =
            serde_json::from_slice(&std::fs::read(entry.with_extension("json")).unwrap()).unwrap();
        let division = wrote.as_object_mut().unwrap().remove("division").unwrap();
        let read = Sheet::open(&entry).unwrap();
        same(&described(&read), &wrote, &entry);
        let antiphon::midi::file::Division::Beat { ticks } = read.division else { panic!("{division}") };
        assert_eq!(json!(ticks), division);
        let out = folder.path().join("again");
        run(Command::new(PROGRAM).arg("midi").arg(&entry).arg("-o").arg(&out));
        same(&read_by_mido(&out).unwrap(), &wrote, &entry);
        files += 1;
        events += read.tracks.iter().map(|track| track.events.len()).sum::<usize>();
    }
    assert!(files == 8 && events > 1_000, "{files} files, {events} events");
}

#[test]
fn mido_reads_what_a_render_sends() {
    let folder = tempfile::tempdir().unwrap();
    if peer("mido_files.py").is_none() {
        return;
    }
    // 1000 ticks a beat at 60 BPM: a tick is a millisecond.
    let track = [
        &[0, 0xff, 0x51, 3, 0x0f, 0x42, 0x40, 0, 0x90, 60, 100, 0x81, 0, 0xb0, 1, 64, 7, 0xe0, 1, 2][..],
        &[0, 0xc0, 5, 10, 0xf0, 4, 0x7d, 1, 2, 0xf7, 0, 0xd0, 9, 0, 0xa0, 60, 3, 0x87, 0x68, 0x80, 60, 1],
        END,
    ];
    std::fs::write(folder.path().join("in.mid"), file(0, [3, 0xe8], &[&track.concat()])).unwrap();
    let rig =
        "[midi.keys]\nin = \"*\"\n[midi.gear]\nout = \"*\"\n[[cable]]\nfrom = \"keys\"\nto = \"gear\"\n";
    std::fs::write(folder.path().join("rig.toml"), rig).unwrap();
    let mut render = Command::new(PROGRAM);
    render.current_dir(folder.path()).args(["render", "rig.toml", "--midi", "in.mid", "-o", "out.wav"]);
    run(render.args(["--midi-out", "sent"]));
    let read = read_by_mido(&folder.path().join("sent/gear.mid")).unwrap();
    let events = read["tracks"][0]["events"].as_array().unwrap();
    let heard: Vec<(i64, &str)> = events
        .iter()
        .map(|event| (event[0].as_i64().unwrap(), event[1].as_str().unwrap()))
        .filter(|(_, bytes)| !bytes.starts_with("ff"))
        .collect();
    let sent = [
        (0, "903c64"),
        (128, "b00140"),
        (135, "e00102"),
        (135, "c005"),
        (145, "f07d0102f7"),
        (145, "d009"),
        (145, "a03c03"),
        (1_145, "803c01"),
    ];
    assert_eq!(heard.iter().map(|event| event.1).collect::<Vec<_>>(), sent.map(|event| event.1));
    for (heard, (millis, _)) in heard.iter().zip(sent) {
        // A tick of what is written is 1/1920 s.
        assert!((heard.0 * 1_000 - millis * 1_920).abs() <= 1_000, "{heard:?} should be at {millis} ms");
    }
}
