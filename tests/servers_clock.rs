//! Time at a real JACK server, judged frame by frame by a client of its own: the
//! clock it is sent, the notes it sends, and the transport they share.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use jack::{AudioIn, Client, ClientOptions, Control, MidiIn, MidiOut, Port, ProcessScope, RawMidi};
use support::jack::JackServer;
use support::play::{Play, SOON};
use support::program::wait_for;

const PROGRAM: &str = env!("CARGO_BIN_EXE_antiphon");
const PERIOD: u32 = 256;

/// What the client saw, by the server's frames.
#[derive(Default)]
struct Seen {
    midi: Vec<(u64, Vec<u8>)>,
    /// The first frame of each unbroken stretch of periods.
    breaks: Vec<u64>,
    /// From its first frame on.
    audio: Vec<f32>,
    audio_from: u64,
    /// Notes sent.
    notes: Vec<u64>,
    next: u64,
}

struct Recorder {
    midi_in: Port<MidiIn>,
    midi_out: Port<MidiOut>,
    audio_in: Port<AudioIn>,
    seen: Arc<Mutex<Seen>>,
    plays: bool,
}

impl jack::ProcessHandler for Recorder {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        let mut seen = self.seen.lock().unwrap();
        let first = u64::from(scope.last_frame_time());
        if first != seen.next {
            seen.breaks.push(first);
        }
        seen.next = first + u64::from(scope.n_frames());
        for event in self.midi_in.iter(scope) {
            seen.midi.push((first + u64::from(event.time), event.bytes.to_vec()));
        }
        if seen.audio.is_empty() {
            seen.audio_from = first;
        }
        // A break leaves a hole as long as it was.
        let at = (first - seen.audio_from) as usize;
        seen.audio.resize(at, 0.0);
        seen.audio.extend_from_slice(self.audio_in.as_slice(scope));
        let mut writer = self.midi_out.writer(scope);
        if self.plays {
            // A key each 24,000 frames, at another place of the period each time;
            // and let go after 8,000.
            for offset in 0..scope.n_frames() {
                let frame = first + u64::from(offset);
                let beat = frame % 24_037;
                if beat == 0 || beat == 8_000 {
                    let status = if beat == 0 { 0x90 } else { 0x80 };
                    writer.write(&RawMidi { time: offset, bytes: &[status, 60, 100] }).unwrap();
                    if beat == 0 {
                        seen.notes.push(frame);
                    }
                }
            }
        }
        Control::Continue
    }
}

fn client(name: &str, plays: bool) -> (jack::AsyncClient<(), Recorder>, Arc<Mutex<Seen>>) {
    let (client, _) = Client::new(name, ClientOptions::NO_START_SERVER).unwrap();
    let seen = Arc::new(Mutex::new(Seen { next: u64::MAX, ..Seen::default() }));
    let recorder = Recorder {
        midi_in: client.register_port("in", MidiIn::default()).unwrap(),
        midi_out: client.register_port("out", MidiOut::default()).unwrap(),
        audio_in: client.register_port("ear", AudioIn::default()).unwrap(),
        seen: Arc::clone(&seen),
        plays,
    };
    (client.activate_async((), recorder).unwrap(), seen)
}

/// One test, because the server is found by the environment of the process.
#[test]
fn clocks_and_notes_are_on_their_frames_and_transports_go_together() {
    let Some(jack) = JackServer::start("clock", 48_000, PERIOD) else { return };
    // SAFETY: the only test of this binary, before any other thread reads it.
    unsafe { std::env::set_var("JACK_DEFAULT_SERVER", &jack.name) };
    clock_is_on_its_frames(&jack);
    notes_sound_after_the_same_time(&jack);
    jack_leads(&jack);
    jack_follows(&jack);
}

fn play(jack: &JackServer, rig: &str) -> (Play, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Play::command(jack.client(PROGRAM), folder.path(), rig);
    command.args(["--driver", "jack", "--for", "600"]);
    (Play::start(command, folder.path()), folder)
}

const CLOCKED: &str = "[midi.gear]\nout = \"clockwork:*\"\nclock = true\n";

fn clock_is_on_its_frames(jack: &JackServer) {
    for bpm in [61.7, 133.337, 300.0] {
        let (_ear, seen) = client("clockwork", false);
        let (play, _folder) = play(jack, &format!("[transport]\ntempo = {bpm:?}\nstart = true\n{CLOCKED}"));
        let tick = 48_000.0 * 60.0 / bpm / 24.0;
        // Long enough between two breaks that a busy machine makes.
        let stretch = wait_for("a hundred ticks without a break", SOON, || {
            let seen = seen.lock().unwrap();
            let mut stretch: Vec<u64> = Vec::new();
            for (frame, bytes) in &seen.midi {
                let is_broken = stretch
                    .last()
                    .is_some_and(|last| seen.breaks.iter().any(|b| *b > *last && *b <= *frame + 4_096));
                if is_broken {
                    stretch.clear();
                }
                if bytes[..] == [0xf8] {
                    stretch.push(*frame);
                }
            }
            (stretch.len() > 100).then_some(stretch)
        });
        let report = play.stop();
        assert_eq!(report["transport"]["state"], "rolling");
        let mut worst = 0.0_f64;
        for (n, frame) in stretch.iter().enumerate() {
            // On its frame, which is the first that is not before it.
            let off = (*frame - stretch[0]) as f64 - n as f64 * tick;
            assert!(off.abs() <= 1.0, "{bpm}: tick {n} is {off} frames off");
            worst = worst.max(off.abs());
        }
        for pair in stretch.windows(2) {
            let step = (pair[1] - pair[0]) as f64;
            assert!((step - tick).abs() < 1.0, "{bpm}: {step}, not {tick}");
        }
        println!("{bpm} BPM: {} ticks, {worst:.3} frames off at most", stretch.len());
    }
}

fn notes_sound_after_the_same_time(jack: &JackServer) {
    let rig = "[engine]\nlimiter = false\n[midi.keys]\nin = \"player:out\"\n[instrument.lead]\nkind = \"pluck\"\n\
               release_seconds = 0.02\n[[cable]]\nfrom = \"keys\"\nto = \"lead\"\n[[cable]]\nfrom = \"lead\"\nto = \"out\"\n";
    let (_player, seen) = client("player", true);
    let (play, _folder) = play(jack, rig);
    jack.connect("antiphon:out_1", "player:ear");
    jack.connect("player:out", "antiphon:keys");
    // The first that is heard may have been struck before its sound was connected, and is not judged.
    let delays = wait_for("a dozen notes", SOON, || {
        let seen = seen.lock().unwrap();
        let end = seen.audio_from + seen.audio.len() as u64;
        let mut delays = Vec::new();
        for note in &seen.notes {
            let (from, to) = (note.saturating_sub(2_000), note + 6_000);
            let is_whole = to < end && !seen.breaks.iter().any(|b| *b > from && *b < to);
            let samples = |from: u64, to: u64| {
                let at = |frame: u64| (frame - seen.audio_from) as usize;
                &seen.audio[at(from)..at(to)]
            };
            if !is_whole || from < seen.audio_from || samples(from, *note).iter().any(|x| x.abs() > 1e-4) {
                continue;
            }
            delays.extend(samples(*note, to).iter().position(|x| x.abs() > 1e-3));
        }
        (delays.len() > 12).then(|| delays.split_off(1))
    });
    play.stop();
    println!("a note is heard after {} frames, {} times", delays[0], delays.len());
    assert!(delays.windows(2).all(|pair| pair[0] == pair[1]), "{delays:?}");
}

fn jack_leads(jack: &JackServer) {
    let (ear, seen) = client("clockwork", false);
    let transport = ear.as_client().transport();
    transport.stop().unwrap();
    let (play, _folder) = play(jack, &format!("[transport]\ntempo = 120\njack = \"follow\"\n{CLOCKED}"));
    let told = |bytes: &[u8]| seen.lock().unwrap().midi.iter().any(|(_, told)| told == bytes);
    wait_for("the clock", SOON, || told(&[0xf8]).then_some(()));
    // Bar 3: eight beats, four seconds.
    transport.locate(192_000).unwrap();
    transport.start().unwrap();
    wait_for("continue", SOON, || told(&[0xfb]).then_some(()));
    assert!(told(&[0xf2, 32, 0]), "{:?}", seen.lock().unwrap().midi);
    transport.stop().unwrap();
    wait_for("stop", SOON, || told(&[0xfc]).then_some(()));
    let report = play.stop();
    assert_eq!(report["transport"]["state"], "stopped", "{report}");
    assert!(report["transport"]["bar"].as_u64().unwrap() >= 3, "{report}");
}

fn jack_follows(jack: &JackServer) {
    let (ear, _) = client("clockwork", false);
    let transport = ear.as_client().transport();
    transport.stop().unwrap();
    transport.locate(480_000).unwrap();
    let (play, _folder) = play(jack, "[transport]\njack = \"lead\"\nstart = true\n");
    wait_for("JACK's transport rolls", SOON, || {
        let now = transport.query().unwrap();
        (now.state == jack::TransportState::Rolling && now.pos.frame() < 480_000).then_some(())
    });
    play.stop();
    transport.stop().unwrap();
}
