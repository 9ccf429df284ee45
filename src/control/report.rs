//! What a run came to: `--json` prints it for programs, the end of `play` and
//! `render` for people. These names are a promise to scripts.

mod clips;
mod generators;
mod memory;

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use serde::Serialize;

use super::actors::{ActorLine, failed};
pub use crate::journal::log::simd;
pub use clips::ClipReport;
pub use generators::{AnswersReport, BackOffReport, BackOffsReport, GeneratorReport};
pub use memory::{LogReport, ReplayReport};

/// How long callbacks took, in microseconds.
#[derive(Clone, Copy, Default, PartialEq, Debug, Serialize)]
pub struct CallbackTimes {
    /// Half of them took no longer than this.
    pub median: f64,
    /// 99 % took no longer than this.
    pub p99: f64,
    /// 99.9 % took no longer than this.
    pub p999: f64,
    /// The longest.
    pub max: f64,
    /// What one may take: a block's length in time.
    pub budget: f64,
}

/// What was lost or late on one way between two actors.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct EdgeReport {
    /// The actor that sends.
    pub from: String,
    /// The actor, or the part of the engine, that receives.
    pub to: String,
    /// Events that came after their frame.
    pub late: u64,
    /// Events that did not fit.
    pub dropped: u64,
}

/// One fault of an audio actor.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct FaultReport {
    /// Who.
    pub actor: String,
    /// `panic`, `not_finite`, `loud`, `overrun`, `stall` or `hang`.
    pub kind: String,
    /// When.
    pub frame: u64,
    /// Where in the source it panicked, `FILE:LINE`.
    pub place: Option<String>,
    /// What it said when it panicked.
    pub message: Option<String>,
}

/// A scene, and since when it was played.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct SceneReport {
    /// Its name.
    pub name: String,
    /// Its first frame.
    pub frame: u64,
}

/// A stretch that is in no file of a recording.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct GapReport {
    /// The file that begins after it.
    pub path: String,
    /// Its first frame, counted from the first of the recording.
    pub at_frame: u64,
    /// Its length.
    pub frames: u64,
}

/// Of what a panic says people are told no more.
const FAULT_TEXT_CHARACTERS: usize = 200;

/// How an actor that the rig isolates fared on threads of its own.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct IsolationReport {
    /// Who.
    pub actor: String,
    /// Threads that it had, one after the other; 0 where it could have none.
    pub workers: u64,
    /// Blocks for which it was not back in time, and so was silent.
    pub missed_blocks: u64,
    /// Threads that were given up because it did not come back.
    pub abandoned: u64,
}

/// What `play` and `render` both tell.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
pub struct RunReport {
    /// Frames per second.
    pub rate_hertz: u32,
    /// Frames in a callback.
    pub block_frames: u32,
    /// Frames played.
    pub frames: u64,
    /// The same in seconds.
    pub seconds: f64,
    /// Every way between actors on which something can be late or lost.
    pub edges: Vec<EdgeReport>,
    /// The sum of `late` over all edges.
    pub late_events: u64,
    /// The sum of `dropped` over all edges.
    pub dropped_events: u64,
    /// What went wrong inside audio actors.
    pub faults: Vec<FaultReport>,
    /// The scenes, in the order in which they were come to.
    pub scenes: Vec<SceneReport>,
    /// How the rig's generators stand.
    pub generators: BTreeMap<String, GeneratorReport>,
    /// How the clips fared that play from a disk.
    pub clips: BTreeMap<String, ClipReport>,
    /// Actors that were rebuilt after a fault.
    pub restarts: u64,
    /// Actors that failed too often, and are silent until they are tried again.
    pub quarantined: Vec<String>,
    /// Allocations and frees of the engine's own inside the callback.
    pub rt_violations: u64,
    /// Allocations and frees made by catching panics.
    pub fault_allocations: u64,
    /// Frames in which the master limiter changed anything.
    pub limited_frames: u64,
    /// The most voices that sounded at once.
    pub peak_voices: u32,
    /// The vector instructions that the signal path was built for.
    pub simd: &'static str,
}

/// What `play --json` prints at its end.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
pub struct PlayReport {
    /// The audio driver at the end.
    pub driver: String,
    /// Its device.
    pub device: String,
    /// What it shares with `render`.
    #[serde(flatten)]
    pub run: RunReport,
    /// Callbacks made.
    pub callbacks: u64,
    /// Callbacks that came too late or took too long.
    pub xruns: u64,
    /// How long they took.
    pub callback_us: CallbackTimes,
    /// Actors on threads of their own.
    pub isolated: Vec<IsolationReport>,
    /// Frames that a slow or failing disk cost the recording.
    pub record_lost_frames: u64,
    /// Those of them that are in no file.
    pub record_gaps: Vec<GapReport>,
    /// The log, if there was one.
    pub log: Option<LogReport>,
    /// The scheduling class that the callback thread really got.
    pub scheduler: String,
    /// Why it ended: `for`, `quit`, `signal`, ….
    pub stopped_by: String,
    /// How the transport stood at the end.
    pub transport: TransportReport,
    /// The actors at the end, parents first.
    pub actors: Vec<ActorLine>,
}

/// How the transport stands.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
pub struct TransportReport {
    /// `stopped`, `armed`, `rolling` or `recording`.
    pub state: String,
    /// Whether it counts in.
    pub counts_in: bool,
    /// The bar, counted from 1.
    pub bar: u32,
    /// The beat of the bar, counted from 1.
    pub beat: u32,
    /// Beats a minute.
    pub tempo_bpm: f64,
    /// How well a clock that is followed is known: `free` (none is followed),
    /// `waiting`, `locking`, `locked` or `lost`.
    pub clock: String,
    /// How often it broke off while it rolled.
    pub clock_losses: u64,
}

/// What `render --json` prints at its end.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
pub struct RenderReport {
    /// The file written.
    pub path: String,
    /// What it shares with `play`.
    #[serde(flatten)]
    pub run: RunReport,
    /// How many times faster than real time it went.
    pub realtime_factor: f64,
}

impl fmt::Display for PlayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (run, times) = (&self.run, &self.callback_us);
        row(f, "played", &duration(run))?;
        row(
            f,
            "device",
            &format!(
                "{}, {} Hz, {} frames, {}",
                device_name(&self.driver, &self.device),
                run.rate_hertz,
                run.block_frames,
                self.scheduler
            ),
        )?;
        row(
            f,
            "callbacks",
            &format!(
                "{}, {}; median {:.0} µs, 99 % {:.0} µs, longest {:.0} µs of {:.0} µs",
                self.callbacks,
                count(self.xruns, "xrun"),
                times.median,
                times.p99,
                times.max,
                times.budget
            ),
        )?;
        common(f, run)?;
        for IsolationReport { actor, workers, missed_blocks, abandoned } in &self.isolated {
            if *workers == 0 {
                row(f, "isolation", &format!("{actor} had no thread of its own"))?;
            } else if missed_blocks + abandoned > 0 {
                let missed = count(*missed_blocks, "block");
                row(
                    f,
                    "isolation",
                    &format!("{actor} missed {missed}; {} given up", count(*abandoned, "thread")),
                )?;
            }
        }
        if self.record_lost_frames > 0 {
            row(f, "recording", &format!("{} lost", count(self.record_lost_frames, "frame")))?;
        }
        for gap in &self.record_gaps {
            let seconds = gap.frames as f64 / f64::from(run.rate_hertz.max(1));
            row(f, "recording", &format!("{seconds:.2} s missing before {}", gap.path))?;
        }
        if self.transport.clock_losses > 0 {
            row(f, "clock", &format!("broke off {}", count(self.transport.clock_losses, "time")))?;
        }
        if let Some(log) = &self.log {
            log.row(f)?;
        }
        for actor in failed(&self.actors) {
            row(f, "actor", &actor)?;
        }
        row(f, "stopped by", &self.stopped_by)
    }
}

impl fmt::Display for RenderReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = &self.run;
        row(f, "rendered", &format!("{} to {}", duration(run), self.path))?;
        common(f, run)?;
        let speed = format!("{:.1} × real time, {} Hz", self.realtime_factor, run.rate_hertz);
        row(f, "speed", &speed)
    }
}

/// What both tell; what is as it should be takes no line.
fn common(f: &mut fmt::Formatter<'_>, run: &RunReport) -> fmt::Result {
    row(f, "voices", &format!("{} at most", run.peak_voices))?;
    if run.late_events + run.dropped_events > 0 {
        let mut text = format!("{} late, {} dropped", run.late_events, run.dropped_events);
        for edge in run.edges.iter().filter(|edge| edge.late + edge.dropped > 0) {
            write!(text, "; {} to {}: {} late, {} dropped", edge.from, edge.to, edge.late, edge.dropped)?;
        }
        row(f, "events", &text)?;
    }
    if run.limited_frames > 0 {
        let text =
            format!("worked in {}; turn something down to be free of it", count(run.limited_frames, "frame"));
        row(f, "limiter", &text)?;
    }
    for (name, clip) in run.clips.iter().filter(|(_, clip)| clip.underruns > 0) {
        let late = count(clip.underruns, "time");
        let lost = count(clip.lost_frames, "frame");
        row(f, "disk", &format!("late for `{name}` {late}: {lost} faded or silent"))?;
    }
    for fault in &run.faults {
        let mut text = format!("{}: {} at frame {}", fault.actor, fault.kind, fault.frame);
        for part in [&fault.place, &fault.message].into_iter().flatten() {
            // What a processor says is shown, never obeyed.
            let plain = part.chars().map(|c| if c.is_control() { ' ' } else { c });
            text.push_str(", ");
            text.extend(plain.take(FAULT_TEXT_CHARACTERS));
        }
        row(f, "fault", &text)?;
    }
    if !run.quarantined.is_empty() {
        row(f, "quarantine", &run.quarantined.join(", "))?;
    }
    if run.restarts > 0 {
        row(f, "restarts", &run.restarts.to_string())?;
    }
    if run.rt_violations > 0 {
        let text = format!("{} in the callback: please report this", count(run.rt_violations, "allocation"));
        row(f, "memory", &text)?;
    }
    Ok(())
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    writeln!(f, "{name:<11}{text}")
}

/// A driver and its device, without saying the same twice (`null clock`).
pub(super) fn device_name(driver: &str, device: &str) -> String {
    if device.to_lowercase().starts_with(&driver.to_lowercase()) {
        return device.to_owned();
    }
    format!("{driver} {device}").trim_end().to_owned()
}

fn duration(run: &RunReport) -> String {
    format!("{:.2} s ({} frames)", run.seconds, run.frames)
}

fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(report: &impl Serialize) -> Vec<String> {
        let value = serde_json::to_value(report).expect("it serialises");
        let mut keys: Vec<String> = value.as_object().expect("an object").keys().cloned().collect();
        keys.sort();
        keys
    }

    const SHARED: [&str; 18] = [
        "rate_hertz",
        "block_frames",
        "frames",
        "seconds",
        "edges",
        "late_events",
        "dropped_events",
        "faults",
        "scenes",
        "generators",
        "clips",
        "restarts",
        "quarantined",
        "rt_violations",
        "fault_allocations",
        "limited_frames",
        "peak_voices",
        "simd",
    ];

    fn with_shared(own: &[&str]) -> Vec<String> {
        let mut names: Vec<String> = SHARED.iter().chain(own).map(ToString::to_string).collect();
        names.sort();
        names
    }

    #[test]
    fn the_names_are_kept() {
        let play = [
            "driver",
            "device",
            "callbacks",
            "xruns",
            "callback_us",
            "isolated",
            "record_lost_frames",
            "record_gaps",
            "log",
            "scheduler",
            "stopped_by",
            "transport",
            "actors",
        ];
        assert_eq!(keys(&PlayReport::default()), with_shared(&play));
        assert_eq!(keys(&RenderReport::default()), with_shared(&["path", "realtime_factor"]));
        let replay = ["path", "log", "realtime_factor", "breaks_off", "foreign"];
        assert_eq!(keys(&ReplayReport::default()), with_shared(&replay));
        assert_eq!(keys(&LogReport::default()), ["bytes", "error", "frames", "lost_records", "path"]);
        assert_eq!(keys(&CallbackTimes::default()), ["budget", "max", "median", "p99", "p999"]);
        assert_eq!(keys(&EdgeReport::default()), ["dropped", "from", "late", "to"]);
        assert_eq!(keys(&FaultReport::default()), ["actor", "frame", "kind", "message", "place"]);
    }

    #[test]
    fn people_are_told_what_is_not_as_it_should_be() {
        let mut report = PlayReport { xruns: 1, stopped_by: "quit".into(), ..PlayReport::default() };
        let quiet = report.to_string();
        assert!(quiet.contains("1 xrun;") && !quiet.contains("late"), "{quiet}");
        let run = &mut report.run;
        run.late_events = 2;
        run.edges = vec![
            EdgeReport { from: "keys".into(), to: "bass".into(), late: 2, dropped: 0 },
            EdgeReport { from: "pads".into(), to: "bass".into(), late: 0, dropped: 0 },
        ];
        run.faults = vec![FaultReport {
            actor: "room".into(),
            kind: "panic".into(),
            frame: 7,
            place: Some("src/room.rs:9".into()),
            message: Some("a wall\x1b[31m fell".into()),
        }];
        report.record_lost_frames = 3;
        let isolated = |actor: &str, workers, missed_blocks| IsolationReport {
            actor: actor.into(),
            workers,
            missed_blocks,
            abandoned: workers / 2,
        };
        report.isolated = vec![isolated("hall", 2, 9), isolated("pads", 1, 0), isolated("solo", 0, 0)];
        let loud = report.to_string();
        for part in [
            "keys to bass: 2 late",
            "room: panic at frame 7, src/room.rs:9, a wall [31m fell",
            "3 frames lost",
            "hall missed 9 blocks; 1 thread given up",
            "solo had no thread of its own",
            "stopped by quit",
        ] {
            assert!(loud.contains(part), "{part:?} is not in\n{loud}");
        }
        assert!(!loud.contains("pads"));
    }
}
