//! It is exact: the program itself, its files compared byte by byte.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use antiphon::midi::Message;
use antiphon::midi::file::Transcript;
use antiphon::unit::SampleRate;

/// Every kind, with a loop of cables, a split and gear.
const RIG: &str = r#"
[midi.keys]
in = "*"
[midi.gear]
out = "*"
[instrument.lead]
kind = "synth"
preset = "gm"
[instrument.bass]
kind = "synth"
preset = "round-bass"
gain = -3
[instrument.string]
kind = "pluck"
[stage.echo]
kind = "delay"
seconds = 0.1
mix = 1.0
[stage.pan]
kind = "gain"
gain = -8
pan = -0.4
[stage.room]
kind = "reverb"
[stage.sum]
kind = "mixer"
[stage.end]
kind = "limiter"
[[cable]]
from = "keys"
to = "lead"
keys = "C3..G9"
[[cable]]
from = "keys"
to = "bass"
keys = "C-1..B2"
transpose = -12
velocity = "soft"
[[cable]]
from = "keys"
to = "string"
from_channel = [1, 3]
[[cable]]
from = "keys"
to = "gear"
channel = 5
[[cable]]
from = "lead"
to = "echo"
[[cable]]
from = "echo"
to = "pan"
[[cable]]
from = "pan"
to = "echo"
gain = -4
[[cable]]
from = "echo"
to = "room"
[[cable]]
from = "bass"
to = "sum"
[[cable]]
from = "string"
to = "sum"
[[cable]]
from = "room"
to = "sum"
[[cable]]
from = "sum"
to = "end"
[[cable]]
from = "end"
to = "out"
"#;

const ONE_SAW: &str = r#"
[midi.keys]
in = "*"
[instrument.saw]
kind = "synth"
preset = "init"
[[cable]]
from = "keys"
to = "saw"
[[cable]]
from = "saw"
to = "out"
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("it can be written");
        path
    }

    /// Runs the program in this folder.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command.current_dir(self.0.path()).args(arguments).output().expect("the program starts")
    }

    fn render(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(&[&["render"], arguments, &["--json"]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        serde_json::from_slice(&output.stdout).expect("an object of JSON")
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
}

/// A MIDI file at 1920 ticks a second, so that its times are exact.
fn song(events: &[(u64, Message)], end: u64) -> Vec<u8> {
    let rate = SampleRate::new(48_000).expect("a rate");
    let mut transcript = Transcript::new(rate);
    for (frame, message) in events {
        let (bytes, length) = message.encode();
        transcript.push(*frame, &bytes[..length]);
    }
    transcript.finish(end).expect("a short song")
}

/// Notes on three channels, with bends, pedals, controllers and programs.
fn busy_song() -> Vec<u8> {
    let mut seed = 99_u32;
    let mut next = move |bound: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % bound
    };
    let mut events = Vec::new();
    let mut frame = 25;
    for _ in 0..120 {
        let channel = [0, 2, 9][next(3) as usize];
        let (key, value) = (30 + next(60) as u8, next(128) as u8);
        let message = match next(9) {
            0 => Message::PitchBend { channel, value: next(16_384) as u16 },
            1 => Message::ProgramChange { channel, program: value },
            2 => Message::ControlChange {
                channel,
                controller: [1, 7, 10, 11, 64, 71, 74][next(7) as usize],
                value,
            },
            _ => Message::NoteOn { channel, key, velocity: value.max(1) },
        };
        events.push((frame, message));
        if let Message::NoteOn { .. } = message {
            events
                .push((frame + 500 + u64::from(next(9_000)), Message::NoteOff { channel, key, velocity: 0 }));
        }
        frame += u64::from(next(800)) * 25;
    }
    events.sort_by_key(|event| event.0);
    for channel in [0, 2, 9] {
        events.push((frame + 12_000, Message::ControlChange { channel, controller: 64, value: 0 }));
    }
    song(&events, frame + 12_000)
}

fn samples(path: &Path) -> (hound::WavSpec, Vec<f32>) {
    let mut wav = hound::WavReader::open(path).expect("a WAV");
    let spec = wav.spec();
    (spec, wav.samples::<f32>().map(|s| s.expect("a sample")).collect())
}

#[test]
fn the_block_size_changes_no_byte() {
    let folder = Folder::new();
    folder.write("rig.toml", RIG);
    folder.write("song.mid", busy_song());
    let render = |block: &str, again: &str| {
        let (out, stems, midi) = (format!("{again}.wav"), format!("stems{again}"), format!("midi{again}"));
        folder.render(&[
            "rig.toml",
            "--midi",
            "song.mid",
            "-o",
            &out,
            "--stems",
            &stems,
            "--midi-out",
            &midi,
            "--block",
            block,
        ])
    };
    let report = render("64", "first");
    assert_eq!(report["rt_violations"], 0);
    assert!(report["peak_voices"].as_u64() > Some(3));
    let names: Vec<String> = ["lead", "bass", "string", "echo", "pan", "room", "sum", "end"]
        .iter()
        .map(|stem| format!("stemsX/{stem}.wav"))
        .chain(["X.wav".to_owned(), "midiX/gear.mid".to_owned()])
        .collect();
    for (block, again) in [("64", "again"), ("1", "one"), ("17", "odd"), ("512", "usual"), ("4096", "long")] {
        render(block, again);
        for name in &names {
            let (first, other) = (name.replace('X', "first"), name.replace('X', again));
            assert!(folder.bytes(&first) == folder.bytes(&other), "{name} differs at block {block}");
        }
    }
    let (_, sound) = samples(&folder.path("first.wav"));
    assert!(sound.iter().any(|x| x.abs() > 0.05), "it sounds");
}

/// Also what is counted: of what is written, and of no frame after it.
#[test]
fn the_block_size_changes_no_count() {
    let folder = Folder::new();
    folder.write("rig.toml", "[instrument.loud]\nkind = 'synth'\ngain = 24\n[midi.keys]\nin = '*'\n[[cable]]\nfrom = 'keys'\nto = 'loud'\n[[cable]]\nfrom = 'loud'\nto = 'out'\n");
    folder.write("song.mid", busy_song());
    let counts = |block: &str| {
        let report = folder
            .render(&["rig.toml", "--midi", "song.mid", "-o", "o.wav", "--for", "0.51", "--block", block]);
        ["limited_frames", "peak_voices", "frames"].map(|count| report[count].as_u64())
    };
    let first = counts("17");
    assert!(first[0] > Some(1_000), "{first:?}");
    for block in ["1", "64", "480", "4096"] {
        assert_eq!(counts(block), first, "blocks of {block}");
    }
}

#[test]
fn a_note_begins_at_its_frame_and_changes_nothing_before() {
    let folder = Folder::new();
    folder.write("rig.toml", ONE_SAW);
    let on = |frame, key| (frame, Message::NoteOn { channel: 0, key, velocity: 100 });
    let off = |frame, key| (frame, Message::NoteOff { channel: 0, key, velocity: 0 });
    let late = 30_025;
    folder.write("one.mid", song(&[on(500, 50), off(40_000, 50)], 48_000));
    folder.write("two.mid", song(&[on(500, 50), on(late, 77), off(40_000, 50), off(40_000, 77)], 48_000));
    for rate in [44_100_u64, 48_000, 96_000] {
        let hertz = rate.to_string();
        for song in ["one", "two"] {
            let (midi, out) = (format!("{song}.mid"), format!("{song}{rate}.wav"));
            folder.render(&["rig.toml", "--midi", &midi, "-o", &out, "--rate", &hertz]);
        }
        let (spec, one) = samples(&folder.path(&format!("one{rate}.wav")));
        let (_, two) = samples(&folder.path(&format!("two{rate}.wav")));
        assert_eq!(u64::from(spec.sample_rate), rate);
        // round(t · rate), where t is the tick's exact time.
        let ticks = late * 1_920 / 48_000;
        let frame = ((ticks * rate * 2 + 1_920) / (2 * 1_920)) as usize;
        let differs = one.iter().zip(&two).position(|(a, b)| a != b).expect("two notes differ from one") / 2;
        assert!((frame..=frame + 2).contains(&differs), "{rate} Hz: {differs} instead of {frame}");
        let first = one.iter().position(|x| *x != 0.0).expect("a sound") / 2;
        let ticks = 500 * 1_920 / 48_000;
        let frame = ((ticks * rate * 2 + 1_920) / (2 * 1_920)) as usize;
        assert!((frame..=frame + 2).contains(&first), "{rate} Hz: {first} instead of {frame}");
    }
}

#[test]
fn lengths_bits_and_channels_are_as_asked() {
    let folder = Folder::new();
    let rig = format!("{ONE_SAW}\n[output.sub]\nchannels = [4]\n[[cable]]\nfrom = \"saw\"\nto = \"sub\"\n");
    folder.write("rig.toml", rig);
    let on = Message::NoteOn { channel: 0, key: 60, velocity: 127 };
    folder.write(
        "song.mid",
        song(&[(0, on), (24_000, Message::NoteOff { channel: 0, key: 60, velocity: 0 })], 48_000),
    );
    let report =
        folder.render(&["rig.toml", "--midi", "song.mid", "-o", "a.wav", "--tail", "0.25", "--bits", "16"]);
    assert_eq!(report["frames"], 60_000);
    let report =
        folder.render(&["rig.toml", "--midi", "song.mid", "-o", "b.wav", "--for", "0.5", "--bits", "24"]);
    assert_eq!(report["frames"], 24_000);
    let report = folder.render(&["rig.toml", "--midi", "song.mid", "-o", "c.wav"]);
    assert_eq!(report["frames"], 48_000 + 24_000, "half a second of quiet after the end");
    folder.render(&["rig.toml", "--for", "1", "-o", "silence.wav"]);
    for (name, bits) in [("a", 16), ("b", 24), ("c", 32)] {
        let wav = hound::WavReader::open(folder.path(&format!("{name}.wav"))).expect("a WAV");
        assert_eq!((wav.spec().bits_per_sample, wav.spec().channels), (bits, 4));
    }
    let (_, exact) = samples(&folder.path("c.wav"));
    let mut wav = hound::WavReader::open(folder.path("b.wav")).expect("a WAV");
    for (rounded, exact) in wav.samples::<i32>().zip(&exact) {
        let exact = f64::from(*exact) * 8_388_608.0;
        assert!((f64::from(rounded.expect("a sample")) - exact).abs() <= 0.5);
    }
    for frame in exact.chunks(4) {
        assert_eq!(frame[2], 0.0);
        assert_eq!(frame[3], (frame[0] + frame[1]) * 0.5, "a mono output hears both sides");
    }
    assert!(samples(&folder.path("silence.wav")).1.iter().all(|x| *x == 0.0));
}

#[test]
fn what_is_cabled_to_out_adds_up_to_the_master() {
    let folder = Folder::new();
    let rig = RIG.replace("[stage.end]\nkind = \"limiter\"\n", "").replace("to = \"end\"", "to = \"out\"");
    let rig = rig
        .replace("[[cable]]\nfrom = \"end\"\nto = \"out\"\n", "[[cable]]\nfrom = \"bass\"\nto = \"out\"\n");
    folder.write("rig.toml", rig);
    folder.write("song.mid", busy_song());
    let report =
        folder.render(&["rig.toml", "--midi", "song.mid", "-o", "m.wav", "--stems", "s", "--for", "4"]);
    assert_eq!(report["limited_frames"], 0);
    let (_, master) = samples(&folder.path("m.wav"));
    let (_, sum) = samples(&folder.path("s/sum.wav"));
    let (_, bass) = samples(&folder.path("s/bass.wav"));
    assert!(master.iter().any(|x| *x != 0.0));
    for ((master, sum), bass) in master.iter().zip(&sum).zip(&bass) {
        assert_eq!(*master, sum + bass);
    }
}

#[test]
fn a_wav_plays_into_an_input() {
    let folder = Folder::new();
    let rig = "[input.mic]\nchannels = [2]\n[stage.pan]\nkind = \"gain\"\ngain = -6\n[[cable]]\nfrom = \"mic\"\nto = \"pan\"\n[[cable]]\nfrom = \"pan\"\nto = \"out\"\n";
    folder.write("rig.toml", rig);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut wav = hound::WavWriter::create(folder.path("in.wav"), spec).expect("a WAV");
    let ramp: Vec<f32> = (0..5_000).map(|i| (i % 100) as f32 / 200.0).collect();
    ramp.iter().for_each(|x| wav.write_sample(*x).expect("written"));
    wav.finalize().expect("finished");
    for block in ["64", "999"] {
        folder.render(&[
            "rig.toml",
            "--audio",
            "mic=in.wav",
            "-o",
            "out.wav",
            "--tail",
            "0",
            "--block",
            block,
        ]);
        let (_, out) = samples(&folder.path("out.wav"));
        assert_eq!(out.len(), 10_000);
        for (frame, x) in out.chunks(2).zip(&ramp) {
            assert!((frame[0] - x * 0.501_187_2).abs() < 1.0e-7 && frame[0] == frame[1]);
        }
    }
}

#[test]
fn mistakes_are_told_from_damage_and_nothing_is_lost() {
    let folder = Folder::new();
    folder.write("rig.toml", ONE_SAW);
    folder.write("song.mid", song(&[], 100));
    folder.write("torn.mid", &busy_song()[..200]);
    folder.write("bad.toml", "[instrument.x]\nkind = \"sinth\"\n");
    folder.write("old.wav", "kept");
    for (status, said, arguments) in [
        (2, "nothing to render", &["rig.toml", "-o", "old.wav"][..]),
        (2, "did you mean `keys`", &["rig.toml", "--midi", "kyes=song.mid", "-o", "old.wav"]),
        (2, "--for", &["rig.toml", "--for", "-1", "-o", "old.wav"]),
        (2, "8000", &["rig.toml", "--for", "1", "--rate", "44", "-o", "old.wav"]),
        (2, "audio input", &["rig.toml", "--audio", "mic=song.mid", "-o", "old.wav"]),
        (1, "torn.mid", &["rig.toml", "--midi", "torn.mid", "-o", "old.wav"]),
        (1, "missing.mid", &["rig.toml", "--midi", "missing.mid", "-o", "old.wav"]),
        (1, "bad.toml:2:8", &["bad.toml", "--for", "1", "-o", "old.wav"]),
        (1, "synth", &["bad.toml", "--for", "1", "-o", "old.wav"]),
        (1, "nowhere", &["rig.toml", "--for", "1", "-o", "nowhere/out.wav"]),
    ] {
        let output = folder.run(&[&["render"], arguments].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {errors}");
        assert!(errors.contains(said), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty());
        assert_eq!(folder.bytes("old.wav"), b"kept");
    }
}
