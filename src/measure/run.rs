use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::conditions::Begun;
use super::reference::{Pace, Reference, Samples};
use super::report::{Better, Conditions, Figure, Report};
use crate::device::audio::DriverChoice;
use crate::engine::{Error, ErrorKind};
use crate::unit::SampleRate;

/// What is measured, and on what.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How long each measurement lasts that goes by the clock; without it, as long
    /// as each thinks right.
    pub seconds: Option<f64>,
    /// The audio driver.
    pub driver: DriverChoice,
    /// Part of the audio device's name.
    pub device: Option<String>,
    /// The engine's rate; `None` for the device's own.
    pub rate: Option<SampleRate>,
    /// Frames of a callback, as far as the device can.
    pub block_frames: Option<u32>,
    /// The ends of the path that is measured.
    pub link: Link,
    /// The input channel, from 1, of a microphone before which keys are struck.
    pub microphone: Option<u16>,
    /// The fixed latency of MIDI; `None` for the engine's own.
    pub midi_latency_frames: Option<u32>,
    /// Voices of the load; without it, as many as are looked for.
    pub voices: Option<u32>,
    /// Threads that keep the processors busy meanwhile; without it, one for each.
    pub busy_threads: Option<u32>,
    /// Seeds whatever is random.
    pub seed: u64,
}

/// Where what we send goes, and where it comes back: names of ports or devices,
/// audio and MIDI alike, each a glob or a part of the name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// What is played to.
    pub outputs: Vec<String>,
    /// What is heard.
    pub inputs: Vec<String>,
}

/// Tells a measurement to end early; it keeps what it has. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the measurement soon.
    pub fn stop(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether it is to end.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// Who watches a run: a progress bar, or nobody.
pub trait Watch {
    /// A measurement, or a part of one, begins.
    fn begin(&self, what: &str);
    /// How far it is, from 0 to 1, and what it does just now.
    fn advance(&self, share: f64, doing: &str);
    /// Something that whoever watches should read, a line.
    fn say(&self, text: &str);
}

/// Nobody watches.
impl Watch for () {
    fn begin(&self, _what: &str) {}
    fn advance(&self, _share: f64, _doing: &str) {}
    fn say(&self, _text: &str) {}
}

/// The reference is done so often before and after a measurement, however little it does beside it.
pub(super) const PACES: usize = 12;

/// One run of measurements: what was asked for, who watches, and what was found.
pub struct Run<'a> {
    /// What was asked for.
    pub settings: Settings,
    /// What was found so far.
    pub report: Report,
    /// Why something could not be measured as it was asked for: the first reason.
    pub misuse: Option<Error>,
    stop: Stop,
    watch: &'a dyn Watch,
    reference: RefCell<Reference>,
    /// All of this measurement.
    paces: RefCell<Vec<Pace>>,
}

impl<'a> Run<'a> {
    /// Nothing measured yet.
    pub fn new(settings: Settings, stop: Stop, watch: &'a dyn Watch) -> Run<'a> {
        let report = Report::new(&settings);
        let (reference, paces) = (RefCell::default(), RefCell::default());
        Run { settings, report, misuse: None, stop, watch, reference, paces }
    }

    /// Whether it is to end early.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    /// The means to end it, for threads of a measurement.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// How long something is to last that goes by the clock.
    pub fn seconds(&self, usually: f64) -> f64 {
        self.settings.seconds.unwrap_or(usually)
    }

    /// A measurement, or a part of one, begins.
    pub fn begin(&mut self, what: &str) {
        self.watch.begin(what);
    }

    /// How far it is, from 0 to 1, and what it does just now.
    pub fn advance(&self, share: f64, doing: &str) {
        self.watch.advance(share, doing);
    }

    /// Tells whoever watches a line.
    pub fn say(&self, text: &str) {
        self.watch.say(text);
    }

    /// Notes why there is no figure at a path of the report, such as `latency.midi`:
    /// it is null there.
    pub fn missing(&mut self, path: &str, why: &str) {
        self.report.not_measured.insert(path.to_owned(), why.to_owned());
    }

    /// The same by what went wrong; what was asked for amiss is kept.
    pub(super) fn failed(&mut self, path: &str, error: Error) {
        self.missing(path, &error.to_string());
        if error.kind == ErrorKind::Usage {
            self.misuse.get_or_insert(error);
        }
    }

    /// Does the reference once: how the machine is just now.
    pub(super) fn pace(&self) -> Pace {
        let pace = self.reference.borrow_mut().pace();
        self.paces.borrow_mut().push(pace);
        pace
    }

    /// Measures something, and notes how the machine was meanwhile.
    pub(super) fn under_conditions<T>(&mut self, name: &str, measure: impl FnOnce(&mut Self) -> T) -> T {
        self.paces.borrow_mut().clear();
        let begun = Begun::now();
        self.paces_for(PACES);
        let measured = measure(self);
        self.paces_for(PACES);
        let conditions: Conditions = begun.end(&self.paces.borrow());
        self.report.conditions.insert(name.to_owned(), conditions);
        measured
    }

    /// Does the reference so often.
    pub(super) fn paces_for(&self, count: usize) {
        for _ in 0..count {
            self.pace();
        }
    }

    /// Adds a figure that a later run can be compared with: the same thing measured
    /// several times. None where there are no samples.
    pub fn figure(&mut self, path: &str, unit: &str, better: Better, samples: impl Into<Samples>) {
        let Samples { clock, values, paces } = samples.into().finite();
        if values.is_empty() {
            return;
        }
        let figure = Figure { unit: unit.to_owned(), better, clock, samples: values, paces: paces.into() };
        self.report.figures.insert(path.to_owned(), figure);
    }

    pub(super) fn finish(&mut self) {
        self.report.stopped = self.is_stopped();
        self.report.give_reasons();
    }
}
