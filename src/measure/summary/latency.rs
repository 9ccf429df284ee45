use super::{Mark, Plot, Quantity, Section, micros, number};
use crate::measure::Report;
use crate::measure::report::{Budget, Trips};

pub(super) fn section(report: &Report) -> Section {
    let mut section =
        Section::new("latency", "Latency", "How long sound and keys take through the system and back.");
    audio(&mut section, report);
    midi(&mut section, report);
    key_to_sound(&mut section, report);
    if let Some(budget) = &report.latency.budget {
        shares(&mut section, budget);
    }
    section
}

fn audio(section: &mut Section, report: &Report) {
    let audio = &report.latency.audio;
    let frames = |value: Option<f64>| value.map(|frames| Quantity::fixed(frames, 2, "frames"));
    let in_frames = audio.round_trip_frames.map(|frames| format!("{frames:.2} frames"));
    let rounds = match audio.lost {
        0 => format!("{} rounds", audio.rounds),
        lost => format!("{} rounds, of which {lost} never came back", audio.rounds),
    };
    let note = [in_frames, Some(rounds)].into_iter().flatten().collect::<Vec<_>>().join(", ");
    section.row("audio round trip", audio.round_trip_ms.map(|ms| Quantity::of(ms, "ms")), note);
    section.row("  rounds differ by", frames(audio.spread_frames), "");
    let beyond =
        audio.round_trip_frames.zip(audio.claimed_frames).map_or_else(String::new, |(real, claimed)| {
            match real - claimed {
                less if less.abs() < 0.5 => "as it is".to_owned(),
                less if less > 0.0 => format!("really it is {less:.1} frames more"),
                more => format!("really it is {:.1} frames fewer", -more),
            }
        });
    section.row("  the driver claims", frames(audio.claimed_frames), beyond);
    section.row("  the engine adds", frames(audio.engine_frames), "");
    section.row(
        "  level at return",
        audio.gain_decibels.map(|gain| Quantity::fixed(gain, 1, "dB")),
        audio.clarity_decibels.map_or_else(String::new, |clear| format!("{clear:.0} dB above the noise")),
    );
    if audio.round_trip_frames.is_some() || audio.rounds > 0 {
        section.text("  path", audio.path.as_ref());
        section
            .text("  driver", stream(audio.driver.as_ref(), audio.rate_hertz, audio.block_frames).as_ref());
    }
}

/// The driver, its rate and block in a line.
pub(super) fn stream(driver: Option<&String>, rate: Option<u32>, block: Option<u32>) -> Option<String> {
    let parts = [
        driver.cloned(),
        rate.map(|hertz| format!("{} kHz", f64::from(hertz) / 1_000.0)),
        block.map(|frames| format!("{frames} frames a block")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn midi(section: &mut Section, report: &Report) {
    let midi = &report.latency.midi;
    if let Some(trips) = &midi.round_trip_us {
        section.row("MIDI round trip", Some(micros(trips.median)), spread(trips, "µs"));
    }
    if let Some(trips) = &midi.round_trip_frames {
        section.row("  in frames", Some(Quantity::of(trips.median, "frames")), spread(trips, "frames"));
    }
    section.row("  MIDI jitter", midi.peak_jitter_us.map(micros), "the longest less the shortest");
    section.text("  ports", midi.path.as_ref());
    section.text("  driver", midi.driver.as_ref());
    // What stands above is of the first.
    for pair in midi.pairs.iter().skip(1) {
        let Some(trips) = &pair.round_trip_us else {
            section.text("MIDI, nothing came", Some(&pair.path));
            continue;
        };
        let note = format!("{}: {}", pair.path, spread(trips, "µs"));
        section.row("MIDI round trip", Some(micros(trips.median)), note);
    }
    if let Some(histogram) = &midi.histogram {
        let at = |what, at| Mark { what, at, is_limit: false };
        let marks = midi
            .round_trip_us
            .as_ref()
            .map_or_else(Vec::new, |trips| vec![at("median", trips.median), at("99 %", trips.p99)]);
        section.plots.push(Plot::Spread {
            title: "How long MIDI messages took",
            of: "messages",
            histogram: histogram.clone(),
            marks,
        });
    }
}

/// From the shortest to the longest, and how many.
fn spread(trips: &Trips, unit: &str) -> String {
    let lost = match trips.lost {
        0 => "none lost".to_owned(),
        lost => format!("{lost} LOST"),
    };
    format!(
        "{} to {}, 99 % within {} {unit}; {} sent, {lost}",
        number(trips.min),
        number(trips.max),
        number(trips.p99),
        trips.sent
    )
}

fn key_to_sound(section: &mut Section, report: &Report) {
    let Some(ms) = report.latency.key_to_sound_ms else { return };
    let whole = report.latency.key_to_sound.as_ref();
    let note = whole.map_or_else(String::new, |whole| spread(&whole.trips, "ms"));
    section.row("key to sound", Some(Quantity::of(ms, "ms")), note);
    section.text("  path", whole.map(|whole| &whole.path));
    let method = whole.map(|whole| match whole.method.as_str() {
        "struck" => "from the key's own click to the sound, both by the microphone".to_owned(),
        "sent" => "from a note that was sent as MIDI to its sound".to_owned(),
        other => other.to_owned(),
    });
    section.text("  measured", method.as_ref());
}

/// Who takes how much, by name, in the order in which it happens.
pub fn budget_parts(budget: &Budget) -> [(&'static str, Option<f64>); 5] {
    [
        ("MIDI", budget.midi_ms),
        ("fixed MIDI latency", budget.midi_latency_ms),
        ("one block", budget.block_ms),
        ("driver and device", budget.driver_ms),
        ("engine", budget.engine_ms),
    ]
}

fn shares(section: &mut Section, budget: &Budget) {
    if budget_parts(budget).iter().all(|(_, ms)| ms.is_none()) {
        return;
    }
    for (what, ms) in budget_parts(budget) {
        let note = match (what, budget.engine_blocks) {
            ("engine", Some(blocks)) => format!("{} blocks", number(blocks)),
            _ => String::new(),
        };
        section.row(what, ms.map(|ms| Quantity::of(ms, "ms")), note);
    }
    section.plots.push(Plot::Shares(budget.clone()));
}
