use super::{Quantity, Row, Section, number, seconds};
use crate::measure::Report;

const MIB: f64 = 1_048_576.0;

pub(super) fn section(report: &Report) -> Section {
    let mut section = Section::new("soak", "Endurance", "What a long time with faults comes to.");
    let soak = &report.soak;
    let count = |value: Option<u64>| value.map(|value| Quantity::count(value, ""));
    section.row(
        "played for",
        soak.seconds.map(seconds),
        soak.driver.as_ref().map_or_else(String::new, |driver| format!("on {driver}")),
    );
    let recovered =
        soak.recovered.map_or_else(String::new, |count| format!("after {count} of them all was back"));
    section.row("faults on purpose", count(soak.faults), recovered);
    section.row("hung notes", count(soak.hung_notes), "0 is right");
    let hourly = soak.xruns_per_hour.map_or_else(String::new, |rate| format!("{} in an hour", number(rate)));
    section.row("xruns", count(soak.xruns), hourly);
    section.row("violations", count(soak.violations), "allocations inside the callback; 0 is right");
    if let Some(memory) = &soak.memory {
        let first = format!("{} MiB at first", number(memory.begin_bytes as f64 / MIB));
        let hourly = memory.bytes_per_hour.map(|rate| format!("; {} MiB an hour", number(rate / MIB)));
        let note = first + &hourly.unwrap_or_default();
        section.row("memory at the end", Some(Quantity::of(memory.end_bytes as f64 / MIB, "MiB")), note);
    }
    if let Some(drift) = &soak.drift {
        let ppm = |what: &str, value: Option<f64>, note: &str| {
            value.map(|ppm| Row {
                what: what.to_owned(),
                quantity: Quantity::of(ppm, "ppm"),
                note: note.to_owned(),
            })
        };
        section.rows.extend(ppm("audio clock drifts", drift.audio_ppm, "against the system's"));
        section.rows.extend(ppm("MIDI clock drifts", drift.midi_ppm, "against the audio frames"));
    }
    section
}
