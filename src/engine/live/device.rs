use std::sync::Arc;
use std::time::Instant;

use super::search::{Found, Search};
use crate::device::audio::{
    self, AudioDriver, AudioRequest, Callback, CallbackStats, DriverChoice, DriverError, DriverFault,
    JackMidiPort, StreamInfo,
};
use crate::render::Renderer;
use crate::rt::baton::Baton;
use crate::unit::SampleRate;

/// Keeps a device under the Renderer: the null clock when the device is lost,
/// and the device again when it is back. The Renderer is in the baton whenever
/// no driver is in the middle of a period, so that its timeline goes on.
pub(super) struct Device {
    baton: Arc<Baton<Renderer>>,
    stats: Arc<CallbackStats>,
    driver: Box<dyn AudioDriver>,
    request: AudioRequest,
    /// While the null clock stands in for a device that was lost.
    search: Option<Search>,
    /// What earlier drivers missed.
    xruns_before: u64,
    dropped_before: u64,
    /// That the input is gone was said.
    input_lost: bool,
}

impl Device {
    /// An open driver that will play this Renderer; `request` is what it was
    /// opened by.
    pub(super) fn new(
        driver: Box<dyn AudioDriver>,
        request: AudioRequest,
        renderer: Box<Renderer>,
        rate: SampleRate,
    ) -> Device {
        Device {
            baton: Arc::new(Baton::new(renderer)),
            stats: Arc::new(CallbackStats::new(rate)),
            driver,
            request,
            search: None,
            xruns_before: 0,
            dropped_before: 0,
            input_lost: false,
        }
    }

    pub(super) fn start(&mut self, ports: Vec<JackMidiPort>) -> Result<(), DriverError> {
        let callback = Callback::new(Arc::clone(&self.baton), Arc::clone(&self.stats));
        self.driver.start(callback, ports)
    }

    pub(super) fn info(&self) -> &StreamInfo {
        self.driver.info()
    }

    pub(super) fn request(&self) -> &AudioRequest {
        &self.request
    }

    pub(super) fn is_jack(&self) -> bool {
        self.driver.info().driver == DriverChoice::Jack.name()
    }

    /// Whether JACK plays, or is tried again, with the rig's MIDI ports.
    pub(super) fn has_jack_ports(&self) -> bool {
        self.is_jack() || self.search.as_ref().is_some_and(|search| search.driver() == DriverChoice::Jack)
    }

    /// What the callbacks of every driver in turn report to.
    pub(super) fn stats(&self) -> Arc<CallbackStats> {
        Arc::clone(&self.stats)
    }

    pub(super) fn xruns(&self) -> u64 {
        self.xruns_before + self.driver.xruns()
    }

    pub(super) fn dropped_midi(&self) -> u64 {
        self.dropped_before + self.driver.dropped_midi()
    }

    /// A SysEx that was too long for a port, once, and the most that it takes.
    pub(super) fn refused_sysex(&self) -> Option<(usize, usize)> {
        self.driver.refused_sysex()
    }

    /// Why the driver is dead, once it is: [`lose`](Self::lose) it then.
    pub(super) fn fault(&self) -> Option<DriverFault> {
        self.driver.fault()
    }

    /// What broke without ending the callbacks, once.
    pub(super) fn warning(&mut self) -> Option<DriverFault> {
        let warning = self.driver.warning().filter(|_| !self.input_lost)?;
        self.input_lost = true;
        Some(warning)
    }

    /// Closes the device; the null clock, not started yet, stands in for it, and
    /// the device is looked for.
    pub(super) fn lose(&mut self, now: Instant) -> Result<(), DriverError> {
        let info = self.driver.info().clone();
        self.put_by();
        self.search = Some(Search::new(again(&self.request, &info), now));
        self.driver = null_clock(&info)?;
        Ok(())
    }

    /// Closes the device and opens it as `request` wants it now, not started yet.
    ///
    /// # Errors
    /// Where it cannot be had: then the null clock stands in for it, not started
    /// either, and the device is looked for.
    pub(super) fn reopen(&mut self, request: AudioRequest, now: Instant) -> Result<(), DriverError> {
        self.request = request;
        let info = self.driver.info().clone();
        self.put_by();
        if let Some(search) = self.search.take() {
            // It is looked for still, but as it is wanted now.
            let request = again(&self.request, &info);
            self.search = Some(Search::new(AudioRequest { driver: search.driver(), ..request }, now));
        }
        match audio::open(&again(&self.request, &info)) {
            Ok(opened) => {
                self.driver = opened.driver;
                Ok(())
            }
            Err(error) => {
                self.search = Some(Search::new(again(&self.request, &info), now));
                self.driver = null_clock(&info)?;
                Err(error)
            }
        }
    }

    /// The driver of a lost device that should be tried again now, by
    /// [`try_again`](Self::try_again); JACK takes the MIDI ports.
    pub(super) fn is_due(&self, now: Instant) -> Option<DriverChoice> {
        self.search.as_ref().filter(|search| search.is_due(now)).map(Search::driver)
    }

    pub(super) fn try_again(&mut self, ports: Vec<JackMidiPort>, now: Instant) {
        if let Some(search) = &mut self.search {
            search.begin(&self.baton, &self.stats, ports, now);
        }
    }

    /// What came of an attempt, once it has ended: [`go_back`](Self::go_back) to
    /// what was found.
    pub(super) fn found(&mut self, now: Instant) -> Option<Result<Found, DriverError>> {
        self.search.as_mut()?.look(now)
    }

    /// Stops the null clock, and lets the device take over where it stopped.
    pub(super) fn go_back(&mut self, found: Found) {
        self.put_by();
        self.driver = found.driver;
        found.standby.take_over();
        self.search = None;
        self.input_lost = false;
    }

    /// Stops the driver, which leaves the Renderer in the baton.
    fn put_by(&mut self) {
        self.driver.stop();
        self.xruns_before += self.driver.xruns();
        self.dropped_before += self.driver.dropped_midi();
    }

    /// Stops the driver for good. The Renderer goes, and with it the recording's
    /// writing end.
    pub(super) fn stop(&mut self) {
        self.search = None;
        self.driver.stop();
        drop(self.baton.take());
    }
}

/// The same driver at the rate that the engine runs at.
fn again(request: &AudioRequest, info: &StreamInfo) -> AudioRequest {
    AudioRequest {
        driver: info.driver.parse().unwrap_or(DriverChoice::Auto),
        rate: Some(info.rate),
        ..request.clone()
    }
}

/// The clock that goes on when a device is gone, at the same rate and block.
fn null_clock(info: &StreamInfo) -> Result<Box<dyn AudioDriver>, DriverError> {
    let request = AudioRequest {
        driver: DriverChoice::Null,
        rate: Some(info.rate),
        block_frames: Some(info.block_frames),
        output_channels: info.output_channels,
        ..AudioRequest::default()
    };
    Ok(audio::open(&request)?.driver)
}
