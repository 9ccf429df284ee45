//! Why there is null: at each path that no measurement has said it of.

use serde_json::Value;

use super::Report;
use crate::device::audio::DriverChoice;

/// Where figures are, and what they were measured on.
const PARTS: [&str; 9] =
    ["machine", "latency", "rt", "render", "rings", "actors", "midi", "soak", "conditions"];

/// Reasons that always hold, by how a path begins.
const ALWAYS: [(&str, &str); 10] = [
    ("machine.governor", "the kernel does not say, as in most virtual machines"),
    ("machine.sound[].version", "it does not say"),
    ("machine.sound", "none runs"),
    ("machine", "the system does not say"),
    ("conditions", "the system does not say, or it was too short"),
    ("render.instruments[].preset", "it has none"),
    ("latency.midi.pairs[].round_trip_frames", "only JACK's ports count in frames"),
    ("latency.midi.pairs[]", "nothing came back"),
    ("latency.key_to_sound.midi_ms", "keys were struck and not sent"),
    ("latency.budget.", "that part was not measured"),
];

/// Paths that are null where another is, and why.
const AS: [(&str, &str); 4] = [
    ("latency.key_to_sound", "latency.key_to_sound_ms"),
    ("rt.lateness_bound", "rt.cyclictest_us"),
    ("rt.histogram", "rt.callback_us"),
    ("rt.wakeup_histogram", "rt.wakeup_us"),
];

/// What only a driver that says when callbacks are due can tell.
const DUE: [&str; 4] = [
    "rt.lateness_histogram",
    "rt.missed_deadlines",
    "rt.trials[].missed_deadlines",
    "rt.without_pressure.lateness_us",
];

impl Report {
    /// Gives each null, and each empty list, a reason that has none at its path or at what it is a part of.
    pub(in crate::measure) fn give_reasons(&mut self) {
        for path in self.without_reason() {
            let why = self.why(&path);
            self.not_measured.insert(path, why);
        }
    }

    /// Paths of what is null or empty without a reason.
    fn without_reason(&self) -> Vec<String> {
        let value = serde_json::to_value(self).unwrap_or_default();
        let mut found = Vec::new();
        for part in PARTS {
            if let Some(value) = value.get(part) {
                self.walk(part, value, &mut found);
            }
        }
        found.dedup();
        found
    }

    fn walk(&self, path: &str, value: &Value, found: &mut Vec<String>) {
        if self.not_measured.contains_key(path) {
            return;
        }
        match value {
            Value::Null => found.push(path.to_owned()),
            Value::String(text) if text.is_empty() => found.push(path.to_owned()),
            Value::Array(values) if values.is_empty() => found.push(path.to_owned()),
            Value::Array(values) => {
                let mut below = Vec::new();
                values.iter().for_each(|value| self.walk(&format!("{path}[]"), value, &mut below));
                below.sort();
                below.dedup();
                found.extend(below);
            }
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| self.walk(&format!("{path}.{name}"), value, found));
            }
            _ => {}
        }
    }

    fn why(&self, path: &str) -> String {
        let begins = |begin: &str| path.starts_with(begin);
        let is_null = self.rt.driver.as_deref().is_none_or(|driver| driver == DriverChoice::Null.name());
        if let Some((_, why)) = ALWAYS.iter().find(|(begin, _)| begins(begin)) {
            return (*why).to_owned();
        }
        if !is_null && DUE.iter().any(|begin| begins(begin)) {
            return "only the null clock says when a callback is due".to_owned();
        }
        if let Some(why) =
            AS.iter().find(|(of, _)| path == *of).and_then(|(_, other)| self.not_measured.get(*other))
        {
            return why.clone();
        }
        match path {
            _ if self.stopped => "stopped before its turn",
            "rt.without_pressure" => "there was no pressure: --busy 0",
            "rt.trials" => "nothing was looked for",
            _ => "it could not be told",
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{MEASUREMENTS, Run, Settings, Stop, measure};

    #[test]
    fn whatever_is_null_or_empty_has_a_reason_at_its_path_or_above() {
        let stopped = Stop::default();
        stopped.stop();
        let settings = || Settings { driver: DriverChoice::Null, seconds: Some(0.2), ..Settings::default() };
        let all: Vec<&str> = MEASUREMENTS.iter().map(|measurement| measurement.name).collect();
        for (names, stop, voices) in
            [(&all[..], stopped, None), (&["latency", "rt", "rings"][..], Stop::default(), Some(1))]
        {
            let mut run = Run::new(Settings { voices, block_frames: Some(1_024), ..settings() }, stop, &());
            measure(names, &mut run);
            assert_eq!(run.report.without_reason(), Vec::<String>::new());
            assert!(run.report.not_measured.values().all(|why| !why.is_empty()));
        }
    }

    #[test]
    fn a_part_of_the_way_each_has_its_own_reason() {
        let mut report = Report { stopped: true, ..Report::default() };
        report.not_measured.insert("rt.cyclictest_us".to_owned(), "it is not installed".to_owned());
        report.not_measured.insert("soak".to_owned(), "not asked for".to_owned());
        report.give_reasons();
        let why = |path: &str| report.not_measured.get(path).map(String::as_str);
        assert_eq!(why("machine.governor"), Some("the kernel does not say, as in most virtual machines"));
        assert_eq!(why("rt.lateness_bound"), Some("it is not installed"));
        for path in ["rt.without_pressure", "rt.wakeup_histogram", "rt.trials", "render.by_voices"] {
            assert_eq!(why(path), Some("stopped before its turn"), "{path}");
        }
        assert_eq!((why("soak.xruns"), report.without_reason().len()), (None, 0));
    }
}
