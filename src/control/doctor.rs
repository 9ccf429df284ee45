//! `antiphon doctor`: what on this machine could make sound crackle, and what
//! to do about each.

#[cfg(target_os = "linux")]
mod linux;
mod wakeups;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::device::audio::scheduling::Scheduling;
use crate::device::audio::{self, AudioRequest, Callback, CallbackStats, DriverChoice};
use crate::rt::baton::Baton;

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It will do until the load is high.
    Warn,
    /// Sound will crackle.
    Fail,
    /// The system does not say.
    Unknown,
}

/// One thing that was looked at. This is the JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Check {
    /// What was looked at.
    pub check: &'static str,
    /// How it came out.
    pub status: Status,
    /// What there is.
    pub found: String,
    /// What there should be.
    pub wanted: String,
    /// What it costs, measured here where that is said; null where nothing is known.
    pub costs: Option<String>,
    /// What to do; empty where nothing is to be done.
    pub fix: String,
}

impl Check {
    fn new(check: &'static str, wanted: &str, found: impl Into<String>) -> Check {
        let (found, wanted) = (found.into(), wanted.to_owned());
        Check { check, status: Status::Ok, found, wanted, costs: None, fix: String::new() }
    }

    /// The same, with what it costs.
    fn costing(self, costs: Option<String>) -> Check {
        Check { costs, ..self }
    }

    /// The same, not as it should be.
    fn but(self, status: Status, fix: impl Into<String>) -> Check {
        Check { status, fix: fix.into(), ..self }
    }
}

/// Looks, and prints what it found for people or as JSON. Gives the exit status:
/// 0, since looking is all that it was asked for.
pub fn doctor(json: bool) -> u8 {
    doctor_to(&checks(), json, &mut io::stdout().lock())
}

/// Prints checks elsewhere. Gives the exit status.
pub fn doctor_to(checks: &[Check], json: bool, out: &mut dyn Write) -> u8 {
    // A reader that went away (`doctor | head`) is no error.
    let _ = if json {
        serde_json::to_string_pretty(checks).map_err(io::Error::from).and_then(|text| writeln!(out, "{text}"))
    } else {
        out.write_all(for_people(checks).as_bytes())
    };
    0
}

/// Looks at this machine. Real-time: no.
pub fn checks() -> Vec<Check> {
    let scheduling = callback_scheduling();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let wakeups = wakeups::Wakeups::measure();
    let callback = callback_check(scheduling).costing(wakeups.map(|wakeups| wakeups.costs()));
    let mut checks = vec![callback, isolation_check(processors, scheduling)];
    #[cfg(target_os = "linux")]
    checks.extend(linux::checks(scheduling));
    checks
}

const CALLBACK: &str = "callback thread";
const RTPRIO_FIX: &str = "write `@audio - rtprio 95` and `@audio - memlock unlimited` to \
     /etc/security/limits.d/95-audio.conf (as root), `sudo usermod -aG audio $USER`, log out and in";

/// What the callback's thread really gets: asked of a null clock that runs.
fn callback_scheduling() -> Scheduling {
    let request = AudioRequest {
        driver: DriverChoice::Null,
        block_frames: Some(64),
        client_name: "antiphon-doctor".to_owned(),
        ..AudioRequest::default()
    };
    let Ok(mut opened) = audio::open(&request) else { return Scheduling::Unknown };
    let stats = Arc::new(CallbackStats::new(opened.driver.info().rate));
    let callback = Callback::new(Arc::new(Baton::empty()), Arc::clone(&stats));
    if opened.driver.start(callback, Vec::new()).is_err() {
        return Scheduling::Unknown;
    }
    let begin = Instant::now();
    while stats.callbacks() < 5 && begin.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(1));
    }
    opened.driver.stop();
    stats.scheduling()
}

fn callback_check(scheduling: Scheduling) -> Check {
    let check = Check::new(CALLBACK, "a realtime class (fifo:70)", scheduling.to_string());
    match scheduling {
        Scheduling::Unknown => check.but(Status::Unknown, "nothing: this system does not tell"),
        Scheduling::Other => check.but(Status::Fail, RTPRIO_FIX),
        _ => check,
    }
}

/// Whether stages that a rig marks `isolate = true` can have threads of their own.
fn isolation_check(processors: usize, scheduling: Scheduling) -> Check {
    let found = match processors {
        1 => "1 processor".to_owned(),
        more => format!("{more} processors"),
    };
    let check = Check::new("isolation", "2 processors or more, and a realtime class", found);
    if processors < 2 {
        let fix = "give this program, or this virtual machine, another processor; until then \
             `isolate = true` changes nothing";
        return check.but(Status::Warn, fix);
    }
    if scheduling == Scheduling::Other {
        return Check { found: format!("{}, but no realtime class", check.found), ..check }
            .but(Status::Warn, RTPRIO_FIX);
    }
    check
}

fn for_people(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let status = match check.status {
            Status::Ok => "ok",
            Status::Warn => "WARN",
            Status::Fail => "FAIL",
            Status::Unknown => "?",
        };
        let _ = writeln!(text, "{status:<5} {:<18} {}", check.check, shown(&check.found));
        if check.status != Status::Ok {
            let _ = writeln!(text, "      {:<18} wanted: {}", "", check.wanted);
        }
        if let Some(costs) = &check.costs {
            let _ = writeln!(text, "      {:<18} costs: {}", "", shown(costs));
        }
        if check.status != Status::Ok {
            let _ = writeln!(text, "      {:<18} do: {}", "", shown(&check.fix));
        }
    }
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let (fails, warnings) = (count(Status::Fail), count(Status::Warn));
    let _ = match (fails, warnings) {
        (0, 0) => writeln!(text, "This machine is ready to play."),
        (0, _) => writeln!(text, "This machine will play; {warnings} of these could be better."),
        _ => writeln!(text, "Sound may crackle on this machine until what failed is put right."),
    };
    text
}

/// Names of gear come from outside: they are shown, not obeyed.
fn shown(text: &str) -> String {
    text.chars().map(crate::rig::printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callback_thread_is_judged_by_what_it_got() {
        assert_eq!(callback_check(Scheduling::Fifo(70)).status, Status::Ok);
        let other = callback_check(Scheduling::Other);
        assert!(other.status == Status::Fail && other.fix.contains("rtprio 95"));
        assert_eq!(callback_check(Scheduling::Unknown).status, Status::Unknown);
    }

    #[test]
    fn isolation_needs_two_processors_and_a_realtime_class() {
        assert_eq!(isolation_check(2, Scheduling::Fifo(70)).status, Status::Ok);
        let one = isolation_check(1, Scheduling::Fifo(70));
        assert!(one.status == Status::Warn && one.fix.contains("another processor"), "{one:?}");
        let other = isolation_check(4, Scheduling::Other);
        assert!(other.status == Status::Warn && other.fix.contains("rtprio 95"), "{other:?}");
    }

    #[test]
    fn whatever_is_not_ok_says_what_to_do() {
        let checks = checks();
        assert_eq!(checks[0].check, CALLBACK);
        for check in &checks {
            assert!(!check.found.is_empty() && !check.wanted.is_empty(), "{check:?}");
            assert_eq!(check.fix.is_empty(), check.status == Status::Ok, "{check:?}");
            assert!(check.costs.as_ref().is_none_or(|costs| !costs.is_empty()), "{check:?}");
        }
        assert!(checks[0].costs.as_ref().is_some_and(|costs| costs.contains("measured for 1 s")));
        let mut json = Vec::new();
        assert_eq!(doctor_to(&checks, true, &mut json), 0);
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        let status = json[0]["status"].as_str().expect("a text");
        assert!(["ok", "warn", "fail", "unknown"].contains(&status));
        assert!(
            json.as_array().is_some_and(|checks| checks.iter().all(|check| check.get("costs").is_some()))
        );
        assert!(for_people(&checks).contains(CALLBACK));
    }
}
