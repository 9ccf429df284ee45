//! `antiphon bench`: measures on this machine and gear, and reports.

mod bars;
mod changes;
mod files;
mod words;

use std::io::{IsTerminal, Write};

use super::arguments::BenchArguments;
use super::signals::Signals;
use crate::engine::{Error, ErrorKind};
use crate::measure::{Comparison, Link, MEASUREMENTS, Report, Run, Settings, Stop, measure};
use bars::Bars;
use files::Files;

/// A name of something that can be measured.
pub(super) fn parse_what(text: &str) -> Result<&'static str, String> {
    let found = MEASUREMENTS.iter().find(|measurement| measurement.name.eq_ignore_ascii_case(text));
    found.map(|measurement| measurement.name).ok_or_else(|| {
        let names: Vec<&str> = MEASUREMENTS.iter().map(|measurement| measurement.name).collect();
        format!("`{text}` is nothing that can be measured: {}", names.join(", "))
    })
}

/// `antiphon bench`: `false` where something got worse by more than the bound; with `--strict` also
/// where that may have been the machine.
///
/// # Errors
/// [`Error`] where the report cannot be written, or the one to compare with cannot be read; and where
/// something was asked for that cannot be, such as an end of a path that there is not: after all the rest.
pub fn bench(arguments: &BenchArguments) -> Result<bool, Error> {
    // First: nobody wants to learn after minutes that there was nothing to compare with,
    // or nowhere to write to.
    let files = Files::at(arguments.json.as_deref(), arguments.html.as_deref())?;
    let old = arguments
        .compare
        .as_deref()
        .map(|path| Report::read(path).map(|report| (path, report)))
        .transpose()?;
    let (mut report, misuse) = match &arguments.compare_with {
        Some(path) => (Report::read(path)?, None),
        None => measured(arguments)?,
    };
    report.comparison =
        old.map(|(path, old)| Comparison::of(&path.display().to_string(), &old, &report, arguments.bound));
    files.write(&report)?;
    let is_colourful = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = String::new();
    if arguments.compare_with.is_none() {
        text = words::of(&report, is_colourful);
    }
    let changed = |comparison: &Comparison| changes::of(comparison, arguments.strict);
    text.push_str(&report.comparison.as_ref().map_or_else(String::new, changed));
    if files.is_piped() {
        if let Some(comparison) = &report.comparison {
            super::tell(changed(comparison).trim_end());
        }
    } else {
        let _ = write!(std::io::stdout(), "{text}{}", files.told());
    }
    // Last: what else was asked for is measured and written all the same.
    if let Some(misuse) = misuse {
        return Err(misuse);
    }
    Ok(!report.comparison.is_some_and(|comparison| comparison.is_failure(arguments.strict)))
}

/// What was measured; and why not all of it, where it was asked for amiss.
fn measured(arguments: &BenchArguments) -> Result<(Report, Option<Error>), Error> {
    let names: Vec<&str> = match arguments.what.as_slice() {
        [] => MEASUREMENTS.iter().filter(|m| m.by_default).map(|m| m.name).collect(),
        what => what.to_vec(),
    };
    let stop = Stop::default();
    listen(stop.clone())?;
    let bars = Bars::default();
    let mut run = Run::new(settings(arguments), stop, &bars);
    measure(&names, &mut run);
    bars.finish();
    Ok((run.report, run.misuse))
}

fn settings(arguments: &BenchArguments) -> Settings {
    Settings {
        seconds: arguments.seconds,
        driver: arguments.driver,
        device: arguments.device.clone(),
        rate: arguments.rate,
        block_frames: arguments.block,
        link: Link { outputs: arguments.outputs.clone(), inputs: arguments.inputs.clone() },
        microphone: arguments.microphone,
        midi_latency_frames: arguments.midi_latency,
        voices: arguments.voices,
        busy_threads: arguments.busy,
        seed: arguments.seed,
    }
}

/// Ends the run at Ctrl-C, which then reports what there is. A second one ends the
/// program.
fn listen(stop: Stop) -> Result<(), Error> {
    let failed = |e: std::io::Error| Error::new(ErrorKind::Device, format!("signals cannot be heard: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let mut signals = {
        let _runtime = runtime.enter();
        Signals::stop()?
    };
    let wait = move || {
        runtime.block_on(signals.came());
        super::tell("Stopping; what was measured so far is reported. Once more ends it at once.");
        stop.stop();
        runtime.block_on(signals.came());
        std::process::exit(130);
    };
    std::thread::Builder::new().name("antiphon-signals".to_owned()).spawn(wait).map_err(failed)?;
    Ok(())
}
