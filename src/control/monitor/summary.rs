//! What is said at the end.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::intervals::{Regularity, is_steady};
use super::meter::{Counts, Meter};
use super::view::{View, shown};
use crate::device::midi::listen::{HeardPort, Listening};

/// Kinds of messages whose histogram people are shown.
const SHOWN: usize = 6;
const BAR_WIDTH: u64 = 40;

/// The final object of `--json`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Summary {
    driver: &'static str,
    seconds: f64,
    stopped_by: &'static str,
    #[serde(flatten)]
    counts: Counts,
    /// Messages that found no room between the MIDI thread and the monitor.
    lost: u64,
    /// How often the system dropped events before that.
    system_overflows: u64,
    /// Counted, but the output was too slow to show them.
    not_shown: u64,
    /// Counted, and hidden as asked.
    hidden: u64,
    /// Whether there were more ports than can be heard.
    more_ports: bool,
    ports: Vec<PortSummary>,
    regularity: Vec<Regularity>,
    /// Messages of kinds beyond the 256 whose intervals are kept.
    beyond: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
struct PortSummary {
    name: String,
    is_there: bool,
    #[serde(flatten)]
    counts: Counts,
}

impl Summary {
    pub(super) fn of(
        listening: &Listening,
        meter: &Meter,
        view: &View,
        ports: &[HeardPort],
        elapsed: Duration,
        stopped_by: &'static str,
        not_shown: u64,
    ) -> Summary {
        let port = |(index, port): (usize, &HeardPort)| PortSummary {
            name: port.name.clone(),
            is_there: port.is_there,
            counts: meter.port_counts(index as u16),
        };
        Summary {
            driver: listening.driver,
            seconds: elapsed.as_secs_f64(),
            stopped_by,
            counts: meter.counts().clone(),
            lost: listening.tape.lost(),
            system_overflows: listening.overflows(),
            not_shown,
            hidden: view.hidden(),
            more_ports: listening.refused_ports() > 0,
            ports: ports.iter().enumerate().map(port).collect(),
            regularity: meter.regularities(ports),
            beyond: meter.beyond(),
        }
    }

    pub(super) fn for_people(&self) -> String {
        let mut text = String::new();
        let heard = self.ports.iter().filter(|port| port.counts.events > 0).count();
        // A String takes all.
        let _ = writeln!(
            text,
            "\n{} events, {} bytes in {:.3} s from {heard} of {} ports{}",
            self.counts.events,
            self.counts.bytes,
            self.seconds,
            self.ports.len(),
            self.troubles(),
        );
        let steady: Vec<&Regularity> = self.regularity.iter().filter(|kind| is_steady(kind)).collect();
        for kind in steady.iter().take(SHOWN) {
            text.push_str(&regularity(kind));
        }
        if steady.len() > SHOWN {
            let _ = writeln!(text, "\n{} more kinds of messages: see --json", steady.len() - SHOWN);
        }
        text
    }

    /// What was not heard or not shown, in words.
    fn troubles(&self) -> String {
        let mut text = String::new();
        for (count, what) in [
            (self.counts.broken_sysex, "SysEx without an end"),
            (self.lost, "lost: they came faster than could be counted"),
            (self.system_overflows, "times the system dropped events"),
            (self.not_shown, "not shown: the output was too slow"),
            (self.hidden, "hidden as asked"),
        ] {
            if count > 0 {
                let _ = write!(text, "; {count} {what}");
            }
        }
        if self.more_ports {
            text.push_str("; there are more ports than can be heard at once");
        }
        text
    }
}

fn regularity(kind: &Regularity) -> String {
    let mut text = format!("\n{}: {}", shown(&kind.port), kind.message.replace('-', " "));
    if let Some(controller) = kind.controller {
        let _ = write!(text, " {controller}");
    }
    if let Some(channel) = kind.channel {
        let _ = write!(text, " on channel {channel}");
    }
    let _ = write!(text, ", {} times", kind.count);
    if let Some(bpm) = kind.beats_per_minute() {
        let _ = write!(text, ", {bpm:.2} BPM");
    }
    let (interval, deviation) = (&kind.interval_ms, &kind.deviation_us);
    let _ = writeln!(
        text,
        "\n  interval   mean {:.3}  min {:.3}  p50 {:.3}  p99 {:.3}  max {:.3} ms",
        kind.mean_ms, kind.min_ms, interval.p50, interval.p99, interval.max
    );
    let _ = writeln!(
        text,
        "  off it by  p50 {:.1}  p99 {:.1}  max {:.1} µs",
        deviation.p50, deviation.p99, deviation.max
    );
    let counted: u64 = kind.histogram.iter().map(|bucket| bucket.count).sum();
    let most = kind.histogram.iter().map(|bucket| bucket.count).max().unwrap_or(0).max(1);
    let first = kind.histogram.iter().position(|bucket| bucket.count > 0).unwrap_or(0);
    let last = kind.histogram.iter().rposition(|bucket| bucket.count > 0).unwrap_or(0);
    for bucket in &kind.histogram[first..=last] {
        let end = match bucket.up_to_us {
            None => "     more".to_owned(),
            Some(micros) if micros >= 1_000 => format!("≤ {:>4} ms", micros / 1_000),
            Some(micros) => format!("≤ {micros:>4} µs"),
        };
        let bar = "#".repeat(((bucket.count * BAR_WIDTH).div_ceil(most)) as usize);
        let percent = bucket.count as f64 * 100.0 / counted.max(1) as f64;
        let _ = writeln!(text, "    {end}  {:>8}  {percent:>5.1} %  {bar}", bucket.count);
    }
    text
}
