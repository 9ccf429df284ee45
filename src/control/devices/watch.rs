//! `antiphon devices --watch`: MIDI gear as it comes and goes, a line each.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{MidiEntry, midi_entry, midi_line};
use crate::device::midi::Lookout;

/// How long one look takes at most: Ctrl-C is seen between two.
const LOOK: Duration = Duration::from_millis(200);

/// One line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    /// `there`, `arrived` or `lost`.
    event: &'a str,
    /// Since the watch began.
    seconds: f64,
    #[serde(flatten)]
    port: &'a MidiEntry,
}

/// Watches until Ctrl-C, or for so long. Gives the exit status.
pub(super) fn watch(json: bool, seconds: Option<f64>) -> u8 {
    let limit = seconds.map(Duration::from_secs_f64);
    match run(json, limit, &mut io::stdout().lock()) {
        Ok(()) => 0,
        Err(reason) => {
            super::super::tell(&format!("antiphon: {reason}"));
            1
        }
    }
}

fn run(json: bool, limit: Option<Duration>, out: &mut dyn Write) -> Result<(), String> {
    let mut lookout = Lookout::open().map_err(|error| error.to_string())?;
    let begin = Instant::now();
    let mut is_first = true;
    loop {
        let left = limit.map_or(LOOK, |limit| limit.saturating_sub(begin.elapsed()));
        if left.is_zero() && !is_first {
            return Ok(());
        }
        let seen = lookout.look(left.min(LOOK)).map_err(|error| error.to_string())?;
        let arrived = if std::mem::take(&mut is_first) { "there" } else { "arrived" };
        let events = seen.lost.into_iter().map(|port| ("lost", port));
        for (event, port) in events.chain(seen.arrived.into_iter().map(|port| (arrived, port))) {
            let seconds = begin.elapsed().as_secs_f64();
            if print(json, event, seconds, &midi_entry(port), out).is_err() {
                // Whoever read it has gone.
                return Ok(());
            }
        }
    }
}

fn print(json: bool, event: &str, seconds: f64, port: &MidiEntry, out: &mut dyn Write) -> io::Result<()> {
    if json {
        serde_json::to_writer(&mut *out, &Line { event, seconds, port })?;
        writeln!(out)?;
    } else {
        writeln!(out, "{event:<7}  {}", midi_line(port))?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_came_and_how_to_tell_it_from_others() {
        let port = MidiEntry {
            name: "Keys\u{1b}[2J".into(),
            direction: "input",
            id: "24:0".into(),
            serial: Some("A7".into()),
            usb: Some("1-1".into()),
            port: Some(0),
        };
        let printed = |json| {
            let mut out = Vec::new();
            print(json, "arrived", 1.5, &port, &mut out).expect("a vector takes all");
            String::from_utf8(out).expect("text")
        };
        assert_eq!(printed(false), "arrived  midi input   Keys[2J (24:0), serial A7, usb 1-1, port 0\n");
        let line: serde_json::Value = serde_json::from_str(&printed(true)).expect("JSON");
        assert_eq!(
            (&line["event"], &line["serial"], &line["port"]),
            (&"arrived".into(), &"A7".into(), &0.into())
        );
    }
}
