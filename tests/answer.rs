//! Call and response: an answer stands on the bar line after its call, is made of what was
//! heard, and is the same whatever the blocks, the run and the replay.
#![allow(clippy::unwrap_used)]

mod desk;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use antiphon::midi::file::{Score, Transcript};
use antiphon::midi::{Event, Message};
use antiphon::render::{self, Feed, Origin, RendererSettings, Silence, outlet, renderer};
use antiphon::rig::Deployment;
use antiphon::rt::guard;
use antiphon::unit::{Random, SampleRate};
use desk::{received, with_gear};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_antiphon");
const RATE: SampleRate = SampleRate::DEFAULT;
/// Strikes that are one chord, in frames: 30 ms.
const CHORD: u64 = 1_440;

/// A tick of a file, in frames.
const TICK: u64 = 26;

type Notes = Vec<(u64, u8)>;

/// Some notes and chords of few keys at uneven distances, each as the bytes of its messages.
fn phrase(seed: u64, from: u64, bar: u64, bars: u64) -> Vec<(u64, [u8; 3])> {
    let mut random = Random::new(seed);
    let mut events = Vec::new();
    let mut at = from + random.below(bar / 4);
    while at < from + bar * bars - bar / 8 {
        let length = bar / 16 + random.below(bar / 4);
        let first = random.below(5) as u8;
        for voice in 0..=random.below(5) as u8 / 3 {
            let key = 48 + first + 7 * voice;
            let velocity = 30 + random.below(90) as u8;
            events.push((at + random.below(900) * u64::from(voice), [0x90, key, velocity]));
            events.push((at + length * 7 / 8, [0x80, key, 0]));
        }
        at += length;
    }
    events.sort_by_key(|(frame, bytes)| (*frame, bytes[0]));
    events
}

fn strikes(events: impl IntoIterator<Item = (u64, [u8; 3])>) -> Notes {
    let strike = |(frame, bytes): (u64, [u8; 3])| {
        (bytes[0] & 0xf0 == 0x90 && bytes[2] > 0).then_some((frame, bytes[1]))
    };
    events.into_iter().filter_map(strike).collect()
}

/// Notes that are struck together.
fn chords(strikes: &Notes) -> Vec<u128> {
    let mut chords: Vec<(u64, u128)> = Vec::new();
    for (frame, key) in strikes {
        match chords.last_mut() {
            Some((first, chord)) if *frame <= *first + CHORD => *chord |= 1 << key,
            _ => chords.push((*frame, 1 << key)),
        }
    }
    chords.into_iter().map(|(_, chord)| chord).collect()
}

fn rig(tempo: f64, keys: &str) -> String {
    format!(
        "[transport]\ntempo = {tempo:?}\nstart = true\n[midi.keys]\nin = 'no such keyboard'\n\
         [instrument.piano]\nkind = 'synth'\n[generator.answer]\nkind = 'continuation'\n\
         mode = 'call-and-response'\n{keys}\n[[cable]]\nfrom = 'keys'\nto = 'answer'\n\
         [[cable]]\nfrom = 'answer'\nto = 'piano'\n[[cable]]\nfrom = 'piano'\nto = 'out'\n"
    )
}

fn bar_frames(tempo: f64) -> u64 {
    (4.0 * 60.0 / tempo * RATE.as_f64()).ceil() as u64
}

/// What a render came to: its JSON, its WAV, and what the generator played.
struct Rendered {
    json: Value,
    wav: Vec<u8>,
    midi: Vec<u8>,
}

impl Rendered {
    fn played(&self) -> Vec<(u64, [u8; 3])> {
        let events = Score::read(&self.midi).unwrap().at(RATE, 0).events;
        events.iter().map(|event| (event.time, [event.bytes[0], event.bytes[1], event.bytes[2]])).collect()
    }

    fn count(&self, name: &str) -> u64 {
        self.json["generators"]["answer"][name].as_u64().unwrap_or_else(|| panic!("{name}: {}", self.json))
    }
}

fn render(folder: &Path, rig: &str, calls: &[(u64, [u8; 3])], arguments: &[&str]) -> Rendered {
    std::fs::write(folder.join("rig.toml"), rig).unwrap();
    let mut call = Transcript::new(RATE);
    calls.iter().for_each(|(frame, bytes)| call.push(*frame, bytes));
    let end = calls.last().map_or(0, |(frame, _)| *frame);
    std::fs::write(folder.join("call.mid"), call.finish(end).unwrap()).unwrap();
    let output = Command::new(PROGRAM)
        .current_dir(folder)
        .args(["render", "rig.toml", "--midi", "call.mid", "--stems", "stems", "-o", "out.wav", "--json"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Rendered {
        json: serde_json::from_slice(&output.stdout).unwrap(),
        wav: std::fs::read(folder.join("out.wav")).unwrap(),
        midi: std::fs::read(folder.join("stems/answer.mid")).unwrap(),
    }
}

#[test]
fn an_answer_begins_on_the_bar_line_after_its_call_and_ends_on_one() {
    let folder = tempfile::tempdir().unwrap();
    for (tempo, bars) in [(120.0, 4), (93.7, 2), (201.0, 3)] {
        let bar = bar_frames(tempo);
        let call = phrase(4, 0, bar, bars);
        let seconds = format!("{}", 2.5 * bars as f64 * 240.0 / tempo);
        let rig = rig(tempo, &format!("bars = {bars}"));
        let rendered = render(folder.path(), &rig, &call, &["--for", &seconds]);
        let played = rendered.played();
        let line = |bars: u64| (bars as f64 * 240.0 / tempo * RATE.as_f64()).ceil() as u64;
        let first = played[0].0;
        // A tick of the file is longer than a frame.
        assert!(first.abs_diff(line(bars)) <= TICK, "{first} at {tempo} and not {}", line(bars));
        assert!(played.iter().all(|(frame, _)| *frame <= line(2 * bars) + TICK), "{tempo}");
        // To the frame: not a sample of the piano before the line, and one soon after.
        let stem = hound::WavReader::open(folder.path().join("stems/piano.wav")).unwrap();
        let channels = u64::from(stem.spec().channels);
        let samples: Vec<f32> = stem.into_samples::<f32>().map(Result::unwrap).collect();
        let sounds = samples.iter().position(|sample| *sample != 0.0).unwrap() as u64 / channels;
        assert!((line(bars)..line(bars) + 48).contains(&sounds), "{sounds} at {tempo}");
        assert_eq!(rendered.json["rt_violations"], 0);
        assert_eq!(rendered.count("answers"), 1);
        assert_eq!(rendered.count("heard"), strikes(call).len() as u64);
        assert_eq!(rendered.count("played"), strikes(played).len() as u64);
    }
}

#[test]
fn blocks_and_runs_change_nothing_and_seeds_do() {
    let folder = tempfile::tempdir().unwrap();
    let bar = bar_frames(240.0);
    let call = [phrase(5, 0, bar, 1), phrase(6, 2 * bar, bar, 1)].concat();
    let rig = rig(240.0, "bars = 1\norder = 2\nseed = 11");
    let render = |arguments: &[&str]| {
        render(folder.path(), &rig, &call, &[&["--for", "5", "--rate", "8000"], arguments].concat())
    };
    let first = render(&["--block", "64"]);
    assert_eq!(first.count("answers"), 2);
    for block in ["64", "1", "17", "480", "4096"] {
        let again = render(&["--block", block]);
        assert!(again.wav == first.wav && again.midi == first.midi, "in blocks of {block}");
        assert_eq!(again.json["generators"], first.json["generators"]);
    }
    let others: BTreeSet<Vec<u8>> =
        ["1", "2", "3", "4"].iter().map(|seed| render(&["--seed", seed]).midi).collect();
    assert!(others.len() >= 3, "{} different ones", others.len());
    let own = rig.replace("seed = 11", "seed = 12");
    let own: BTreeSet<Vec<u8>> = ["1", "2", "3"]
        .map(|seed| {
            self::render(folder.path(), &own, &call, &["--for", "5", "--rate", "8000", "--seed", seed]).midi
        })
        .into();
    assert!(own.difference(&others).next().is_some(), "the rig's seed says nothing");
}

#[test]
fn every_run_of_an_answer_was_heard_or_is_listed_as_a_back_off() {
    let folder = tempfile::tempdir().unwrap();
    let bar = bar_frames(180.0);
    for order in 1..=4 {
        let calls = [phrase(order, 0, bar, 4), phrase(order + 9, 8 * bar, bar, 4)];
        let rig = rig(180.0, &format!("bars = 4\norder = {order}"));
        let rendered = render(folder.path(), &rig, &calls.concat(), &["--for", "22", "--rate", "8000"]);
        let order = order as usize;
        assert_eq!(rendered.count("answers"), 2);
        let report = &rendered.json["generators"]["answer"];
        let backoffs = &report["backoffs"];
        let by_order: Vec<u64> = serde_json::from_value(report["chords_by_order"].clone()).unwrap();
        assert_eq!(by_order.len(), order + 1);
        assert_eq!(by_order.iter().sum::<u64>(), rendered.count("chords"));
        assert_eq!(by_order[..order].iter().sum::<u64>(), backoffs["total"].as_u64().unwrap());
        let listed: BTreeMap<(u64, u64), usize> = backoffs["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|back| {
                let number = |name: &str| back[name].as_u64().unwrap();
                ((number("answer"), number("chord")), number("order") as usize)
            })
            .collect();
        assert_eq!(listed.len() as u64 + backoffs["omitted"].as_u64().unwrap(), backoffs["total"]);
        let played = strikes(rendered.played());
        let mut heard: BTreeSet<Vec<u128>> = BTreeSet::new();
        let mut chords_played = 0;
        for (number, call) in (1..).zip(calls) {
            let call = chords(&strikes(call));
            for length in 1..=order + 1 {
                heard.extend(call.windows(length).map(<[u128]>::to_vec));
            }
            let from = (number * 8 - 4) * bar;
            let answer: Notes = played
                .iter()
                .filter(|(frame, _)| (from - TICK..from + 4 * bar).contains(frame))
                .copied()
                .collect();
            let answer = chords(&answer);
            chords_played += answer.len() as u64;
            let whole: Vec<u128> = call.iter().chain(&answer).copied().collect();
            for chord in 1..=answer.len() {
                let used = listed.get(&(number, chord as u64)).copied().unwrap_or(order);
                let end = call.len() + chord;
                let run = &whole[end - used - 1..end];
                assert!(heard.contains(run), "order {order}: chord {chord} of answer {number} was not heard");
            }
        }
        assert_eq!(chords_played, rendered.count("chords"));
    }
}

/// On the null clock nobody waits for the Renderer: what stands on the frame of the bar line
/// was ready there. At a low rate and eight at a time, so that a thousand calls of eight seconds
/// take few.
#[test]
fn a_thousand_answers_of_a_thousand_stand_on_the_bar_lines_frame() {
    const TOGETHER: u64 = 8;
    let rate = SampleRate::new(8_000).unwrap();
    let line = 16 * 4_000;
    let mut text = "[transport]\nstart = true\ntempo = 120.0\n".to_owned();
    for n in 0..TOGETHER {
        text += &format!(
            "[midi.keys{n}]\nin = '*'\n[midi.gear{n}]\nout = '*'\n[generator.answer{n}]\n\
             kind = 'continuation'\nmode = 'call-and-response'\nbars = 4\n\
             [[cable]]\nfrom = 'keys{n}'\nto = 'answer{n}'\n[[cable]]\nfrom = 'answer{n}'\nto = 'gear{n}'\n"
        );
    }
    let rig = desk::rig(&text);
    let mut longest = std::time::Duration::ZERO;
    for trial in 0..1_000 / TOGETHER {
        let (deployment, mut swap) = Deployment::first(rig.clone(), rate, trial).unwrap();
        let port = |name: String| deployment.port_of(&name).unwrap();
        let mut gear = Vec::new();
        for n in 0..TOGETHER {
            let call = phrase(trial * TOGETHER + n, 0, line / 4, 4);
            let events = call.iter().map(|(frame, bytes)| Event::from_bytes(*frame, 0, bytes)).collect();
            let origin = Origin::Score(render::Score::new(events, Box::default()));
            swap.sources.push((n as u16, Some(Box::new(Feed { port: port(format!("keys{n}")), origin }))));
            let (sink, outlet) = outlet();
            swap.sinks.push((port(format!("gear{n}")), Some(Box::new(sink))));
            gear.push(outlet);
        }
        let settings = RendererSettings { rate, midi_latency_frames: 0 };
        let (mut renderer, mut handle, _clock) = renderer(settings);
        assert!(handle.swaps.lend(Box::new(swap)).is_ok());
        let fence = guard::enter();
        renderer.render(line as usize, &mut Silence { output_channels: 2 }, None);
        // The quantum in which the answers begin.
        let began = std::time::Instant::now();
        renderer.render(32, &mut Silence { output_channels: 2 }, None);
        longest = longest.max(began.elapsed());
        drop(fence);
        for (n, gear) in gear.iter_mut().enumerate() {
            let heard = received(gear);
            let (frame, bytes) = heard.first().unwrap_or_else(|| panic!("no answer in {trial}, {n}"));
            assert_eq!((*frame, bytes[0]), (line, 0x90), "trial {trial}, {n}");
        }
    }
    println!("a quantum that begins {TOGETHER} answers took {longest:?} at most");
}

#[test]
fn nothing_hangs_when_the_transport_stops_or_the_rig_changes() {
    use antiphon::render::Command;
    use antiphon::transport::{Beats, Order};
    let text = "[transport]\nstart = true\ntempo = 240.0\n[midi.keys]\nin = '*'\n[midi.gear]\nout = '*'\n\
                [generator.answer]\nkind = 'continuation'\nmode = 'call-and-response'\nbars = 1\n\
                [[cable]]\nfrom = 'keys'\nto = 'answer'\n[[cable]]\nfrom = 'answer'\nto = 'gear'\n";
    let bar = bar_frames(240.0);
    let on = |time, key| Event::midi(time, 0, Message::NoteOn { channel: 0, key, velocity: 90 });
    let off = |time, key| Event::midi(time, 0, Message::NoteOff { channel: 0, key, velocity: 0 });
    let call = || vec![on(0, 60), off(bar - 900, 60)];
    for what in ["stop", "locate", "panic", "removed", "unplugged"] {
        let (mut desk, mut gear) = with_gear(text, call());
        desk.play((bar + bar / 2) as usize, 64);
        let heard = received(&mut gear);
        let sounding = |heard: &[(u64, Vec<u8>)]| -> i32 {
            heard.iter().map(|(_, bytes)| if bytes[0] & 0xf0 == 0x90 { 1 } else { -1 }).sum()
        };
        assert_eq!(sounding(&heard), 1, "one note sounds: {heard:?}");
        match what {
            "stop" => assert!(desk.conductor.command(Command::Transport(Order::Stop))),
            "locate" => {
                assert!(desk.conductor.command(Command::Transport(Order::Locate(Beats(40 << 32)))));
            }
            "panic" => assert!(desk.conductor.command(Command::Panic)),
            "removed" => {
                let without = text.split("[generator.answer]").next().unwrap();
                desk.conductor.change(desk::rig(without)).unwrap();
            }
            _ => {
                let less = text.split("[[cable]]\nfrom = 'answer'").next().unwrap();
                desk.conductor.change(desk::rig(less)).unwrap();
            }
        }
        desk.play(bar as usize, 64);
        let heard = received(&mut gear);
        let release = |bytes: &[u8]| bytes[0] & 0xf0 == 0x80 && bytes[1] == 60;
        assert!(heard.iter().any(|(_, bytes)| release(bytes)), "{what}: {heard:?}");
        let strikes = heard.iter().filter(|(_, bytes)| bytes[0] & 0xf0 == 0x90 && bytes[2] > 0).count();
        assert_eq!(strikes, 0, "{what}");
    }
}

#[cfg(unix)]
#[test]
fn a_gig_with_answers_is_the_same_when_its_log_is_played_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bar = bar_frames(240.0);
    let mut call = Transcript::new(RATE);
    for (frame, bytes) in [phrase(5, 0, bar, 1), phrase(6, 2 * bar, bar, 1)].concat() {
        call.push(frame, &bytes);
    }
    std::fs::write(folder.join("call.mid"), call.finish(3 * bar).unwrap()).unwrap();
    let arguments = ["--driver", "null", "--for", "4.5", "--midi", "call.mid"];
    let rig = rig(240.0, "bars = 1");
    let played = support::gig::play_rig(Command::new(PROGRAM), folder, &rig, &arguments).finish();
    assert_eq!(played["generators"]["answer"]["answers"], 2, "{played}");
    support::gig::is_the_same(folder, &played);
}

#[test]
fn what_is_wrong_with_a_continuation_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for (keys, said) in [
        ("order = 9", "order"),
        ("bars = 0", "bars"),
        ("pause_beats = -1.0", "pause_beats"),
        ("mode = 'duet'", "mode"),
        ("horizon_bars = 8", "horizon_bars"),
    ] {
        let text = rig(120.0, keys).replace("mode = 'call-and-response'\nmode", "mode");
        std::fs::write(folder.path().join("rig.toml"), text).unwrap();
        let output =
            Command::new(PROGRAM).current_dir(folder.path()).args(["check", "rig.toml"]).output().unwrap();
        let text =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(
            !output.status.success() && text.contains(said) && text.contains("rig.toml:"),
            "{keys}: {text}"
        );
    }
}
