//! Scenes and controls: the switch is heard at its frame, held notes and tails
//! ring out, nothing hangs, and how the time is cut changes no sample.

mod desk;

use std::path::Path;
use std::process::Command as Program;

use antiphon::midi::file::Transcript;
use antiphon::midi::{Event, Message};
use antiphon::render::{Command, Turn};
use antiphon::unit::SampleRate;
use desk::{Desk, bits, received, with_gear};

/// Two instruments that take the same notes, an echo behind one of them, gear, and
/// a fixed gain for each scene.
const RIG: &str = r#"
setlist = ["first", "second", "third"]
[midi.keys]
in = "*"
[midi.gear]
out = "*"
[instrument.piano]
kind = "synth"
preset = "organ"
[instrument.lead]
kind = "synth"
preset = "organ"
[stage.echo]
kind = "delay"
seconds = 0.1
mix = 0.5
[stage.volume]
kind = "gain"
[[cable]]
from = "keys"
to = "piano"
[[cable]]
from = "keys"
to = "lead"
transpose = 12
[[cable]]
from = "keys"
to = "gear"
[[cable]]
from = "piano"
to = "echo"
[[cable]]
from = "echo"
to = "out"
[[cable]]
from = "lead"
to = "volume"
[[cable]]
from = "volume"
to = "out"
[[scene]]
name = "first"
program = 10
mute = ["lead", "gear"]
[[scene]]
name = "second"
program = 11
key = "C-1"
mute = ["piano"]
set = { "volume.gain" = -20.0, "echo.feedback" = 0.6 }
[[scene]]
name = "third"
program = 12
controller = 81
set = { "volume.gain" = -40.0 }
[[control]]
controller = 74
set = "lead.cutoff_hertz"
range = [200, 8000]
[[control]]
controller = 80
do = "next-scene"
[[control]]
note = "C#-1"
do = "panic"
consume = true
"#;

fn on(time: u64, key: u8) -> Event {
    Event::midi(time, 0, Message::NoteOn { channel: 0, key, velocity: 90 })
}

fn off(time: u64, key: u8) -> Event {
    Event::midi(time, 0, Message::NoteOff { channel: 0, key, velocity: 0 })
}

fn program(time: u64, program: u8) -> Event {
    Event::midi(time, 0, Message::ProgramChange { channel: 4, program })
}

fn control(time: u64, controller: u8, value: u8) -> Event {
    Event::midi(time, 0, Message::ControlChange { channel: 0, controller, value })
}

/// What an actor puts out.
fn stem(text: &str, events: &[Event], actor: &str, frames: usize, block: usize) -> Vec<f32> {
    let mut desk = Desk::new(text, events.to_vec());
    let node = desk.listen(actor);
    desk.play(frames, block);
    assert_eq!(antiphon::rt::guard::violations(), 0);
    desk.heard.stems.remove(&node).expect("it was listened to")[0].clone()
}

fn is_silent(samples: &[f32]) -> bool {
    samples.iter().all(|sample| sample.abs() < 1.0e-6)
}

#[test]
fn a_held_note_goes_on_exactly_and_ends_with_its_key() {
    let held = [on(100, 60), off(20_001, 60)];
    let switched = [on(100, 60), program(5_003, 11), on(6_000, 64), off(9_000, 64), off(20_001, 60)];
    let alone = stem(RIG, &held, "piano", 48_000, 64);
    let spilled = stem(RIG, &switched, "piano", 48_000, 64);
    assert!(!is_silent(&alone[..20_000]) && is_silent(&alone[40_000..]));
    assert!(bits(&alone) == bits(&spilled), "the piano hears neither the switch nor the new note");
    let lead = stem(RIG, &switched, "lead", 48_000, 64);
    assert!(is_silent(&lead[..6_000]) && !is_silent(&lead[6_000..9_000]) && is_silent(&lead[30_000..]));
}

#[test]
fn an_echo_rings_out_through_the_switch() {
    let notes = [on(100, 60), off(2_000, 60)];
    let switched = [on(100, 60), off(2_000, 60), program(2_500, 12)];
    let (kept, other) = (stem(RIG, &notes, "echo", 12_000, 64), stem(RIG, &switched, "echo", 12_000, 64));
    assert!(!is_silent(&kept[5_000..]) && bits(&kept) == bits(&other), "the third scene leaves the echo");
}

#[test]
fn a_parameter_goes_to_its_value_at_the_frame_and_back_to_the_rigs_own() {
    let events =
        [program(0, 12), on(1_000, 60), program(10_001, 11), program(20_003, 10), program(30_005, 12)];
    let lead = stem(RIG, &events, "lead", 40_000, 64);
    let volume = stem(RIG, &events, "volume", 40_000, 64);
    let gain = |at: usize| {
        let around = at - 200..at + 200;
        let power = |samples: &[f32]| samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        10.0 * (power(&volume[around.clone()]) / power(&lead[around])).log10()
    };
    for (at, decibels) in [(9_000, -40.0), (15_000, -20.0), (25_000, 0.0), (35_000, -40.0)] {
        assert!((gain(at) - decibels).abs() < 0.01, "{} dB at {at}", gain(at));
    }
    // The ramp begins at the event's own frame, and takes 10 ms.
    let ratio = |at: usize| volume[at] / lead[at];
    assert!((ratio(10_000) - ratio(9_990)).abs() < 1.0e-6 && ratio(10_010) > 1.05 * ratio(10_000));
}

#[test]
fn the_pedal_goes_up_for_who_heard_it_go_down() {
    let events =
        vec![control(50, 64, 127), on(100, 60), program(5_000, 11), off(6_000, 60), control(20_000, 64, 0)];
    let piano = stem(RIG, &events, "piano", 60_000, 64);
    assert!(!is_silent(&piano[18_000..20_000]), "the pedal still holds it");
    assert!(is_silent(&piano[50_000..]));
    // The pedal is down as the lead comes on: what it plays is held too.
    let events =
        [control(50, 64, 127), program(5_000, 11), on(6_000, 60), off(7_000, 60), control(30_000, 64, 0)];
    let lead = stem(RIG, &events, "lead", 70_000, 64);
    assert!(!is_silent(&lead[28_000..30_000]) && is_silent(&lead[60_000..]));
}

#[test]
fn gear_gets_its_releases_and_no_strikes_while_it_is_muted() {
    let events = vec![
        program(10, 11),
        on(100, 60),
        program(200, 10),
        on(300, 64),
        off(400, 64),
        control(450, 1, 5),
        off(500, 60),
        program(600, 99),
    ];
    let (mut desk, mut gear) = with_gear(RIG, events);
    desk.play(1_000, 64);
    let expected =
        [(100, vec![0x90, 60, 90]), (450, vec![0xb0, 1, 5]), (500, vec![0x80, 60, 0]), (600, vec![0xc4, 99])];
    assert_eq!(received(&mut gear), expected, "programs that bring on scenes are consumed");
}

#[test]
fn keys_switches_and_next_turn_through_the_set_list() {
    let scenes = |events: Vec<Event>| {
        let mut desk = Desk::new(RIG, events);
        desk.play(4_000, 64);
        let summary = desk.conductor.summary();
        summary.scenes.into_iter().map(|scene| (scene.frame, scene.name)).collect::<Vec<_>>()
    };
    let named = |list: &[(u64, &str)]| -> Vec<(u64, String)> {
        list.iter().map(|(frame, name)| (*frame, (*name).to_owned())).collect()
    };
    let next = |time| [control(time, 80, 127), control(time + 1, 80, 0)];
    let turned = scenes([next(100), next(200), next(300)].concat());
    assert_eq!(turned, named(&[(0, "first"), (100, "second"), (200, "third")]), "the last stays");
    let turned = scenes(vec![on(100, 0), off(110, 0), control(200, 81, 127), program(300, 10)]);
    assert_eq!(turned, named(&[(0, "first"), (100, "second"), (200, "third"), (300, "first")]));
    let half_way = scenes((0..64).map(|value| control(100 + u64::from(value) * 8, 81, value)).collect());
    assert_eq!(half_way, named(&[(0, "first")]), "a pedal that is not pressed");
}

#[test]
fn what_a_control_sets_is_kept_by_who_comes_back_after_a_fault() {
    let text = RIG.replace("range = [200, 8000]", "range = [200, 8000]\n[stage.broken]\nkind = \"broken\"\n\
        at_frame = 12000\nfault = 0\n[[cable]]\nfrom = \"lead\"\nto = \"broken\"\n[[cable]]\nfrom = \"broken\"\nto = \"out\"\n\
        [[scene]]\nname = \"fourth\"\nprogram = 13\nset = { \"broken.level\" = 0.25 }\n\
        [[control]]\ncontroller = 20\nset = \"broken.level\"");
    let level = |events: &[Event], block: usize| {
        let out = stem(&text, events, "broken", 40_000, block);
        let lead = stem(&text, events, "lead", 40_000, block);
        assert!(is_silent(&out[13_000..14_000]), "it fell at 12000");
        (out[35_000] / lead[35_000], bits(&out))
    };
    for (event, expected) in [
        (program(5_000, 13), 0.25),
        (program(11_999, 13), 0.25),
        (program(13_000, 13), 0.25),
        (control(12_010, 20, 127), 1.0),
    ] {
        let events = [program(0, 11), on(1_000, 60), event];
        let (kept, sound) = level(&events, 64);
        assert!((kept - expected).abs() < 1.0e-5, "{kept} after {event:?}");
        for block in [1, 17, 512] {
            assert!(level(&events, block).1 == sound, "block {block}, {event:?}");
        }
    }
}

/// Xorshift: whatever it gives is the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[test]
fn ten_thousand_random_switches_hang_no_note_and_no_block_changes_a_sample() {
    let mut dice = Dice(7);
    let mut events = Vec::new();
    let mut time = 0;
    for _ in 0..10_000 {
        time += dice.roll(40);
        let key = 40 + dice.roll(30) as u8;
        match dice.roll(10) {
            0 => events.push(control(time, 64, 127 * dice.roll(2) as u8)),
            1 => events.push(control(time, 74, dice.roll(128) as u8)),
            2..6 => events.push(on(time, key)),
            _ => events.push(off(time, key)),
        }
        let turn = match dice.roll(3) {
            0 => control(time, 80, 127),
            1 => control(time, 80, 0),
            _ => program(time, 10 + dice.roll(3) as u8),
        };
        events.push(turn);
    }
    events.extend((40..70).map(|key| off(time + 1, key)));
    events.push(control(time + 1, 64, 0));
    let frames = time as usize + 96_000;
    let play = |block| {
        let (mut desk, mut gear) = with_gear(RIG, events.clone());
        let mut told = Vec::new();
        for _ in 0..frames.div_ceil(9_600) {
            desk.play(9_600, block);
            told.extend(received(&mut gear));
        }
        let snapshot = desk.conductor.snapshot();
        assert_eq!((snapshot.voices, snapshot.dropped_events), (0, 0), "block {block}");
        let mut sounding = [0_i32; 128];
        for (_, bytes) in &told {
            match bytes[0] & 0xf0 {
                0x90 if bytes[2] > 0 => sounding[usize::from(bytes[1])] = 1,
                0x80 | 0x90 => sounding[usize::from(bytes[1])] = 0,
                _ => {}
            }
        }
        assert_eq!(sounding, [0; 128], "gear holds nothing");
        (bits(&desk.heard.device[0]), told)
    };
    let (sound, told) = play(64);
    for block in [1, 17, 512] {
        let (other, other_told) = play(block);
        assert!(sound == other, "block {block}");
        assert!(told == other_told, "block {block}");
    }
}

#[test]
fn a_reloaded_rig_keeps_its_scene_and_what_a_knob_did() {
    let events = vec![on(100, 60), program(200, 11), on(5_000, 64), control(6_000, 74, 127)];
    let mut desk = Desk::new(RIG, events.clone());
    let node = desk.listen("volume");
    desk.play(20_000, 64);
    // Scenes stand in another order, and one has a new value.
    let scene = "[[scene]]\nname = \"new\"\nprogram = 20\n[[scene]]\nname = \"first\"";
    let text = RIG.replacen("[[scene]]\nname = \"first\"", scene, 1).replace("-20.0", "-26.0");
    desk.conductor.change(desk::rig(&text)).expect("it can be played");
    desk.play(20_000, 64);
    let same = stem(RIG, &events, "volume", 40_000, 64);
    let heard = &desk.heard.stems[&node][0];
    assert!(bits(&heard[..20_000]) == bits(&same[..20_000]));
    let ratio = heard[39_000] / same[39_000];
    assert!((20.0 * ratio.log10() + 6.0).abs() < 0.01, "it stays, 6 dB lower: {ratio}");
    let lead = desk.conductor.deployment().scene_id("second").expect("it is there");
    desk.conductor.command(Command::Scene(Turn::To(lead)));
    desk.play(1_000, 64);
    let names: Vec<String> = desk.conductor.summary().scenes.into_iter().map(|scene| scene.name).collect();
    assert_eq!(names, ["first", "second"], "nothing was told twice");
}

#[test]
fn an_unchanged_reload_is_not_heard() {
    let events = vec![program(10, 11), on(100, 60), control(3_000, 74, 40)];
    let still = stem(RIG, &events, "lead", 30_000, 64);
    let mut desk = Desk::new(RIG, events);
    let node = desk.listen("lead");
    desk.play(10_000, 64);
    desk.conductor.change(desk::rig(RIG)).expect("it can be played");
    desk.play(20_000, 64);
    assert!(bits(&desk.heard.stems[&node][0]) == bits(&still));
}

#[test]
fn panic_by_midi_ends_everything_at_its_frame() {
    let mut events: Vec<Event> = (50..60).map(|key| on(100, key)).collect();
    events.splice(0..0, [program(10, 12), control(50, 64, 127)]);
    events.push(on(9_000, 1));
    let (mut desk, mut gear) = with_gear(RIG, events);
    desk.play(60_000, 64);
    assert_eq!(desk.conductor.snapshot().voices, 0);
    let told = received(&mut gear);
    for key in 50..60 {
        assert!(told.contains(&(9_000, vec![0x80, key, 64])), "{key} is released by name");
    }
    for channel in 0..16 {
        for controller in [64, 66, 120, 123] {
            assert!(told.contains(&(9_000, vec![0xb0 | channel, controller, 0])), "{channel} {controller}");
        }
    }
}

#[test]
fn parameters_of_14_bits_and_the_transport_are_turned_too() {
    let text = format!(
        "{RIG}\n[[control]]\nnrpn = 1027\nset = \"volume.gain\"\nrange = [-40, 0]\n\
         [[control]]\ncontroller = [2, 34]\nset = \"piano.gain\"\nrange = [-16.383, 0]\n\
         [[control]]\nnote = 1\ndo = \"start\"\n[[control]]\nnote = 3\ndo = \"stop\"\n"
    );
    let text = text.replace("[[control]]\nnote = \"C#-1\"", "[[control]]\nnote = 2");
    let nrpn = |time: u64, value: u16| {
        let bytes = [(99, 8), (98, 3), (6, (value >> 7) as u8), (38, (value & 0x7f) as u8)];
        bytes.map(|(number, value)| control(time, number, value))
    };
    let mut events = vec![program(0, 11), on(100, 60)];
    events.extend(nrpn(10_000, 8_192));
    events.push(on(20_000, 1));
    events.extend(nrpn(30_000, 0));
    let lead = stem(&text, &events, "lead", 40_000, 64);
    let volume = stem(&text, &events, "volume", 40_000, 64);
    let decibels = |at: usize| 20.0 * f64::from(volume[at] / lead[at]).log10();
    assert!((decibels(15_000) + 20.0).abs() < 0.01, "{}", decibels(15_000));
    assert!((decibels(35_000) + 40.0).abs() < 0.01, "{}", decibels(35_000));
    let mut desk = Desk::new(&text, events.clone());
    desk.play(19_000, 64);
    assert!(!desk.conductor.snapshot().transport.state.is_rolling());
    desk.play(10_000, 64);
    assert!(desk.conductor.snapshot().transport.state.is_rolling());
}

#[test]
fn a_scene_goes_on_at_its_tempo_and_back_to_the_rigs() {
    let text = RIG.replacen("program = 11", "program = 11\ntempo = 96.5", 1);
    let text = format!("{text}\n[transport]\ntempo = 140\n");
    let mut desk = Desk::new(&text, vec![program(1_000, 11), program(5_000, 12)]);
    let mut tempo_after = |frames| {
        desk.play(frames, 64);
        desk.conductor.snapshot().transport.tempo.beats_per_minute()
    };
    let is_near = |tempo: f64, wanted: f64| (tempo - wanted).abs() < 1.0e-9;
    for (frames, wanted) in [(900, 140.0), (3_000, 96.5), (3_000, 140.0)] {
        assert!(is_near(tempo_after(frames), wanted));
    }
    let mut desk = Desk::new(&text.replace("\"first\", \"second\"", "\"second\", \"first\""), Vec::new());
    desk.play(64, 64);
    let tempo = desk.conductor.snapshot().transport.tempo.beats_per_minute();
    assert!(is_near(tempo, 96.5), "from the first frame on: {tempo}");
}

fn antiphon(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let mut program = Program::new(env!("CARGO_BIN_EXE_antiphon"));
    let output = program.current_dir(folder).args(arguments).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_render_obeys_the_program_changes_of_its_file_and_begins_where_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rig.toml"), RIG).expect("written");
    let mut song = Transcript::new(SampleRate::new(48_000).expect("a rate"));
    for event in [on(100, 60), program(4_800, 11), on(9_600, 64), off(24_000, 60), off(24_000, 64)] {
        song.push(event.time, event.wire());
    }
    std::fs::write(folder.path().join("song.mid"), song.finish(24_000).expect("short")).expect("written");
    let render = |block: &str, more: &[&str]| {
        let fixed = ["render", "rig.toml", "--midi", "song.mid", "-o", "out.wav", "--for", "1", "--json"];
        let report = antiphon(folder.path(), &[&fixed[..], &["--block", block], more].concat());
        (report["scenes"].clone(), std::fs::read(folder.path().join("out.wav")).expect("written"))
    };
    let (scenes, sound) = render("64", &[]);
    let expected = serde_json::json!([{"name": "first", "frame": 0}, {"name": "second", "frame": 4_800}]);
    assert_eq!(scenes, expected);
    for block in ["1", "17", "512"] {
        assert!(render(block, &[]).1 == sound, "block {block}");
    }
    let (scenes, other) = render("64", &["--scene", "third"]);
    assert_eq!(scenes[0]["name"], "third");
    assert!(other != sound);
}

#[test]
fn a_life_on_the_null_clock_tells_its_scene() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rig.toml"), RIG).expect("written");
    let arguments = ["play", "rig.toml", "--driver", "null", "--for", "0.3", "--scene", "second", "--json"];
    let report = antiphon(folder.path(), &arguments);
    assert_eq!(report["scenes"][0]["name"], "second", "{report}");
}

#[test]
fn the_example_is_a_good_rig_with_scenes() {
    let text = include_str!("../assets/rigs/two-scenes.toml");
    let rig = desk::rig(text);
    assert!(rig.warnings.is_empty() && rig.scenes.len() == 2 && rig.controls.len() == 2);
}
