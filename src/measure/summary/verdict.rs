use super::{Quantity, micros, number, rt::load, seconds};
use crate::measure::Report;

/// How good it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// As it should be.
    Good,
    /// It will do, for some.
    Fair,
    /// Not fit to play on.
    Bad,
    /// Neither: a figure, or a remark.
    Plain,
}

/// A sentence of the verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sentence {
    /// How good it is.
    pub tone: Tone,
    /// In plain words.
    pub text: String,
}

fn sentence(tone: Tone, text: impl Into<String>) -> Sentence {
    Sentence { tone, text: text.into() }
}

/// Players feel a key as one with its sound up to here, as Wessel and Wright set it
/// in “Problems and Prospects for Intimate Musical Control of Computers” (2002).
const FELT_AS_ONE_MS: f64 = 10.0;
/// Beyond this it is felt as an echo.
const FELT_AS_LATE_MS: f64 = 20.0;

/// What all figures come to, the most important first. Says nothing of what was not
/// measured.
pub fn verdict(report: &Report) -> Vec<Sentence> {
    let felt = joined(capacity(report), key(report));
    let mut sentences: Vec<Sentence> =
        [rule(report), felt, audio(report), midi(report), render(report), soak(report)]
            .into_iter()
            .flatten()
            .collect();
    if sentences.is_empty() {
        sentences.extend(parts(report));
    }
    if sentences.is_empty() && report.figures.is_empty() {
        sentences.push(sentence(Tone::Plain, "Nothing was measured."));
    }
    if report.stopped {
        sentences.push(sentence(Tone::Plain, "It was stopped early: this is what there was by then."));
    }
    sentences.extend(crowd(report));
    if !report.machine.optimised {
        let text = "This program was built for debugging: a release build is faster than this.";
        sentences.push(sentence(Tone::Fair, text));
    }
    sentences
}

/// Others had much of the machine meanwhile.
fn crowd(report: &Report) -> Option<Sentence> {
    let processors = report.machine.processors;
    let crowded = report.conditions.values().filter(|there| there.is_crowded(processors));
    let most = crowded.map(|there| there.others()).max_by(f64::total_cmp)?;
    let all =
        Quantity::count(u64::from(processors), if processors == 1 { "processor" } else { "processors" });
    let text = format!("Others had {most:.1} of {all} meanwhile: a machine that is left alone does better.");
    Some(sentence(Tone::Fair, text))
}

/// What matters most in one sentence, as good as its worse half.
fn joined(first: Option<Sentence>, second: Option<Sentence>) -> Option<Sentence> {
    let (Some(first), Some(second)) = (&first, &second) else { return first.or(second) };
    let mut letters = second.text.chars();
    let begin = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
    let text = format!("{}; {begin}{}", first.text.trim_end_matches('.'), letters.as_str());
    let tone = match (first.tone, second.tone) {
        (Tone::Bad, _) | (_, Tone::Bad) => Tone::Bad,
        (Tone::Fair, _) | (_, Tone::Fair) => Tone::Fair,
        (tone, _) => tone,
    };
    Some(Sentence { tone, text })
}

/// The one rule of the audio thread.
fn rule(report: &Report) -> Option<Sentence> {
    let broken = report.rt.violations.unwrap_or(0) + report.soak.violations.unwrap_or(0);
    (broken > 0).then(|| {
        let text = format!(
            "The engine allocated memory inside the callback {broken} times: that is a mistake of \
             ours, please tell us."
        );
        sentence(Tone::Bad, text)
    })
}

fn capacity(report: &Report) -> Option<Sentence> {
    let rt = &report.rt;
    let at = rt.block_frames.map_or_else(String::new, |frames| format!("At {frames} frames "));
    let this = if at.is_empty() { "This" } else { "this" };
    // Nothing waits behind the null clock that could be late.
    let unheard = if rt.driver.as_deref() == Some("null") { ", on a clock with no sound card" } else { "" };
    match rt.max_voices {
        Some(0) => {
            return Some(sentence(
                Tone::Bad,
                format!("{at}{this} machine holds not a single voice{unheard}."),
            ));
        }
        Some(voices) => {
            let tone = if voices < 32 { Tone::Fair } else { Tone::Good };
            let voices = Quantity::count(u64::from(voices), if voices == 1 { "voice" } else { "voices" });
            let held = format!("{at}{this} machine holds {voices}{unheard}");
            // What held for the search did not hold before it.
            return Some(match (dropped_out(report), tone) {
                (Some(times), _) => sentence(Tone::Fair, format!("{held}, but dropped out {times}.")),
                (None, tone) => sentence(tone, format!("{held}.")),
            });
        }
        None => {}
    }
    rt.xruns?;
    let played = rt.load.as_ref().map(load).unwrap_or_default();
    let callback = rt.callback_us.as_ref();
    let share = callback.filter(|callback| callback.budget > 0.0).map(|c| 100.0 * c.max / c.budget);
    if let Some(times) = dropped_out(report) {
        let text = format!("{at}{this} machine dropped out {times}{unheard}.");
        return Some(sentence(Tone::Bad, text));
    }
    let tone = if share.is_some_and(|share| share > 70.0) { Tone::Fair } else { Tone::Good };
    let used = share.map_or_else(String::new, |share| {
        format!(", and the longest callback took {share:.0} % of its time")
    });
    Some(sentence(tone, format!("{at}{this} machine did not drop out {played}{unheard}{used}.")))
}

/// How often the stated load dropped out, and in what; nothing where it did not.
fn dropped_out(report: &Report) -> Option<String> {
    let xruns = report.rt.xruns.filter(|xruns| *xruns > 0)?;
    let times = if xruns == 1 {
        "once".to_owned()
    } else {
        format!("{} times", Quantity::count(xruns, "").to_string().trim())
    };
    let played = report.rt.load.as_ref().map(load).unwrap_or_default();
    Some(format!("{times} {played}").trim_end().to_owned())
}

fn key(report: &Report) -> Option<Sentence> {
    let ms = report.latency.key_to_sound_ms?;
    let struck = report.latency.key_to_sound.as_ref().is_some_and(|key| key.method == "struck");
    let what = if struck { "Your keyboard to your speakers" } else { "A note sent as MIDI to its sound" };
    let (tone, felt) = match ms {
        _ if ms <= FELT_AS_ONE_MS => (Tone::Good, "felt as one"),
        _ if ms <= FELT_AS_LATE_MS => (Tone::Fair, "which some feel"),
        _ => (Tone::Bad, "which is felt as late"),
    };
    Some(sentence(tone, format!("{what} is {ms:.1} ms, {felt}.")))
}

fn audio(report: &Report) -> Option<Sentence> {
    let audio = &report.latency.audio;
    if let (None, 1..) = (audio.round_trip_frames, audio.lost) {
        return Some(sentence(Tone::Bad, "Sound that was sent out never came back in."));
    }
    let (ms, frames) = (audio.round_trip_ms?, audio.round_trip_frames?);
    let claim = match audio.claimed_frames.map(|claimed| frames - claimed) {
        Some(beyond) if beyond.abs() >= 1.0 => {
            let more = if beyond > 0.0 { "more" } else { "fewer" };
            format!(", {} frames {more} than the driver claims", number(beyond.abs()))
        }
        _ => String::new(),
    };
    let text = format!("Sound takes {ms:.1} ms ({frames:.1} frames) out and back in{claim}.");
    Some(sentence(if ms <= FELT_AS_LATE_MS { Tone::Good } else { Tone::Fair }, text))
}

fn midi(report: &Report) -> Option<Sentence> {
    let trips = report.latency.midi.round_trip_us.as_ref()?;
    if trips.lost > 0 {
        let text = format!("Of {} MIDI messages {} were lost on the way.", trips.sent, trips.lost);
        return Some(sentence(Tone::Bad, text));
    }
    let within = micros(trips.p99);
    let text = format!("MIDI takes {} out and back in, 99 % within {within}.", micros(trips.median));
    let jitter_us = trips.p99 - trips.min;
    Some(sentence(if jitter_us <= 1_000.0 { Tone::Good } else { Tone::Fair }, text))
}

fn render(report: &Report) -> Option<Sentence> {
    let factor = report.render.realtime_factor?;
    let text = format!("It renders 64 voices with reverb {} times as fast as they sound.", number(factor));
    let tone = match factor {
        _ if factor < 1.0 => Tone::Bad,
        _ if factor < 2.0 => Tone::Fair,
        _ => Tone::Plain,
    };
    Some(sentence(tone, text))
}

fn soak(report: &Report) -> Option<Sentence> {
    let soak = &report.soak;
    let lasted = seconds(soak.seconds?);
    let mut bad = Vec::new();
    if let Some(count @ 1..) = soak.xruns {
        bad.push(format!("{count} dropouts"));
    }
    if let Some(count @ 1..) = soak.hung_notes {
        bad.push(format!("{count} hung notes"));
    }
    if let Some(faults) = soak.faults
        && let Some(lost @ 1..) = soak.recovered.map(|recovered| faults.saturating_sub(recovered))
    {
        bad.push(format!("{lost} faults that it did not come back from"));
    }
    if bad.is_empty() {
        let faults = soak.faults.map_or_else(String::new, |count| format!(" and {count} faults on purpose"));
        return Some(sentence(Tone::Good, format!("It came through {lasted}{faults} unharmed.")));
    }
    Some(sentence(Tone::Bad, format!("In {lasted} there were {}.", bad.join(", "))))
}

/// Where only the engine's parts were measured.
fn parts(report: &Report) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    let mut say = |nanos: Option<f64>, what: &str| {
        if let Some(nanos) = nanos {
            sentences.push(sentence(Tone::Plain, format!("{what} takes {}.", super::nanos(nanos))));
        }
    };
    say(report.rings.event_ns, "An event's way to the audio thread");
    say(report.actors.tell_ns, "A message between two parts of the engine");
    say(report.midi.event_ns, "An event from its ring to an instrument");
    sentences
}
