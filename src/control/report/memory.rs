use std::fmt;

use serde::Serialize;

use super::{RunReport, common, count, duration, row};

/// What a log came to.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct LogReport {
    /// The file; `null` where it broke off.
    pub path: Option<String>,
    /// Frames that it holds.
    pub frames: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Events, commands and sounds that found no room in it: it cannot be played
    /// beyond the first of them.
    pub lost_records: u64,
    /// Why its end is missing, if it is.
    pub error: Option<String>,
}

/// What `replay --json` prints at its end.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
pub struct ReplayReport {
    /// The WAV.
    pub path: String,
    /// The log.
    pub log: String,
    /// What it shares with `play` and `render`.
    #[serde(flatten)]
    pub run: RunReport,
    /// How many times faster than real time it went.
    pub realtime_factor: f64,
    /// Why it is shorter than what was played, if it is.
    pub breaks_off: Option<String>,
    /// Why bits may differ from what was played, if they may.
    pub foreign: Option<String>,
}

impl fmt::Display for ReplayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = &self.run;
        row(f, "replayed", &format!("{} to {}", duration(run), self.path))?;
        common(f, run)?;
        if let Some(why) = &self.breaks_off {
            row(f, "ends early", &format!("the log breaks off: {why}"))?;
        }
        if let Some(why) = &self.foreign {
            row(f, "may differ", why)?;
        }
        row(f, "speed", &format!("{:.1} × real time, {} Hz", self.realtime_factor, run.rate_hertz))
    }
}

impl LogReport {
    /// Its line at the end of `play`.
    pub(super) fn row(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.error {
            return row(f, "log", &format!("it ends early: {error}"));
        }
        let Some(path) = &self.path else { return Ok(()) };
        let lost = match self.lost_records {
            0 => String::new(),
            lost => format!("; {} found no room", count(lost, "record")),
        };
        row(f, "log", &format!("{} bytes in {path}{lost}; `antiphon replay` plays it again", self.bytes))
    }
}
