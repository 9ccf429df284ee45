use std::sync::Arc;
use std::time::{Duration, Instant};

use super::kind::{KIND, ProbeKind};
use super::probe::{Hand, Probe, Round};
use crate::device::audio::{AudioDriver, Callback, CallbackStats, DriverError, StreamInfo};
use crate::engine::{Conductor, Error, ErrorKind};
use crate::measure::Stop;
use crate::render::{Renderer, RendererSettings};
use crate::rig;
use crate::rt::baton::Baton;
use crate::stage::Kinds;

/// How often the callback is looked after.
const LOOK: Duration = Duration::from_millis(2);
/// A round may take this many times as long as its frames do, and a while more.
const PATIENCE: f64 = 4.0;
const PATIENCE_MORE: Duration = Duration::from_secs(3);
/// After a round, until an xrun in it has been told of by whoever noticed.
const AFTERMATH: Duration = Duration::from_millis(30);
/// How long the engine plays before a round, in seconds: its plan has been taken by then.
const SETTLING_SECONDS: f64 = 0.05;

/// What was heard in a round.
pub(super) struct Heard {
    pub(super) samples: Vec<f32>,
    /// Whether a period was missed meanwhile: then it is no measurement, and at most a hint.
    pub(super) is_broken: bool,
}

/// Which way the signal goes inside the callback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// From the callback to the device and back.
    Device,
    /// The same through the engine's Renderer.
    Engine,
}

/// A device that calls, with a probe on either way.
pub(super) struct Session {
    driver: Box<dyn AudioDriver>,
    stats: Arc<CallbackStats>,
    baton: Arc<Baton<Renderer>>,
    renderer: Option<Box<Renderer>>,
    conductor: Conductor,
    device_hand: Hand,
    engine_hand: Hand,
    stop: Stop,
}

impl Session {
    /// Begins the callbacks of an open device. A round hears up to `most_frames`.
    pub(super) fn start(
        mut driver: Box<dyn AudioDriver>,
        signal: &[f32],
        most_frames: usize,
        stop: Stop,
    ) -> Result<Session, Error> {
        let rate = driver.info().rate;
        let (in_engine, engine_hand) = Probe::new(signal, most_frames);
        let (renderer, conductor) = engine(in_engine, rate)?;
        let (at_device, device_hand) = Probe::new(signal, most_frames);
        let (baton, stats) = (Arc::new(Baton::empty()), Arc::new(CallbackStats::new(rate)));
        let callback = Callback::new(Arc::clone(&baton), Arc::clone(&stats)).with_guest(Box::new(at_device));
        driver.start(callback, Vec::new()).map_err(|error| of_driver(&error))?;
        let renderer = Some(renderer);
        Ok(Session { driver, stats, baton, renderer, conductor, device_hand, engine_hand, stop })
    }

    pub(super) fn info(&self) -> &StreamInfo {
        self.driver.info()
    }

    /// What the driver claims of itself; see [`AudioDriver::claimed_round_trip_frames`].
    pub(super) fn claimed_frames(&self) -> Option<f64> {
        self.driver.claimed_round_trip_frames()
    }

    /// Plays and hears once; `None` where it was told to stop.
    ///
    /// # Errors
    /// Why the device does not call any more.
    pub(super) fn round(&mut self, way: Way, round: Round) -> Result<Option<Heard>, Error> {
        if way == Way::Engine
            && let Some(renderer) = self.renderer.take()
        {
            self.baton.put(renderer);
        }
        let heard = self.settle_and_hear(way, round);
        if way == Way::Engine {
            self.take_back()?;
        }
        heard
    }

    fn settle_and_hear(&mut self, way: Way, round: Round) -> Result<Option<Heard>, Error> {
        if !self.pass(self.info().rate.frames(SETTLING_SECONDS))? {
            return Ok(None);
        }
        let missed = self.missed();
        if !self.hand(way).begin(round) {
            return Ok(None);
        }
        let mut heard = Vec::with_capacity(round.hear_frames);
        let seconds = round.hear_frames as f64 / f64::from(self.info().rate.hertz());
        let limit = Instant::now() + Duration::from_secs_f64(seconds * PATIENCE) + PATIENCE_MORE;
        while heard.len() < round.hear_frames {
            if !self.look(limit)? {
                return Ok(None);
            }
            self.hand(way).collect(&mut heard);
        }
        std::thread::sleep(AFTERMATH);
        Ok(Some(Heard { samples: heard, is_broken: self.missed() != missed }))
    }

    fn hand(&mut self, way: Way) -> &mut Hand {
        match way {
            Way::Device => &mut self.device_hand,
            Way::Engine => &mut self.engine_hand,
        }
    }

    fn missed(&self) -> u64 {
        self.driver.xruns() + self.driver.gaps()
    }

    /// Lets so many frames pass; `false` where told to stop.
    pub(super) fn pass(&mut self, frames: u64) -> Result<bool, Error> {
        let until = self.stats.report().frames + frames;
        let seconds = frames as f64 / f64::from(self.info().rate.hertz());
        let limit = Instant::now() + Duration::from_secs_f64(seconds * PATIENCE) + PATIENCE_MORE;
        while self.stats.report().frames < until {
            if !self.look(limit)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sleeps a little, and attends to whoever plays.
    fn look(&mut self, limit: Instant) -> Result<bool, Error> {
        std::thread::sleep(LOOK);
        self.conductor.attend();
        if let Some(fault) = self.driver.fault().or_else(|| self.driver.warning()) {
            return Err(Error::new(ErrorKind::Device, fault.to_string()));
        }
        if Instant::now() > limit {
            let message = "the audio device calls much too seldom for its rate; nothing can be measured";
            return Err(Error::new(ErrorKind::Device, message));
        }
        Ok(!self.stop.is_stopped())
    }

    /// The Renderer is out of its place while it renders.
    fn take_back(&mut self) -> Result<(), Error> {
        let limit = Instant::now() + PATIENCE_MORE;
        while self.renderer.is_none() {
            self.renderer = self.baton.take();
            if self.renderer.is_none() && !self.look(limit)? && Instant::now() > limit {
                break;
            }
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.stop();
    }
}

/// A Renderer that hears the device's first input and plays to its first output.
fn engine(probe: Probe, rate: crate::unit::SampleRate) -> Result<(Box<Renderer>, Conductor), Error> {
    let mut kinds = Kinds::empty();
    let built_in =
        |problem: String| Error::new(ErrorKind::Input, format!("the measurement's own rig: {problem}"));
    kinds.register(ProbeKind::new(probe));
    let text = format!(
        "[engine]\nlimiter = false\n[input.heard]\nchannels = [1]\n[stage.probe]\nkind = \"{KIND}\"\n\
         [output.played]\nchannels = [1]\n[[cable]]\nfrom = \"heard\"\nto = \"probe\"\n\
         [[cable]]\nfrom = \"probe\"\nto = \"played\"\n"
    );
    let rig = rig::parse(&text, &kinds).map_err(|problems| {
        built_in(problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; "))
    })?;
    let settings = RendererSettings { rate, midi_latency_frames: 0 };
    Ok(Conductor::new(rig, settings, 0, |_, _| {})?)
}

pub(super) fn of_driver(error: &DriverError) -> Error {
    Error::new(ErrorKind::Device, error.to_string())
}
