use super::{Curve, Plot, Quantity, Row, Section, nanos, number};
use crate::measure::Report;
use crate::measure::report::Point;

pub(super) fn render(report: &Report) -> Section {
    let mut section =
        Section::new("render", "Rendering", "How fast it computes sound when nobody waits for it.");
    let render = &report.render;
    let factor = render.realtime_factor.map(|factor| Quantity::of(factor, "× real time"));
    section.row("one thread", factor, "64 voices with reverb");
    section.row("one processor", render.voices_per_core.map(|voices| Quantity::of(voices, "voices")), "");
    for cost in &render.instruments {
        let what = match &cost.preset {
            Some(preset) => format!("  {} {preset}", cost.kind),
            None => format!("  {}", cost.kind),
        };
        let note = format!("{} ns a frame and voice, {} sounded", number(cost.ns_per_frame), cost.voices);
        section.rows.push(Row { what, quantity: Quantity::of(cost.voices_per_core, "voices"), note });
    }
    let share = |title, x, points: &[Point]| Curve {
        title,
        x,
        y: "of one processor",
        y_unit: "%",
        points: points.iter().map(|point| Point { x: point.x, y: 100.0 * point.y }).collect(),
        limit: Some(100.0),
    };
    let factor =
        |title, x, points: Vec<Point>| Curve { title, x, y: "real time", y_unit: "×", points, limit: None };
    let threads = |y: fn(&crate::measure::report::ThreadCost) -> f64| {
        render.by_threads.iter().map(|cost| Point { x: f64::from(cost.threads), y: y(cost) }).collect()
    };
    let curves = [
        share("Cost by voices", "voices", &render.by_voices),
        share("Cost by stages", "stages", &render.by_stages),
        share("Cost by tracks", "tracks", &render.by_tracks),
        share("Cost by events", "events a second", &render.by_events),
        factor("Speed by block", "frames a block", render.by_block.clone()),
        factor("Speed by threads", "renders side by side", threads(|cost| cost.realtime_factor)),
    ];
    section.plots.extend(curves.into_iter().filter(|curve| !curve.points.is_empty()).map(Plot::Curve));
    section
}

pub(super) fn rings(report: &Report) -> Section {
    let mut section =
        Section::new("rings", "Doors", "What the ways between the audio thread and the rest cost.");
    let rings = &report.rings;
    section.row("ring", rings.event_ns.map(nanos), "an event, in and out");
    section.row("ring, two threads", rings.event_across_ns.map(nanos), "an event from one to the other");
    section.row("stream", rings.sample_ns.map(nanos), "a sample");
    section.row("latest", rings.latest_ns.map(nanos), "a value");
    section.row("loan", rings.loan_ns.map(nanos), "a parcel, there and back");
    let refused = rings.refused.map(|count| Quantity::count(count, ""));
    section.row("refused", refused, "as many as were sent too many");
    section
}

pub(super) fn actors(report: &Report) -> Section {
    let mut section = Section::new("actors", "Actors", "What messages between the engine's parts cost.");
    let actors = &report.actors;
    section.row("tell", actors.tell_ns.map(nanos), "a message");
    section.row("ask", actors.ask_ns.map(nanos), "a question and its answer");
    section.row("publish", actors.publish_ns.map(nanos), "a message to one subscriber");
    section.row("spawn", actors.spawn_ns.map(nanos), "an actor started and ended");
    section.row("restart", actors.restart_us.map(super::micros), "from a panic to the next message");
    section.row("restarts", actors.restarts.map(|count| Quantity::count(count, "")), "meanwhile");
    section.row("messages lost", actors.dropped.map(|count| Quantity::count(count, "")), "meanwhile");
    section
}

pub(super) fn midi(report: &Report) -> Section {
    let mut section = Section::new("midi", "MIDI", "What MIDI costs inside the engine.");
    let midi = &report.midi;
    section.row("decode", midi.decode_ns_per_byte.map(nanos), "a byte");
    section.row("encode", midi.encode_ns.map(nanos), "an event");
    section.row("event", midi.event_ns.map(nanos), "from its ring to an instrument");
    section.row("cable", midi.cable_ns.map(nanos), "a note along a plain cable");
    let count = |count: Option<u64>| count.map(|count| Quantity::count(count, ""));
    section.row("events sent", count(midi.sent), "");
    section.row("  too late", count(midi.late), "after their frame");
    section.row("  lost", count(midi.dropped), "");
    section
}
