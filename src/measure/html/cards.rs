//! The figures that most people came for.

use super::markup::Markup;
use crate::measure::report::Report;
use crate::measure::summary::{Quantity, micros, number};

struct Card {
    what: &'static str,
    quantity: Quantity,
    note: String,
}

pub(super) fn write(page: &mut Markup, report: &Report) {
    let cards: Vec<Card> = cards(report).into_iter().flatten().collect();
    if cards.is_empty() {
        return;
    }
    page.open("section", &[("id", &"cards"), ("aria-label", &"Main figures")]);
    for card in cards {
        page.open("div", &[("class", &"card")]);
        page.leaf("p", &[("class", &"what")], card.what);
        page.open("p", &[("class", &"much")]);
        page.leaf("strong", &[], &card.quantity.number);
        page.text(&format!(" {}", card.quantity.unit));
        page.close();
        page.leaf("p", &[("class", &"note")], &card.note);
        page.close();
    }
    page.close();
}

fn cards(report: &Report) -> [Option<Card>; 7] {
    let (latency, rt) = (&report.latency, &report.rt);
    let card = |what, quantity, note: String| Card { what, quantity, note };
    let block = rt.block_frames.map_or_else(String::new, |frames| format!("at {frames} frames a block"));
    [
        rt.max_voices.map(|voices| card("Voices held", Quantity::count(u64::from(voices), "voices"), block)),
        latency.key_to_sound_ms.map(|ms| {
            let worst =
                latency.key_to_sound.as_ref().map(|key| format!("99 % within {} ms", number(key.trips.p99)));
            card("Key to sound", Quantity::of(ms, "ms"), worst.unwrap_or_default())
        }),
        latency.audio.round_trip_ms.map(|ms| {
            let frames = latency.audio.round_trip_frames.map(|frames| format!("{frames:.2} frames"));
            card("Sound out and in", Quantity::of(ms, "ms"), frames.unwrap_or_default())
        }),
        latency.midi.round_trip_us.as_ref().map(|trips| {
            let note = format!("99 % within {}", micros(trips.p99));
            card("MIDI out and in", micros(trips.median), note)
        }),
        rt.callback_us.as_ref().filter(|callback| callback.budget > 0.0).map(|callback| {
            let share = 100.0 * callback.p999 / callback.budget;
            let note = format!("of its {} in 99.9 % of all", micros(callback.budget));
            card("Callback takes at most", Quantity::of(share, "%"), note)
        }),
        rt.xruns.map(|xruns| {
            let load = rt.load.as_ref().map(|load| format!("in {} s", number(load.seconds)));
            card("Xruns", Quantity::count(xruns, ""), load.unwrap_or_default())
        }),
        report.render.realtime_factor.map(|factor| {
            card(
                "Rendering",
                Quantity::of(factor, "× real time"),
                "64 voices with reverb, one thread".to_owned(),
            )
        }),
    ]
}
