//! `antiphon monitor`: what comes from the ports, in words, with its time; and
//! at the end how regularly it came.
//!
//! Three things take turns, each bounded: the tape between the MIDI thread and
//! us, what is counted here, and the printer on its own thread. What the
//! terminal cannot take in time is not shown; it is counted all the same.

mod clock;
mod intervals;
mod meter;
mod printer;
mod summary;
mod timecode;
mod view;
mod words;

use std::io::IsTerminal;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

pub use self::intervals::{Bucket, Quantiles, Regularity};
pub use self::meter::{Counts, Line, Meter};
pub use self::view::View;
pub use self::words::Words;

use self::printer::Printer;
use self::summary::Summary;
use super::arguments::{MidiDriver, MonitorArguments};
use super::signals::Signals;
use crate::device::audio;
use crate::device::midi::listen::{self, HeardPort, Listening};
use crate::engine::{Error, ErrorKind};

/// How often the tape is read.
const READ_INTERVAL: Duration = Duration::from_millis(5);
/// Events read in one go, before signals have their turn.
const BATCH: usize = 16_384;
/// How long the output may take to be done at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// `antiphon monitor`.
///
/// # Errors
/// [`Error`] where there is no MIDI, or a message's name to hide is unknown.
pub(super) fn monitor(arguments: &MonitorArguments) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Device, format!("the control thread cannot start: {e}")))?;
    runtime.block_on(session(arguments))
}

/// The name of a message, as `--hide` takes it.
pub(super) fn parse_message_name(text: &str) -> Result<String, String> {
    let mut names: Vec<&str> = (0x80..=0xff_u8).map(words::name_of).collect();
    names.dedup();
    names.retain(|name| *name != "undefined");
    if names.contains(&text) {
        return Ok(text.to_owned());
    }
    names.sort_unstable();
    names.dedup();
    Err(format!("`{text}` is not a message; these are: {}", names.join(", ")))
}

/// Opens an ear at the system's MIDI, or at JACK's.
pub(super) fn open(driver: MidiDriver, pattern: Option<&str>) -> Result<Listening, Error> {
    let unavailable = |reason: String| Error::new(ErrorKind::Device, reason);
    let jack = || audio::listen_jack(pattern);
    match driver {
        MidiDriver::Jack => jack().map_err(|error| unavailable(error.to_string())),
        MidiDriver::System => listen::listen(pattern).map_err(|error| unavailable(error.to_string())),
        MidiDriver::Auto => listen::listen(pattern)
            .or_else(|system| jack().map_err(|jack| unavailable(format!("{system}; nor by JACK: {jack}")))),
    }
}

/// What is said where there is nothing to hear yet.
pub(super) fn waiting(pattern: Option<&str>) -> String {
    match pattern {
        Some(pattern) => format!("no port fits `{}` yet; waiting for one", view::shown(pattern)),
        None => "there is no port yet; waiting for one".to_owned(),
    }
}

/// Names of ports, for people.
pub(super) fn list(names: &[String]) -> String {
    names.iter().map(|name| view::shown(name)).collect::<Vec<_>>().join(", ")
}

async fn session(arguments: &MonitorArguments) -> Result<(), Error> {
    let mut stop = Signals::stop()?;
    let mut listening = open(arguments.driver, arguments.port.as_deref())?;
    let is_coloured = std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none()
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    let mut view = View::new(arguments.json, is_coloured, &arguments.hide);
    let mut printer = Printer::start();
    let mut meter = Meter::new(listening.begin_nanos);
    let mut known: Vec<HeardPort> = Vec::new();
    let mut ticks = tokio::time::interval(READ_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let begin = Instant::now();
    super::tell(&format!("ready driver={} ports={}", listening.driver, listening.ports().len()));
    if listening.ports().is_empty() {
        super::tell(&waiting(arguments.port.as_deref()));
    }
    let stopped_by = loop {
        tokio::select! {
            biased;
            () = stop.came() => break "signal",
            _ = ticks.tick() => {}
        }
        changes(&mut known, &mut listening, &mut view);
        read(&mut listening, &mut meter, &mut view, &mut printer);
        if let Some(reason) = listening.ended() {
            super::tell(&format!("antiphon: {reason}"));
            break "device";
        }
        if arguments.seconds.is_some_and(|seconds| begin.elapsed().as_secs_f64() >= seconds) {
            break "for";
        }
        if printer.is_closed() {
            // Whoever read it (`monitor | head`) has enough.
            break "closed";
        }
    };
    // What came until now still counts.
    read(&mut listening, &mut meter, &mut view, &mut printer);
    let ports = listening.ports();
    let summary =
        Summary::of(&listening, &meter, &view, &ports, begin.elapsed(), stopped_by, printer.dropped());
    view.end(&summary);
    printer.finish(view.take(), PATIENCE);
    Ok(())
}

/// Says which ports came and went.
fn changes(known: &mut Vec<HeardPort>, listening: &mut Listening, view: &mut View) {
    let now = listening.ports();
    if *known == now {
        return;
    }
    for (index, port) in now.iter().enumerate() {
        let was_there = known.get(index).is_some_and(|port| port.is_there);
        if port.is_there != was_there {
            super::tell(&view::change(port));
        }
    }
    view.ports(&now);
    *known = now;
}

fn read(listening: &mut Listening, meter: &mut Meter, view: &mut View, printer: &mut Printer) {
    for _ in 0..BATCH {
        let there_was = listening.tape.next(|heard| {
            if let Some(line) = meter.observe(heard) {
                view.line(&line);
            }
        });
        if view.is_full() {
            printer.print(view.take(), view.take_lines());
        }
        if !there_was {
            break;
        }
    }
    printer.print(view.take(), view.take_lines());
}
