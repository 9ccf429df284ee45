//! `isolate = true`: the same samples, on a thread whose stalls and hangs nobody
//! else hears.

mod desk;
mod support;

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use antiphon::device::audio::scheduling::promote_this_thread;
use antiphon::engine::Conductor;
use antiphon::midi::file::Transcript;
use antiphon::midi::{Event, Message};
use antiphon::render::{Clock, Feed, Injected, Injection, Origin, Planar, Renderer, RendererSettings, Score};
use antiphon::rt::guard;
use antiphon::unit::HostTime;
use desk::{Desk, Heard, RATE, bits, rig};
use support::play::{Play, SOON};
use support::program::wait_for;

const RIG: &str = r#"
[engine]
limiter = false
[midi.keys]
in = "no such gear"
[instrument.safe]
kind = "synth"
[instrument.lead]
kind = "pluck"
isolate = true
[stage.echo]
kind = "delay"
isolate = true
feedback = 0.4
[stage.room]
kind = "reverb"
[output.second]
channels = [3, 4]
[[cable]]
from = "keys"
to = "safe"
[[cable]]
from = "keys"
to = "lead"
[[cable]]
from = "lead"
to = "echo"
[[cable]]
from = "echo"
to = "room"
[[cable]]
from = "safe"
to = "out"
[[cable]]
from = "lead"
to = "second"
[[cable]]
from = "room"
to = "second"
"#;

const ACTORS: [&str; 4] = ["safe", "lead", "echo", "room"];

fn melody(frames: u64) -> Vec<Event> {
    let mut events = Vec::new();
    for (index, time) in (64..frames).step_by(4_800).enumerate() {
        let key = 48 + (index * 7 % 24) as u8;
        events.push(Event::midi(time, 0, Message::NoteOn { channel: 0, key, velocity: 100 }));
        events.push(Event::midi(time + 4_000, 0, Message::NoteOff { channel: 0, key, velocity: 0 }));
    }
    events
}

/// A Renderer with its workers, called by hand, in a time of its own.
struct LiveDesk {
    renderer: Box<Renderer>,
    conductor: Conductor,
    heard: Heard,
    longest: Duration,
}

impl LiveDesk {
    fn new(clock: Clock, frames: u64) -> LiveDesk {
        let settings = RendererSettings { rate: RATE, midi_latency_frames: 0 };
        let (mut renderer, conductor) = Conductor::with_workers(rig(RIG), settings, 5, |deployment, swap| {
            let score = Score::new(melody(frames).into(), Box::default());
            let port = deployment.port_of("keys").expect("a port");
            swap.sources.push((64, Some(Box::new(Feed { port, origin: Origin::Score(score) }))));
        })
        .expect("the rig can be built");
        renderer.measure_stages(clock);
        let mut desk = LiveDesk { renderer, conductor, heard: Heard::default(), longest: Duration::ZERO };
        for actor in ACTORS {
            let node = desk.node(actor);
            let room = || Vec::with_capacity(60 * RATE.hertz() as usize);
            desk.heard.stems.insert(node, [room(), room()]);
        }
        desk
    }

    fn node(&self, actor: &str) -> u16 {
        self.conductor.deployment().node_of(actor).expect("an actor of the rig")
    }

    fn stem(&self, actor: &str) -> Vec<u32> {
        bits(&self.heard.stems[&self.node(actor)][0])
    }

    /// One block; `entry` is when the callback began.
    fn block(&mut self, frames: usize, entry: HostTime) {
        let mut channels = vec![vec![0.0; frames]; 4];
        let mut outputs: Vec<&mut [f32]> = channels.iter_mut().map(Vec::as_mut_slice).collect();
        let begin = Instant::now();
        {
            let _fence = guard::enter();
            let mut ports = Planar { inputs: &[], outputs: &mut outputs };
            self.renderer.render_stems(frames, &mut ports, Some(entry), Some(&mut self.heard));
        }
        self.longest = self.longest.max(begin.elapsed());
        self.conductor.attend();
    }

    /// Blocks by the clock.
    fn play_by_clock(&mut self, frames: usize, block: usize) {
        let begin = Instant::now();
        for done in (0..frames).step_by(block) {
            let due = Duration::from_secs_f64(RATE.seconds(done as u64));
            std::thread::sleep(due.saturating_sub(begin.elapsed()));
            self.block(block, HostTime::now());
        }
    }
}

/// What is realtime takes the processor from other tests: one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn has_two_processors() -> bool {
    let has = std::thread::available_parallelism().is_ok_and(|count| count.get() >= 2);
    if !has {
        println!("skipped: isolation needs two processors");
    }
    has
}

fn inline(frames: usize) -> Desk {
    let mut desk = Desk::new(RIG, melody(frames as u64));
    for actor in ACTORS {
        desk.listen(actor);
    }
    desk.play(frames, 64);
    desk
}

fn inline_stem(desk: &Desk, actor: &str) -> Vec<u32> {
    let node = desk.conductor.deployment().node_of(actor).expect("an actor");
    bits(&desk.heard.stems[&node][0])
}

static STOPPED: AtomicU64 = AtomicU64::new(0);

/// A clock that stands still inside a block, so that no deadline passes.
fn stopped() -> HostTime {
    HostTime(STOPPED.load(Ordering::Relaxed))
}

#[test]
fn an_isolated_stage_puts_out_the_same_samples() {
    const FRAMES: usize = 24_000;
    if !has_two_processors() {
        return;
    }
    let _alone = alone();
    let inline = inline(FRAMES);
    let violations = guard::violations();
    let mut desk = LiveDesk::new(stopped, FRAMES as u64);
    let lengths = [512, 17, 64, 1, 33, 480, 255];
    let mut done = 0;
    for length in lengths.iter().cycle() {
        let length = (*length).min(FRAMES - done);
        if length == 0 {
            break;
        }
        STOPPED.store(HostTime::now().nanos(), Ordering::Relaxed);
        desk.block(length, stopped());
        done += length;
    }
    for actor in ACTORS {
        assert!(desk.stem(actor) == inline_stem(&inline, actor), "`{actor}` differs");
    }
    assert!(desk.stem("room").iter().any(|sample| f32::from_bits(*sample).abs() > 0.001));
    let summary = desk.conductor.summary();
    let records: Vec<_> = summary.isolated.iter().map(|r| (r.actor.as_str(), r.workers, r.missed)).collect();
    assert_eq!(records, [("echo", 1, 0), ("lead", 1, 0)]);
    assert_eq!(guard::violations(), violations);
}

#[test]
fn a_stall_silences_only_who_stalls_and_delays_nobody() {
    // Blocks of 171 ms, so that a busy machine does not look like a stall.
    const BLOCK: usize = 8_192;
    const FRAMES: usize = 20 * BLOCK;
    const STALL: Duration = Duration::from_millis(600);
    if !has_two_processors() {
        return;
    }
    let _alone = alone();
    let inline = inline(FRAMES);
    // As a driver's thread: workers must not go before it.
    promote_this_thread();
    let mut desk = LiveDesk::new(HostTime::now, FRAMES as u64);
    let node = desk.node("lead");
    let what = Injected::Stall { millis: STALL.as_millis() as u32 };
    desk.conductor.inject([Injection { node, what, frame: 50_000 }]);
    desk.play_by_clock(FRAMES, BLOCK);
    println!("the longest block took {} ms", desk.longest.as_millis());
    assert!(desk.longest < STALL / 2, "{:?}", desk.longest);
    assert!(desk.stem("safe") == inline_stem(&inline, "safe"), "the neighbour differs");
    let (lead, other) = (desk.stem("lead"), inline_stem(&inline, "lead"));
    let summary = desk.conductor.summary();
    let first = lead.iter().zip(&other).position(|(a, b)| a != b);
    assert!(first.is_some_and(|at| at >= 50_000 - 32), "it differs from {first:?} on: {summary:?}");
    assert!(summary.faults.is_empty(), "{:?}", summary.faults);
    let record = summary.isolated.iter().find(|record| record.actor == "lead").expect("a record");
    assert!((1..8).contains(&record.missed) && record.abandoned == 0, "{record:?}");
    let heard: Vec<f32> = lead.iter().map(|sample| f32::from_bits(*sample)).collect();
    // It falls silent along the declick, and is back when it has caught up.
    let silent = heard[50_000..].windows(480).position(|w| w.iter().all(|x| *x == 0.0)).expect("a silence");
    assert!(silent < 1_000, "{silent}");
    assert!(heard[FRAMES - 20_000..].iter().any(|x| x.abs() > 0.001), "it plays again");
    let steepest = |samples: &[f32]| samples.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    let usual = steepest(&other.iter().map(|sample| f32::from_bits(*sample)).collect::<Vec<_>>());
    let around = steepest(&heard[..50_000 + silent + 480]);
    assert!(around <= usual * 1.05, "a click: {around} beside {usual}");
}

fn antiphon() -> Command {
    Command::new(env!("CARGO_BIN_EXE_antiphon"))
}

fn channels(path: &std::path::Path) -> Vec<Vec<u32>> {
    let mut reader = hound::WavReader::open(path).expect("the file opens");
    let count = usize::from(reader.spec().channels);
    let samples: Vec<f32> = reader.samples().map(|sample| sample.expect("a sample")).collect();
    (0..count).map(|c| samples.iter().skip(c).step_by(count).map(|x| x.to_bits()).collect()).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_hang_costs_a_thread_and_nothing_else() {
    if !has_two_processors() {
        return;
    }
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let mut midi = Transcript::new(RATE);
    for event in melody(4 * 48_000) {
        let bytes = event.bytes;
        midi.push(event.time, &bytes[..3]);
    }
    std::fs::write(folder.path().join("song.mid"), midi.finish(4 * 48_000).expect("a song"))
        .expect("written");
    let mut command = Play::command(antiphon(), folder.path(), RIG);
    command.args(["--driver", "null", "--block", "512", "--for", "4", "--midi", "song.mid"]);
    command.args(["--inject", "lead:hang@1", "--record", "take.wav"]);
    let play = Play::start(command, folder.path());
    wait_for("the hang", SOON, || play.said().contains("`lead` failed (hang) and is rebuilt").then_some(()));
    // What hangs spins on, but not as a realtime thread.
    let policies = wait_for("a worker that was taken off realtime scheduling", SOON, || {
        let policies = policies_of_workers(play.id());
        policies.contains(&SCHED_IDLE).then_some(policies)
    });
    println!("the workers' scheduling classes: {policies:?}");
    let report = play.finish();
    assert_eq!(report["faults"][0]["actor"], "lead", "{report}");
    assert_eq!(report["faults"][0]["kind"], "hang", "{report}");
    assert_eq!((&report["rt_violations"], &report["restarts"]), (&0.into(), &1.into()), "{report}");
    let lead = report["isolated"].as_array().and_then(|all| all.iter().find(|r| r["actor"] == "lead"));
    let lead = lead.expect("a record of it");
    assert_eq!((&lead["abandoned"], &lead["workers"]), (&1.into(), &2.into()), "{report}");

    let render = ["render", "rig.toml", "--midi", "song.mid", "--for", "4", "-o", "render.wav"];
    let rendered = antiphon().current_dir(folder.path()).args(render).output().expect("it runs");
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    let (played, rendered) =
        (channels(&folder.path().join("take.wav")), channels(&folder.path().join("render.wav")));
    assert!(played[0] == rendered[0] && played[1] == rendered[1], "the neighbour differs");
    let tail = &played[2][3 * 48_000..];
    assert!(tail.iter().any(|x| f32::from_bits(*x).abs() > 0.001), "the fresh one plays");
}

const SCHED_IDLE: u32 = 5;

/// The scheduling classes of a process's workers, as the kernel numbers them.
#[cfg(target_os = "linux")]
fn policies_of_workers(process: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok());
    let workers = stats.filter(|stat| stat.contains("(antiphon-worker)"));
    let policy = |stat: String| stat.rsplit(')').next()?.split_whitespace().nth(38)?.parse().ok();
    workers.filter_map(policy).collect()
}
