//! Clips on the beat and generators ahead of it: exact to the frame, the same in every block, played on
//! whatever fails beside them.
#![allow(clippy::unwrap_used)]

mod desk;
mod support;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use antiphon::engine::offline::{Job, Rendered, render};
use antiphon::engine::{Conductor, NamedScore, Supply, Workshop};
use antiphon::generate::{Failure, FailureKind, Form, Product, Request};
use antiphon::journal::{BitDepth, WavOut};
use antiphon::midi::Event;
use antiphon::midi::file::{Score, Transcript};
use antiphon::render::{Command as Order, RendererSettings, Swap, outlet};
use antiphon::rig::Rig;
use antiphon::transport::{Beats, Grid, Order as Transport, Tempo};
use antiphon::unit::SampleRate;
use desk::{Desk, Heard, RATE, bits, received, rig};
use support::gig::{PROGRAM, is_the_same, play_rig};

/// A clip whose samples tell their place: n / 2^20 for frame n, counted from 1.
const CLIP_FRAMES: usize = 5_000;

fn place(sample: f32) -> usize {
    (sample * (1 << 20) as f32).round() as usize
}

fn write_clip(folder: &Path) {
    let samples: Vec<f32> = (1..=CLIP_FRAMES).map(|n| n as f32 / (1 << 20) as f32).collect();
    let mut wav = WavOut::create(&folder.join("loop.wav"), RATE, 1, BitDepth::Float32, None).unwrap();
    wav.write(&[&samples]).unwrap();
    wav.finish().unwrap();
}

/// A rig with its clips, which lie in `folder`.
fn loaded(text: &str, folder: &Path) -> Rig {
    let mut rig = rig(text);
    rig.folder = Some(folder.to_owned());
    Workshop::default().load(&mut rig, RATE).unwrap();
    rig
}

fn desk(rig: Rig, workshop: Workshop, events: Vec<Event>) -> Desk {
    let settings = RendererSettings { rate: RATE, midi_latency_frames: 0 };
    let (renderer, conductor) = Conductor::new(rig, settings, 5, |deployment, swap| {
        use antiphon::render::{Feed, Origin, Score};
        let port = deployment.port_of("keys").unwrap_or(0);
        let score = Score::new(events.into(), Box::default());
        swap.sources.push((64, Some(Box::new(Feed { port, origin: Origin::Score(score) }))));
    })
    .unwrap();
    let mut conductor = conductor.with_workshop(workshop);
    conductor.supply();
    Desk { renderer, conductor, heard: Heard::default() }
}

fn clip_rig(transport: &str, clip: &str) -> String {
    format!(
        "[engine]\nlimiter = false\n[transport]\n{transport}\n[midi.keys]\nin = '*'\n\
         [clip.tape]\nfile = 'loop.wav'\nfade_seconds = 0.0\n{clip}\n\
         [[cable]]\nfrom = 'keys'\nto = 'tape'\n[[cable]]\nfrom = 'tape'\nto = 'out'\n"
    )
}

#[test]
fn a_clip_begins_on_the_frame_of_its_beat() {
    let folder = tempfile::tempdir().unwrap();
    write_clip(folder.path());
    let note = |time| Event::from_bytes(time, 0, &[0x90, 60, 100]);
    for (tempo, beats_per_bar) in [(61.7, 4), (120.0, 3), (133.3, 4), (399.0, 5)] {
        for (sync, beats) in [("beat", 1), ("bar", beats_per_bar), ("2 bars", 2 * beats_per_bar)] {
            let grid = Grid::new(Tempo::new(tempo).unwrap(), RATE);
            let due = grid.frame_of(Beats(beats << 32)) as usize;
            for block in [17, 64, 1_000] {
                let transport = format!("tempo = {tempo}\nbeats_per_bar = {beats_per_bar}\nstart = true");
                let text = clip_rig(&transport, &format!("sync = '{sync}'"));
                let rig = loaded(&text, folder.path());
                let mut desk = desk(rig, Workshop::default(), vec![note(777)]);
                desk.play(due + 2_000, block);
                let first = desk.heard.device[0].iter().position(|sample| *sample != 0.0);
                assert_eq!(first, Some(due), "{sync} at {tempo} in blocks of {block}");
                let sound = &desk.heard.device[0][due..due + 1_000];
                assert!(sound.iter().enumerate().all(|(n, sample)| place(*sample) == n + 1));
            }
        }
    }
}

#[test]
fn scenes_and_controls_launch_and_stop_it_and_a_saved_rig_leaves_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    write_clip(folder.path());
    let scenes = "[[scene]]\nname = 'quiet'\nprogram = 0\n\
                  [[scene]]\nname = 'loud'\nprogram = 1\nset = { 'tape.play' = true }\n\
                  [[control]]\ncontroller = 20\nset = 'tape.play'\n";
    let text = format!("{}{scenes}", clip_rig("tempo = 120", "loop = true"));
    let events = vec![
        Event::from_bytes(100, 0, &[0xc0, 1]),
        Event::from_bytes(9_000, 0, &[0xc0, 0]),
        Event::from_bytes(10_000, 0, &[0xb0, 20, 127]),
        Event::from_bytes(40_000, 0, &[0xb0, 20, 0]),
    ];
    let play = |saves: bool| {
        let mut desk = desk(loaded(&text, folder.path()), Workshop::default(), events.clone());
        desk.play(20_000, 64);
        if saves {
            let more =
                format!("{text}[instrument.lead]\nkind = 'synth'\n[[cable]]\nfrom = 'keys'\nto = 'lead'\n");
            desk.conductor.change(loaded(&more, folder.path())).unwrap();
        }
        desk.play(30_000, 64);
        desk.heard.device
    };
    let left = play(false);
    let sounds = |at: usize| left[0][at] != 0.0;
    assert!(!sounds(99) && place(left[0][100]) == 1 && place(left[0][100 + CLIP_FRAMES]) == 1, "it loops");
    assert!(sounds(8_999) && !sounds(9_000) && !sounds(9_999) && sounds(10_000) && sounds(39_999));
    assert!(left[0][40_000..].iter().all(|sample| *sample == 0.0));
    // The fresh synth is cabled to nothing that is heard.
    assert!(bits(&play(true)[0]) == bits(&left[0]));
}

#[test]
fn a_clip_that_panics_goes_on_where_it_would_be() {
    let folder = tempfile::tempdir().unwrap();
    write_clip(folder.path());
    let note = |time, key| Event::from_bytes(time, 0, &[0x90, key, 100]);
    // By the transport, by a parameter, by a note that nobody releases; and one that waits for its beat.
    for (manner, events) in [
        ("autoplay = true\nsync = 'beat'", vec![]),
        ("play = true\nsync = 'bar'", vec![]),
        ("mode = 'toggle'\nsync = 'none'", vec![note(0, 60)]),
        ("sync = 'none'\nmode = 'trigger'", vec![note(0, 60)]),
    ] {
        for block in [1, 64, 1_000] {
            let text = clip_rig("tempo = 120\nstart = true", &format!("loop = true\n{manner}"));
            let mut desk = desk(loaded(&text, folder.path()), Workshop::default(), events.clone());
            let node = desk.conductor.deployment().node_of("tape").unwrap();
            let what = antiphon::render::Injected::Panic;
            let injection = |frame| antiphon::render::Injection { node, what, frame };
            desk.conductor.inject([injection(10_007), injection(40_000)]);
            desk.play(60_000, block);
            let left = &desk.heard.device[0];
            let sounds = |at: usize| place(left[at]) == at % CLIP_FRAMES + 1;
            assert!((0..10_007).chain(30_000..40_000).chain(55_000..60_000).all(sounds), "{manner} {block}");
            assert!(left[10_400..10_500].iter().all(|sample| *sample == 0.0), "it was away");
            assert_eq!(desk.conductor.summary().rt_violations, 0);
        }
    }
    // One that fails before it has played at all begins when it is back.
    let text = clip_rig("tempo = 120", "play = true\nloop = true");
    let mut first = desk(loaded(&text, folder.path()), Workshop::default(), Vec::new());
    let node = first.conductor.deployment().node_of("tape").unwrap();
    let what = antiphon::render::Injected::Panic;
    first.conductor.inject([antiphon::render::Injection { node, what, frame: 0 }]);
    first.play(20_000, 64);
    assert!(first.heard.device[0][10_000..].iter().all(|sample| *sample != 0.0));
    // What waits for its beat when another takes its place is launched there.
    let text = clip_rig("tempo = 120\nstart = true", "sync = 'bar'");
    let mut desk = desk(loaded(&text, folder.path()), Workshop::default(), vec![note(777, 60)]);
    let node = desk.conductor.deployment().node_of("tape").unwrap();
    let what = antiphon::render::Injected::Panic;
    desk.conductor.inject([antiphon::render::Injection { node, what, frame: 5_000 }]);
    desk.play(100_000, 64);
    let left = &desk.heard.device[0];
    assert!(left[..96_000].iter().all(|sample| *sample == 0.0));
    assert!((0..4_000).all(|n| place(left[96_000 + n]) == n + 1));
}

#[test]
fn a_clip_that_is_held_by_a_key_is_not_taken_up_again() {
    let folder = tempfile::tempdir().unwrap();
    write_clip(folder.path());
    let text = clip_rig("tempo = 120", "loop = true\nmode = 'gate'\nsync = 'none'");
    let events =
        vec![Event::from_bytes(0, 0, &[0x90, 60, 100]), Event::from_bytes(10_100, 0, &[0x80, 60, 0])];
    let mut desk = desk(loaded(&text, folder.path()), Workshop::default(), events);
    let node = desk.conductor.deployment().node_of("tape").unwrap();
    let what = antiphon::render::Injected::Panic;
    desk.conductor.inject([antiphon::render::Injection { node, what, frame: 10_000 }]);
    desk.play(60_000, 64);
    // Its release came while nobody was there.
    assert!(desk.heard.device[0][11_000..].iter().all(|sample| *sample == 0.0));
}

const GENERATED: &str = "
[transport]
tempo = 240
start = true
[midi.gear]
out = '*'
[instrument.piano]
kind = 'pluck'
[clip.tape]
file = 'loop.wav'
autoplay = true
loop = true
sync = '2 bars'
[generator.band]
kind = 'local'
style = 'swing'
bars = 1
horizon_bars = 2
[[cable]]
from = 'band'
to = 'piano'
from_channel = 1
[[cable]]
from = 'band'
to = 'gear'
[[cable]]
from = 'piano'
to = 'out'
[[cable]]
from = 'tape'
to = 'out'
";

fn rendered(folder: &Path, block_frames: usize, seed: u64) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let mut rig = rig(GENERATED);
    rig.folder = Some(folder.to_owned());
    let out = folder.join(format!("out-{block_frames}-{seed}.wav"));
    let stems = folder.join(format!("stems-{block_frames}-{seed}"));
    let job = Job {
        rig,
        scores: Vec::new(),
        audio: Vec::new(),
        out: out.clone(),
        stems: Some(stems.clone()),
        midi_out: None,
        rate: RATE,
        block_frames,
        bits: BitDepth::Float32,
        length: Some(4 * 48_000),
        tail: None,
        seed,
        scene: None,
        injections: Vec::new(),
    };
    let rendered = render(job, |_, _| {}).unwrap();
    assert_eq!(rendered.summary.rt_violations, 0);
    let band = &rendered.summary.generators[0];
    assert!(
        band.segments >= 4 && band.underruns == 0 && band.events > 20 && band.ready_bars >= 2,
        "{band:?}"
    );
    let read = |path: std::path::PathBuf| std::fs::read(path).unwrap();
    (read(out), read(stems.join("tape.wav")), read(stems.join("band.mid")))
}

#[test]
fn a_render_with_a_generator_and_a_clip_is_the_same_in_every_block() {
    let folder = tempfile::tempdir().unwrap();
    write_clip(folder.path());
    let first = rendered(folder.path(), 512, 1);
    for block in [1, 7, 64, 4_096] {
        assert!(rendered(folder.path(), block, 1) == first, "blocks of {block}");
    }
    let other = rendered(folder.path(), 512, 2);
    assert!(other.2 != first.2 && other.1 == first.1, "the seed is the generator's alone");
    let score = Score::read(&first.2).unwrap();
    assert!(score.events.len() > 20);
}

/// What a supply gives: one note on each beat, of a key that tells the seed; none from a segment on.
struct Beats4 {
    until: u64,
}

impl Supply for Beats4 {
    fn supply(&self, request: &Request, _: Duration) -> Result<Product, Failure> {
        assert_eq!(request.form, Form::Midi);
        let first = self.until;
        if request.seed >= first {
            return Err(Failure::new(FailureKind::Timeout, "it sleeps"));
        }
        let mut midi = Transcript::new(RATE);
        // A transcript is written at 120 beats a minute.
        for beat in 0..4 {
            midi.push(beat * 24_000, &[0x90, 60 + (request.seed % 8) as u8, 90]);
            midi.push(beat * 24_000 + 6_000, &[0x80, 60 + (request.seed % 8) as u8, 64]);
        }
        Ok(Product {
            audio: None,
            midi: Some(midi.finish(4 * 24_000).unwrap().into()),
            chart: None,
            tempo: Some(120.0),
            fingerprint: None,
            warnings: Vec::new(),
            unkept: None,
            tries: 1,
            from_cache: false,
        })
    }
}

const AHEAD: &str = "
[transport]
tempo = 97.3
start = true
[midi.gear]
out = '*'
[generator.band]
kind = 'elsewhere'
bars = 1
horizon_bars = 2
[[cable]]
from = 'band'
to = 'gear'
";

#[test]
fn what_is_late_is_counted_and_the_last_goes_on_in_time() {
    let rig = rig(AHEAD);
    let probe = desk(rig.clone(), Workshop::new(Arc::new(Beats4 { until: u64::MAX })), Vec::new());
    let seed = {
        let deployment = probe.conductor.deployment();
        let (_, generator, _) = deployment.generators().next().unwrap();
        deployment.seed_of(generator)
    };
    // The first three segments are made, the others never.
    let workshop = Workshop::new(Arc::new(Beats4 { until: seed + 3 }));
    let mut desk = desk(rig, workshop, Vec::new());
    let (sink, mut gear) = outlet();
    let port = desk.conductor.deployment().port_of("gear").unwrap();
    desk.conductor.lend(Swap { sinks: vec![(port, Some(Box::new(sink)))], ..Swap::default() });
    let grid = Grid::new(Tempo::new(97.3).unwrap(), RATE);
    let bars = 6;
    desk.play(grid.frame_of(Beats((4 * bars) << 32)) as usize, 64);
    let strikes: Vec<(u64, u8)> = received(&mut gear)
        .into_iter()
        .filter(|(_, wire)| wire[0] == 0x90)
        .map(|(at, wire)| (at, wire[1]))
        .collect();
    let expected: Vec<(u64, u8)> = (0..4 * bars)
        .map(|beat| {
            let made = (beat / 4).min(2);
            (grid.frame_of(Beats(beat << 32)), 60 + ((seed + made) % 8) as u8)
        })
        .collect();
    assert_eq!(strikes, expected);
    let band = desk.conductor.summary().generators.remove(0);
    assert_eq!((band.segments, band.underruns), (bars, bars - 3));
    assert_eq!(desk.conductor.summary().rt_violations, 0);
}

#[test]
fn stopping_and_locating_leaves_no_note_behind() {
    let mut desk = desk(rig(AHEAD), Workshop::new(Arc::new(Beats4 { until: u64::MAX })), Vec::new());
    let (sink, mut gear) = outlet();
    let port = desk.conductor.deployment().port_of("gear").unwrap();
    desk.conductor.lend(Swap { sinks: vec![(port, Some(Box::new(sink)))], ..Swap::default() });
    let balance = |heard: &[(u64, Vec<u8>)]| {
        let count = |status| heard.iter().filter(|(_, wire)| wire[0] & 0xf0 == status).count();
        (count(0x90), count(0x80))
    };
    // In the middle of the first note.
    desk.play(3_000, 64);
    desk.conductor.command(Order::Transport(Transport::Stop));
    desk.play(48_000, 64);
    let heard = received(&mut gear);
    assert_eq!(balance(&heard), (1, 1), "{heard:?}");
    desk.conductor.command(Order::Transport(Transport::Locate(Beats(9 << 32))));
    desk.conductor.command(Order::Transport(Transport::Continue));
    desk.play(3_000, 64);
    desk.conductor.command(Order::Transport(Transport::Locate(Beats(0))));
    desk.play(20_000, 64);
    let heard = received(&mut gear);
    assert_eq!(balance(&heard), (2, 2), "{heard:?}");
}

#[test]
#[cfg(unix)]
fn a_gig_with_a_clip_and_a_generator_is_replayed_to_the_bit_and_no_kill_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_clip(folder);
    let kills = ["tape:kill@0.7", "band:kill@1.0", "generator:kill@1.2", "clip:kill@1.4", "tape:panic@2.1"];
    let mut arguments = vec!["--driver", "null", "--for", "4"];
    kills.iter().for_each(|kill| arguments.extend(["--inject", kill]));
    let played = play_rig(Command::new(PROGRAM), folder, GENERATED, &arguments).finish();
    let band = &played["generators"]["band"];
    assert!(band["events"].as_u64().unwrap() > 20 && band["underruns"] == 0, "{played}");
    is_the_same(folder, &played);
    // The same without the kills, but for the clip's fault: what the generator played has no gap.
    let replayed = support::gig::replay(folder, &["--stems", "stems"]);
    assert_eq!(replayed["frames"], played["frames"]);
    let score = Score::read(&std::fs::read(folder.join("stems/band.mid")).unwrap()).unwrap();
    let strikes = score.events.iter().filter(|event| {
        matches!(event.body, antiphon::midi::file::Body::Message { bytes, .. } if bytes[0] & 0xf0 == 0x90)
    });
    assert!(strikes.count() > 10);
}

#[test]
fn a_sound_that_is_not_there_is_told_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rig.toml");
    std::fs::write(&path, clip_rig("tempo = 120", "")).unwrap();
    let output = Command::new(PROGRAM).arg("check").arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("rig.toml:7:") && said.contains("loop.wav"), "{said}");
    for (line, part) in [
        ("sync = 'bars'", "unknown sync `bars`"),
        ("loop = 1", "must be true or false"),
        ("description = 'x'", "not both"),
        ("bars = 3", "a clip with `file` has no `bars`"),
        ("kind = 'clip'", "unknown key `kind`"),
        ("stream = 1", "must be true or false"),
    ] {
        let problems = antiphon::rig::parse(&clip_rig("", line), &desk::kinds()).expect_err(line);
        let told = format!("{problems:?}");
        assert!(told.contains(part), "{line}: {told}");
    }
}

/// A sound of 4.5 s in which each sample tells its place, and that never jumps: 1/4 + n / 2^22.
fn write_long(path: &Path, rate: SampleRate) -> usize {
    let frames = rate.frames(4.5) as usize;
    let left: Vec<f32> = (0..frames).map(|n| 0.25 + n as f32 / (1 << 22) as f32).collect();
    let right: Vec<f32> = left.iter().map(|sample| -sample).collect();
    let mut wav = WavOut::create(path, rate, 2, BitDepth::Float32, None).unwrap();
    wav.write(&[&left, &right]).unwrap();
    wav.finish().unwrap();
    frames
}

const SLOW: u32 = 8_000;

/// Two clips of one file, and one of a file at another rate: one loops, the others are launched, again in
/// the middle of what comes from the disk, and stopped.
fn long_rig(stream: bool) -> String {
    format!(
        "[engine]\nlimiter = false\n[transport]\ntempo = 120\nstart = true\n[midi.keys]\nin = '*'\n\
         [clip.tape]\nfile = 'long.wav'\nstream = {stream}\nloop = true\nautoplay = true\nsync = 'beat'\n\
         [clip.again]\nfile = 'long.wav'\nstream = {stream}\nmode = 'gate'\nsync = 'none'\n\
         fade_seconds = 0.3\ngain = -6.0\n\
         [clip.other]\nfile = 'other.wav'\nstream = {stream}\nmode = 'toggle'\nsync = 'beat'\nloop = true\n\
         [[cable]]\nfrom = 'keys'\nto = 'again'\n[[cable]]\nfrom = 'keys'\nto = 'other'\n\
         [[cable]]\nfrom = 'tape'\nto = 'out'\n[[cable]]\nfrom = 'again'\nto = 'out'\n\
         [[cable]]\nfrom = 'other'\nto = 'out'\n"
    )
}

fn rendered_long(folder: &Path, text: &str, block_frames: usize, inject: &str) -> (Vec<f32>, Rendered) {
    let slow = SampleRate::new(SLOW).unwrap();
    let mut rig = rig(text);
    rig.folder = Some(folder.to_owned());
    let mut midi = Transcript::new(slow);
    // In seconds: launched, again while it comes from the disk, stopped, launched while it fades.
    for (at, bytes) in [
        (0.1, [0x90, 60, 100]),
        (2.9, [0x90, 61, 100]),
        (2.905, [0x90, 62, 100]),
        (5.5, [0x80, 60, 0]),
        (5.5, [0x80, 61, 0]),
        (5.5, [0x80, 62, 0]),
        (5.6, [0x90, 60, 100]),
    ] {
        midi.push(slow.frames(at), &bytes);
    }
    let score = Score::read(&midi.finish(slow.frames(6.5)).unwrap()).unwrap();
    let out = folder.join("long-out.wav");
    let job = Job {
        rig,
        scores: vec![NamedScore { port: None, score }],
        audio: Vec::new(),
        out: out.clone(),
        stems: None,
        midi_out: None,
        rate: slow,
        block_frames,
        bits: BitDepth::Float32,
        length: Some(slow.frames(7.0)),
        tail: None,
        seed: 0,
        scene: None,
        injections: inject.split_whitespace().map(|fault| fault.parse().unwrap()).collect(),
    };
    let rendered = render(job, |_, _| {}).unwrap();
    assert_eq!(rendered.summary.rt_violations, 0);
    let samples = hound::WavReader::open(out).unwrap().into_samples::<f32>();
    (samples.map(Result::unwrap).collect(), rendered)
}

#[test]
fn from_the_disk_it_is_rendered_as_from_memory_in_every_block() {
    let folder = tempfile::tempdir().unwrap();
    write_long(&folder.path().join("long.wav"), SampleRate::new(SLOW).unwrap());
    write_long(&folder.path().join("other.wav"), SampleRate::new(11_025).unwrap());
    let (memory, told) = rendered_long(folder.path(), &long_rig(false), 64, "");
    assert!(told.summary.clips.is_empty(), "nothing comes from the disk");
    let sounding = memory.iter().filter(|sample| **sample != 0.0).count();
    assert!(sounding > memory.len() * 9 / 10, "{sounding} of {}", memory.len());
    for block in [1, 32, 64, 1_000, 4_096] {
        let (disk, told) = rendered_long(folder.path(), &long_rig(true), block, "");
        assert!(bits(&disk) == bits(&memory), "blocks of {block}");
        let clips: Vec<_> = told.summary.clips.iter().map(|c| (c.clip.as_str(), c.underruns)).collect();
        assert_eq!(clips, [("again", 0), ("other", 0), ("tape", 0)]);
    }
}

#[test]
fn a_disk_that_is_late_is_faded_out_and_comes_back_on_its_beat() {
    let folder = tempfile::tempdir().unwrap();
    let slow = SampleRate::new(SLOW).unwrap();
    write_long(&folder.path().join("long.wav"), slow);
    let text = |stream: bool| {
        format!(
            "[engine]\nlimiter = false\n[transport]\ntempo = 120\nstart = true\n[midi.keys]\nin = '*'\n\
             [clip.tape]\nfile = 'long.wav'\nstream = {stream}\nloop = true\nautoplay = true\n\
             [[cable]]\nfrom = 'tape'\nto = 'out'\n"
        )
    };
    let (whole, _) = rendered_long(folder.path(), &text(false), 64, "");
    // A fault is silent for a while, and all that follows stands where it stood: from memory at once, from the
    // disk when 16,384 frames have passed, in which it is fetched.
    for (stream, inject, back) in [(false, "tape:panic@2.3", 2.4), (true, "tape:panic@2.3 tape:nan@6", 4.42)]
    {
        let (faulted, _) = rendered_long(folder.path(), &text(stream), 64, inject);
        let at = |seconds: f64| 2 * slow.frames(seconds) as usize;
        assert!(bits(&faulted[..at(2.29)]) == bits(&whole[..at(2.29)]));
        assert!(faulted[at(2.31)..at(2.32)].iter().all(|sample| *sample == 0.0), "it was away");
        assert!(bits(&faulted[at(back)..at(5.9)]) == bits(&whole[at(back)..at(5.9)]), "stream: {stream}");
        for block in [1, 500, 4_096] {
            let (other, _) = rendered_long(folder.path(), &text(stream), block, inject);
            assert!(bits(&other) == bits(&faulted), "blocks of {block}");
        }
    }
    let inject = "tape:starve:400@2.5 tape:starve:10@3.5";
    let (late, told) = rendered_long(folder.path(), &text(true), 64, inject);
    for block in [1, 500, 4_096] {
        let (other, _) = rendered_long(folder.path(), &text(true), block, inject);
        assert!(bits(&other) == bits(&late), "blocks of {block}");
    }
    let tape = &told.summary.clips[0];
    assert_eq!(tape.underruns, 2);
    let lost = late.iter().zip(&whole).filter(|(late, whole)| late != whole).count() as u64 / 2;
    assert!((3_200..3_400).contains(&lost) && tape.lost_frames.abs_diff(lost) <= 160, "{lost}: {tape:?}");
    // Silent in between, 5 ms after; then as if nothing had been, at the same frame.
    let at = |seconds: f64| 2 * slow.frames(seconds) as usize;
    assert!(late[at(2.51)..at(2.9)].iter().all(|sample| *sample == 0.0));
    assert!(bits(&late[..at(2.5)]) == bits(&whole[..at(2.5)]));
    assert!(bits(&late[at(2.95)..at(3.5)]) == bits(&whole[at(2.95)..at(3.5)]));
    assert!(bits(&late[at(3.6)..]) == bits(&whole[at(3.6)..]));
    // 3t² - 2t³ over 40 frames of a sound that is nowhere above 0.26, fades at its own edges apart.
    let left: Vec<f32> = late[at(1.0)..at(4.4)].iter().step_by(2).copied().collect();
    let steepest = left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest <= 0.26 * 1.5 / 40.0 && steepest > 0.25 / 40.0, "{steepest}");
}

#[test]
fn a_saved_rig_and_a_fault_leave_what_comes_from_the_disk_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let frames = write_long(&folder.path().join("long.wav"), RATE);
    let clip = "file = 'long.wav'\nfade_seconds = 0.0\nautoplay = true\nsync = 'beat'\nstream = true\n";
    let text =
        clip_rig("tempo = 120\nstart = true", "").replace("file = 'loop.wav'\nfade_seconds = 0.0\n", clip);
    let play = |saves: bool| {
        let mut desk = desk(loaded(&text, folder.path()), Workshop::default(), Vec::new());
        desk.play(120_000, 480);
        if saves {
            let more =
                format!("{text}[instrument.lead]\nkind = 'synth'\n[[cable]]\nfrom = 'keys'\nto = 'lead'\n");
            desk.conductor.change(loaded(&more, folder.path())).unwrap();
        } else {
            let node = desk.conductor.deployment().node_of("tape").unwrap();
            let what = antiphon::render::Injected::Panic;
            desk.conductor.inject([antiphon::render::Injection { node, what, frame: 130_000 }]);
        }
        desk.play(200_000, 480);
        let summary = desk.conductor.summary();
        assert_eq!((summary.rt_violations, summary.clips.len(), summary.clips[0].underruns), (0, 1, 0));
        desk.heard.device
    };
    let place = |sample: f32| ((sample - 0.25) * (1 << 22) as f32).round() as usize;
    let saved = play(true);
    assert!(saved[0][..frames].iter().enumerate().all(|(n, sample)| place(*sample) == n));
    assert!(saved[1].iter().zip(&saved[0]).all(|(right, left)| *right == -left));
    assert!(saved[0][frames..].iter().all(|sample| *sample == 0.0), "it does not loop");
    // A fresh one has its own reel, and goes on in its place when that had time to be fetched.
    let faulted = play(false);
    assert!(faulted[0][131_000..146_000].iter().all(|sample| *sample == 0.0));
    assert!((150_000..frames).all(|at| place(faulted[0][at]) == at), "it is back where it would be");
    assert!(faulted[0][frames..].iter().all(|sample| *sample == 0.0), "it does not loop");
}

#[test]
#[cfg(unix)]
fn a_gig_whose_disk_was_late_is_replayed_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_long(&folder.join("long.wav"), RATE);
    let text = "[engine]\nlimiter = false\n[transport]\ntempo = 240\nstart = true\n[midi.keys]\nin = '*'\n\
                [clip.tape]\nfile = 'long.wav'\nstream = true\nautoplay = true\nloop = true\nsync = 'none'\n\
                [[cable]]\nfrom = 'tape'\nto = 'out'\n";
    let mut arguments = vec!["--driver", "null", "--for", "3.2"];
    for fault in ["tape:kill@0.7", "clip:kill@1.4", "tape:starve:200@2.4", "tape:kill@2.5"] {
        arguments.extend(["--inject", fault]);
    }
    let played = play_rig(Command::new(PROGRAM), folder, text, &arguments).finish();
    let tape = &played["clips"]["tape"];
    assert!(tape["underruns"].as_u64().unwrap() >= 1, "{played}");
    assert!(tape["lost_frames"].as_u64().unwrap() >= 9_600, "{played}");
    let said = std::fs::read_to_string(folder.join("stderr")).unwrap();
    assert!(said.contains("the disk is late for `tape`"), "{said}");
    let replayed = is_the_same(folder, &played);
    assert_eq!(replayed["clips"], played["clips"]);
    let wav = hound::WavReader::open(folder.join("live.wav")).unwrap();
    let left: Vec<f32> = wav.into_samples::<f32>().step_by(2).map(Result::unwrap).collect();
    // Wherever it is heard at full level it is where it belongs, and that is wherever nothing was late:
    // but for a fade in, three out, and the edges.
    let first = left.iter().position(|sample| *sample != 0.0).unwrap();
    let launch = first + 4_800 - ((left[first + 4_800] - 0.25) * (1 << 22) as f32).round() as usize;
    let belongs = |at: usize| 0.25 + (at - launch) as f32 / (1 << 22) as f32;
    let there = (first..left.len()).filter(|at| left[*at] == belongs(*at)).count();
    let lost = tape["lost_frames"].as_u64().unwrap() as usize;
    assert!(there > 95_000 && there + lost + 2_000 > left.len() - first, "{there}, {lost} of {}", left.len());
}

#[test]
fn an_hour_takes_no_more_memory_than_its_beginning_and_what_is_on_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    // An hour of silence that takes no room on the disk: 16 bits, stereo.
    let data_bytes = 4 * 48_000 * 3_600_u32;
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend((36 + data_bytes).to_le_bytes());
    header.extend(b"WAVEfmt ");
    for word in [16_u32, 0x0002_0001, 48_000, 192_000, 0x0010_0004] {
        header.extend(word.to_le_bytes());
    }
    header.extend(b"data");
    header.extend(data_bytes.to_le_bytes());
    std::fs::write(&path, &header).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(44 + u64::from(data_bytes)).unwrap();
    let text = clip_rig("tempo = 120\nstart = true", "autoplay = true").replace("loop.wav", "long.wav");
    let mut desk = desk(loaded(&text, folder.path()), Workshop::default(), Vec::new());
    desk.play(48_000, 480);
    let clips = desk.conductor.summary().clips;
    let most = 8 * 48_000 * (2 + 5 * 2);
    assert!(clips.len() == 1 && clips[0].memory_bytes <= most, "{clips:?}");
    let refused = text.replace("autoplay = true", "stream = false");
    let mut rig = rig(&refused);
    rig.folder = Some(folder.path().to_owned());
    let said = Workshop::default().load(&mut rig, RATE).unwrap_err().to_string();
    assert!(said.contains("leave `stream = false` away"), "{said}");
}
