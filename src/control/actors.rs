//! `antiphon actors`, and the tree of a running engine for people and programs.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::files::load_rig;
use crate::device::audio::{AudioRequest, DriverChoice};
use crate::device::midi::Identity;
use crate::engine::live::{ActorState, Job, Live, PortReport};
use crate::engine::{Error, Mending};
use crate::stage::Kinds;

/// How long the tree may take to be there.
const GROWN: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(10);
/// Of what a fault says people are told no more.
const FAULT_CHARACTERS: usize = 120;

/// One actor, in JSON. These names are a promise to scripts.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
pub struct ActorLine {
    /// Where it stands in the tree.
    pub path: String,
    /// `running`, `failed`, `halted`, ….
    pub state: String,
    /// How often it was started anew.
    pub restarts: u64,
    /// How it failed last.
    pub last_fault: Option<String>,
    /// Messages that wait.
    pub waiting: usize,
    /// Messages taken so far.
    pub handled: u64,
    /// Half of its messages were handled within this.
    pub p50_us: Option<f64>,
    /// All but a hundredth of them were handled within this.
    pub p99_us: Option<f64>,
    /// The message that it is at.
    pub current: Option<String>,
    /// For how long at least.
    pub current_seconds: Option<f64>,
    /// Of a keeper: how its instrument or stage fares.
    pub processor: Option<ProcessorLine>,
    /// Of a MIDI port's keeper: what is connected, and what passed.
    pub port: Option<PortLine>,
}

/// How a MIDI port fares, in JSON.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct PortLine {
    /// The gear that fills it now.
    pub connected: Vec<GearLine>,
    /// Messages that came in.
    pub received: u64,
    /// Messages that went out.
    pub sent: u64,
    /// Messages that were lost.
    pub dropped: u64,
    /// Messages said again when gear came back.
    pub restored: u64,
}

/// One piece of gear, in JSON.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct GearLine {
    /// As a pattern of the rig sees it.
    pub name: String,
    /// Its serial number, where it has one.
    pub serial: Option<String>,
    /// Where it is plugged in.
    pub usb: Option<String>,
    /// Which of its ports.
    pub port: Option<u32>,
}

impl PortLine {
    fn of(port: &PortReport) -> PortLine {
        let gear = |gear: &Identity| GearLine {
            name: gear.name.clone(),
            serial: gear.serial.clone(),
            usb: gear.usb.clone(),
            port: gear.port,
        };
        PortLine {
            connected: port.connected.iter().map(gear).collect(),
            received: port.traffic.received,
            sent: port.traffic.sent,
            dropped: port.traffic.dropped,
            restored: port.traffic.restored,
        }
    }
}

/// How an instrument or a stage fares, in JSON.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct ProcessorLine {
    /// `playing`, `rebuilding`, `quarantined` or `given up`.
    pub state: String,
    /// How often it failed.
    pub faults: u64,
    /// How often it was built anew.
    pub rebuilt: u64,
    /// How it failed last.
    pub last_fault: Option<String>,
    /// When, in frames.
    pub last_fault_frame: Option<u64>,
}

impl ActorLine {
    /// What is told of an actor.
    pub fn of(actor: &ActorState) -> ActorLine {
        let micros = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1.0e6);
        ActorLine {
            path: actor.path.clone(),
            state: actor.state.to_owned(),
            restarts: actor.restarts,
            last_fault: actor.last_fault.clone(),
            waiting: actor.waiting,
            handled: actor.handled,
            p50_us: micros(actor.p50),
            p99_us: micros(actor.p99),
            current: actor.current.map(|(label, _)| label.to_owned()),
            current_seconds: actor.current.map(|(_, time)| time.as_secs_f64()),
            processor: actor.stage.as_ref().map(|stage| ProcessorLine {
                state: stage.state.name().to_owned(),
                faults: stage.faults,
                rebuilt: stage.rebuilt,
                last_fault: stage.last_fault.as_ref().map(|(kind, _)| kind.clone()),
                last_fault_frame: stage.last_fault.as_ref().map(|(_, frame)| *frame),
            }),
            port: actor.port.as_ref().map(PortLine::of),
        }
    }
}

/// The tree for people: a line each, indented.
pub(super) fn tree(actors: &[ActorState]) -> String {
    let width = actors.iter().map(|actor| 2 * actor.depth + name(actor).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for actor in actors {
        let name = format!("{}{}", "  ".repeat(actor.depth), name(actor));
        let state = actor.stage.as_ref().filter(|_| actor.state == "running").map(|stage| stage.state.name());
        // Writing to a String does not fail.
        let _ = write!(text, "{name:<width$}  {:<11}", state.unwrap_or(actor.state));
        let _ = write!(text, " {:>7} handled", actor.handled);
        if let (Some(p50), Some(p99)) = (actor.p50, actor.p99) {
            let _ = write!(text, ", 50 % in {}, 99 % in {}", micros(p50), micros(p99));
        }
        if actor.waiting > 0 {
            let _ = write!(text, ", {} waiting", actor.waiting);
        }
        if let Some((label, time)) = actor.current.filter(|(_, time)| *time >= Duration::from_secs(1)) {
            let _ = write!(text, ", at `{label}` for {:.0} s", time.as_secs_f64());
        }
        if let Some(port) = &actor.port {
            text.push_str(&passed(port));
        }
        text.push_str(&troubles(actor));
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

/// What people are told of the actors at the end of a run: those that failed.
pub(super) fn failed(actors: &[ActorLine]) -> Vec<String> {
    let line = |actor: &ActorLine| {
        let last = actor.last_fault.as_deref().map(plain);
        let last = last.map_or_else(String::new, |last| format!(", last by {last}"));
        (actor.restarts > 0).then(|| format!("{}: started again {}{last}", actor.path, times(actor.restarts)))
    };
    actors.iter().filter_map(line).collect()
}

fn passed(port: &PortReport) -> String {
    let names: Vec<String> = port.connected.iter().map(|gear| plain(&gear.name)).collect();
    let names = if names.is_empty() { "nothing connected".to_owned() } else { names.join(" and ") };
    let count = &port.traffic;
    let mut text = format!("; {names}: {} in, {} out", count.received, count.sent);
    for (count, what) in [(count.dropped, "dropped"), (count.restored, "restored")] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text
}

fn troubles(actor: &ActorState) -> String {
    let mut text = String::new();
    if let Some(stage) = actor.stage.as_ref().filter(|stage| stage.faults > 0) {
        let last = stage.last_fault.as_ref().map(|(kind, frame)| format!(", last {kind} at frame {frame}"));
        let (faults, rebuilt) = (stage.faults, stage.rebuilt);
        let _ = write!(
            text,
            "; failed {}, rebuilt {}{}",
            times(faults),
            times(rebuilt),
            last.unwrap_or_default()
        );
    }
    if actor.restarts > 0 {
        let last = actor.last_fault.as_deref().map(plain).unwrap_or_default();
        let _ = write!(text, "; started again {}, last by {last}", times(actor.restarts));
    }
    text
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

/// What a fault says is shown, never obeyed.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(FAULT_CHARACTERS).collect()
}

fn name(actor: &ActorState) -> &str {
    if actor.depth == 0 { &actor.path } else { actor.path.rsplit('/').next().unwrap_or_default() }
}

fn micros(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1.0e6)
}

/// `antiphon actors`: the tree that a rig makes, running on the null clock.
///
/// # Errors
/// [`Error`] where the rig cannot be played.
pub(super) fn actors(rig: Option<&Path>, json: bool, kinds: &Kinds) -> Result<(), Error> {
    let rig = load_rig(rig, kinds)?;
    let expected = rig.actors.len();
    let live = Live::start(Job {
        rig,
        scores: Vec::new(),
        demo: None,
        request: AudioRequest { driver: DriverChoice::Null, ..AudioRequest::default() },
        record: None,
        log: None,
        black_box: None,
        seconds: None,
        injections: Vec::new(),
        scene: None,
        watch: None,
        mending: Mending::default(),
    })?;
    let begun = Instant::now();
    let is_grown = |actors: &[ActorState]| {
        let keepers = actors.iter().filter(|actor| actor.stage.is_some()).count();
        keepers == expected && actors.len() > expected && actors.iter().all(|actor| actor.state == "running")
    };
    let mut actors = live.actors();
    while !is_grown(&actors) && begun.elapsed() < GROWN {
        std::thread::sleep(LOOK);
        actors = live.actors();
    }
    live.stop();
    if json {
        super::print_json(&actors.iter().map(ActorLine::of).collect::<Vec<_>>())?;
    } else {
        // Whoever asked and went away misses nothing but this.
        let _ = writeln!(std::io::stdout(), "{}", tree(&actors));
        super::tell(
            "of an engine that plays: press `a` in its window, or send it SIGUSR1; `--json` has it at the end",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::midi::TrafficCount;
    use crate::engine::StageState;
    use crate::engine::live::StageReport;

    fn actor(path: &str, depth: usize) -> ActorState {
        ActorState {
            path: path.to_owned(),
            depth,
            state: "running",
            restarts: 0,
            last_fault: None,
            waiting: 0,
            handled: 7,
            p50: Some(Duration::from_micros(12)),
            p99: Some(Duration::from_micros(120)),
            current: None,
            stage: None,
            port: None,
        }
    }

    #[test]
    fn the_tree_is_indented_and_says_who_failed() {
        let mut bass = actor("/engine/instrument/bass", 2);
        bass.restarts = 2;
        bass.last_fault = Some("killed: \x1b[31mon purpose".to_owned());
        bass.stage = Some(StageReport {
            state: StageState::Quarantined,
            faults: 4,
            rebuilt: 3,
            last_fault: Some(("panic".to_owned(), 480)),
        });
        let actors = [actor("/engine", 0), actor("/engine/instrument", 1), bass.clone()];
        let text = tree(&actors);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("/engine  ") && lines[1].starts_with("  instrument  "), "{text}");
        for part in [
            "    bass",
            "quarantined",
            "7 handled",
            "50 % in 12 µs",
            "failed 4 times, rebuilt 3 times, last panic at frame 480",
            "started again twice, last by killed:  [31mon purpose",
        ] {
            assert!(lines[2].contains(part), "{part:?} is not in\n{text}");
        }
        let lines: Vec<ActorLine> = actors.iter().map(ActorLine::of).collect();
        assert_eq!(failed(&lines).len(), 1);
        let json = serde_json::to_value(&lines[2]).expect("it serialises");
        assert_eq!(json["processor"]["state"], "quarantined");
        assert_eq!(json["p50_us"], 12.0);
        let mut keys = actor("/engine/device/midi/keys", 3);
        assert!(!tree(&[keys.clone()]).contains("connected"));
        let connected =
            vec![Identity { name: "KeyStep".into(), usb: Some("1-1".into()), ..Identity::default() }];
        let traffic = TrafficCount { received: 9, restored: 2, ..TrafficCount::default() };
        keys.port = Some(PortReport { connected, traffic });
        let text = tree(&[keys.clone()]);
        assert!(text.ends_with("; KeyStep: 9 in, 0 out, 2 restored"), "{text}");
        let json = serde_json::to_value(ActorLine::of(&keys)).expect("it serialises");
        assert_eq!(
            (&json["port"]["received"], &json["port"]["connected"][0]["usb"]),
            (&9.into(), &"1-1".into())
        );
    }
}
