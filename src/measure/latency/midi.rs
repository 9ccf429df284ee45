//! The MIDI round trip: messages go out by one port and come back by another, over a
//! cable, a DIN loop, another program, or from a port of our own to the next.

mod ledger;

use std::time::{Duration, Instant};

use self::ledger::Ledger;
use super::ends::Ends;
use crate::device::audio::{DriverChoice, JackEcho};
use crate::device::midi::echo::{self, Echo, Pair};
use crate::engine::{Error, ErrorKind};
use crate::measure::reference::Samples;
use crate::measure::report::{Better, Histogram, MidiPair, Trips};
use crate::measure::statistics::quantile;
use crate::measure::{Link, Run};

/// How long messages go over each path, unless somebody says.
const USUAL_SECONDS: f64 = 5.0;
/// How long others get to connect our ports.
const CONNECT_LIMIT: Duration = Duration::from_millis(1_500);
/// How long the last messages may be under way.
const LAST_LIMIT: Duration = Duration::from_secs(1);
/// A path on which nothing goes on for so long is given up.
const PATIENCE: Duration = Duration::from_secs(4);
const LOOK: Duration = Duration::from_millis(10);
/// Round trips that are kept for a comparison: so many, evenly chosen.
const KEPT: usize = 1_000;

pub(super) fn measure(run: &mut Run, ends: &Ends) -> Result<(), Error> {
    let mut paths = Paths::find(run.settings.driver, &ends.midi)?;
    let seconds = run.seconds(USUAL_SECONDS);
    let count = paths.count();
    let mut pairs = Vec::new();
    let mut troubles = Vec::new();
    for index in 0..count {
        if run.is_stopped() {
            break;
        }
        let echo = paths.open(run, index)?;
        let path = echo.path.clone();
        run.say(&format!("MIDI round trip: {path}"));
        let share = (index as f64 / count as f64, 1.0 / count as f64);
        let (pair, samples, trouble) = go(run, echo, seconds, share);
        if pairs.is_empty() && !samples.is_empty() {
            // A server counts in its own frames: no load of the machine is in them.
            let is_jack = pair.driver == DriverChoice::Jack.name();
            let samples = if is_jack { Samples::from(samples) } else { Samples::by_clock(samples) };
            run.figure("latency.midi.round_trip_us", "µs", Better::Less, samples);
        }
        troubles.extend(trouble.map(|trouble| format!("{path}: {trouble}")));
        pairs.push(pair);
    }
    let Some(first) = pairs.first().cloned() else {
        run.missing("latency.midi", "stopped before the first message");
        return Ok(());
    };
    let midi = &mut run.report.latency.midi;
    midi.round_trip_us = first.round_trip_us;
    midi.round_trip_frames = first.round_trip_frames;
    midi.peak_jitter_us = first.peak_jitter_us;
    midi.histogram = first.histogram;
    midi.driver = Some(first.driver);
    midi.path = Some(first.path);
    midi.pairs = pairs;
    let is_in_frames = midi.round_trip_frames.is_some();
    if !troubles.is_empty() {
        run.missing("latency.midi", &troubles.join("; "));
    } else if !is_in_frames {
        run.missing("latency.midi.round_trip_frames", "only JACK's ports count in frames");
    }
    Ok(())
}

/// The paths to be measured.
enum Paths {
    /// At a JACK server; the first is open already. Names of its ports: out, in.
    Jack { first: Option<JackEcho>, ends: Vec<(String, String)> },
    /// The system's MIDI.
    System(Vec<Pair>),
}

impl Paths {
    fn find(driver: DriverChoice, link: &Link) -> Result<Paths, Error> {
        if matches!(driver, DriverChoice::Auto | DriverChoice::Jack) {
            match JackEcho::open() {
                Ok(first) => {
                    let named = |names: &[String], take| -> Vec<Vec<String>> {
                        names.iter().map(|name| first.ports(name, take)).collect()
                    };
                    let (outputs, inputs) = (named(&link.outputs, true), named(&link.inputs, false));
                    let are_its = outputs.iter().chain(&inputs).all(|ports| !ports.is_empty());
                    if are_its || driver == DriverChoice::Jack {
                        let ends = ends_of(once(outputs), once(inputs))?;
                        return Ok(Paths::Jack { first: Some(first), ends });
                    }
                }
                Err(error) if driver == DriverChoice::Jack => return Err(device(&error)),
                Err(_) => {}
            }
        }
        echo::pairs(&link.outputs, &link.inputs).map(Paths::System).map_err(|error| device(&error))
    }

    fn count(&self) -> usize {
        match self {
            Paths::Jack { ends, .. } => ends.len().max(1),
            Paths::System(pairs) => pairs.len(),
        }
    }

    fn open(&mut self, run: &Run, index: usize) -> Result<Echo, Error> {
        match self {
            Paths::System(pairs) => echo::open(&pairs[index]).map_err(|error| device(&error)),
            Paths::Jack { first, ends } => {
                let opened = first.take().map_or_else(JackEcho::open, Ok).map_err(|error| device(&error))?;
                match ends.get(index) {
                    Some((output, input)) => opened.connect(output, input),
                    None => connect_somehow(run, &opened),
                }
                .map_err(|error| device(&error))?;
                Ok(opened.listen())
            }
        }
    }
}

/// Whatever somebody else connects our ports to, or else each other.
fn connect_somehow(run: &Run, echo: &JackEcho) -> Result<(), crate::device::audio::DriverError> {
    run.say(&format!(
        "{} may be connected now; without that it is connected to itself",
        echo.port_names().join(" and ")
    ));
    let begin = Instant::now();
    while begin.elapsed() < CONNECT_LIMIT && !run.is_stopped() {
        if echo.connected().is_some() {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    echo.connect_itself()
}

/// All ports, each once, in the order of their names.
fn once(ports: Vec<Vec<String>>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for port in ports.into_iter().flatten() {
        if !found.contains(&port) {
            found.push(port);
        }
    }
    found
}

fn ends_of(outputs: Vec<String>, inputs: Vec<String>) -> Result<Vec<(String, String)>, Error> {
    if outputs.len() != inputs.len() {
        let message = format!(
            "each MIDI output needs the input that its cable leads to: --out means {}; --in means {}",
            listed(&outputs),
            listed(&inputs)
        );
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok(outputs.into_iter().zip(inputs).collect())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no port".to_owned() } else { names.join(", ") }
}

fn device(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Device, error.to_string())
}

/// Sends over a path for so long: what came of it, the round trips in microseconds,
/// and what ended it early or went wrong.
fn go(
    run: &Run,
    mut echo: Echo,
    seconds: f64,
    (done, share): (f64, f64),
) -> (MidiPair, Vec<f64>, Option<String>) {
    let (mut ledger, mut marks) = (Ledger::default(), Vec::new());
    let begin = Instant::now();
    let mut rested: Option<Instant> = None;
    let mut beat = (echo.beats(), begin);
    echo.send();
    let trouble = loop {
        std::thread::sleep(LOOK);
        echo.take(&mut marks);
        marks.drain(..).for_each(|mark| ledger.note(mark));
        let now = Instant::now();
        if let Some(reason) = echo.ended() {
            break Some(reason);
        }
        if echo.beats() != beat.0 {
            beat = (echo.beats(), now);
        } else if now - beat.1 > PATIENCE {
            break Some(format!("nothing has gone on there for {} s", PATIENCE.as_secs()));
        }
        let elapsed = begin.elapsed().as_secs_f64();
        match rested {
            None if elapsed >= seconds || run.is_stopped() => {
                echo.rest();
                rested = Some(now);
            }
            Some(since) => {
                let is_all_back = ledger.lost() == 0 && !echo.is_holding();
                // A look more: so a duplicate of the last is seen.
                if (is_all_back && now - since > 2 * LOOK) || now - since > LAST_LIMIT {
                    break None;
                }
            }
            None => {}
        }
        let text = format!("MIDI: {} sent, {} under way", ledger.sent(), ledger.lost());
        run.advance(done + share * (elapsed / seconds).min(1.0), &text);
    };
    let (pair, samples) = summed(&echo, &ledger);
    let trouble = trouble
        .or_else(|| samples.is_empty().then(|| format!("none of {} messages came back", ledger.sent())));
    (pair, samples, trouble)
}

fn summed(echo: &Echo, ledger: &Ledger) -> (MidiPair, Vec<f64>) {
    let ticks: Vec<f64> = ledger.trips().into_iter().map(|trip| trip as f64).collect();
    let in_microseconds = 1e6 / echo.ticks_per_second as f64;
    let micros: Vec<f64> = ticks.iter().map(|ticks| ticks * in_microseconds).collect();
    let of = |values: &[f64]| trips(values, ledger);
    let round_trip_us = of(&micros);
    let pair = MidiPair {
        driver: echo.driver.to_owned(),
        path: echo.path.clone(),
        peak_jitter_us: round_trip_us.as_ref().map(|trips| trips.max - trips.min),
        round_trip_us,
        round_trip_frames: (echo.driver == DriverChoice::Jack.name()).then(|| of(&ticks)).flatten(),
        duplicates: ledger.duplicates,
        strangers: ledger.strangers,
        missed: echo.missed(),
        xruns: echo.xruns(),
        histogram: (!micros.is_empty()).then(|| Histogram::of("µs", micros.iter().copied())),
    };
    let stride = micros.len().div_ceil(KEPT).max(1);
    (pair, micros.into_iter().step_by(stride).collect())
}

fn trips(values: &[f64], ledger: &Ledger) -> Option<Trips> {
    let mut values = values.to_vec();
    Some(Trips {
        min: quantile(&mut values, 0.0)?,
        median: quantile(&mut values, 0.5)?,
        p99: quantile(&mut values, 0.99)?,
        max: quantile(&mut values, 1.0)?,
        sent: ledger.sent(),
        lost: ledger.lost(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_and_inputs_go_together_one_to_one() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let outputs = once(vec![names(&["a", "b"]), names(&["b"])]);
        assert_eq!(
            ends_of(outputs.clone(), names(&["c", "d"])).map(|ends| ends[1].clone()).ok(),
            Some(("b".to_owned(), "d".to_owned()))
        );
        let refused = ends_of(outputs, Vec::new()).expect_err("no way back");
        assert!(refused.message.contains("--out means a, b; --in means no port"), "{}", refused.message);
    }
}
