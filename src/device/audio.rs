//! Audio drivers: who calls the Renderer, how often, and where its samples go.
//!
//! [`open()`] finds a device and its rate before the engine builds its Renderer;
//! [`AudioDriver::start`] begins the callbacks. A driver that dies latches its
//! first fatal error and goes quiet; the Renderer stays in its baton for the
//! next driver.

mod callback;
mod choice;
mod error;
mod jack;
mod nap;
mod null;
mod open;
pub mod scheduling;
mod stats;
mod system;
mod times;
mod watch;
pub mod worker;

pub use callback::{Callback, Edge, Guest, Standby};
pub use choice::{AudioRequest, DriverChoice};
pub use error::{DriverError, DriverFault, FaultKind};
pub use jack::{
    JackEcho, JackMidiPort, JackPatch, JackPorts, dump_destinations as jack_dump_destinations,
    list as list_jack, listen as listen_jack, open_dump as open_jack_dump,
};
pub use nap::Beat;
pub use open::{Opened, open};
pub use stats::{CallbackReport, CallbackStats};
pub use system::{AudioDevice, Direction, System, USUAL_RATES, has_device, list as list_system};
pub use times::{CallbackTime, CallbackTimes};

use crate::unit::SampleRate;

/// What a driver got from its device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamInfo {
    /// The driver's name, as in `--driver`.
    pub driver: &'static str,
    /// The device's own name.
    pub device: String,
    /// The rate that the engine runs at.
    pub rate: SampleRate,
    /// The rate that the device runs at; where it differs, the driver resamples.
    pub device_rate: SampleRate,
    /// Frames of a callback, at the engine's rate; callbacks may differ.
    pub block_frames: u32,
    /// Frames from the callback to the ear, as far as the driver knows.
    pub latency_frames: u32,
    /// Channels that are played.
    pub output_channels: u16,
    /// Channels that are heard.
    pub input_channels: u16,
}

/// One open audio device. All its methods are for the control world.
pub trait AudioDriver: Send {
    /// What was got from the device.
    fn info(&self) -> &StreamInfo;

    /// Begins the callbacks. `jack_midi` are the ports to register; drivers
    /// other than JACK take none.
    ///
    /// # Errors
    /// [`DriverError`] where the device refuses to run.
    fn start(&mut self, callback: Callback, jack_midi: Vec<JackMidiPort>) -> Result<(), DriverError>;

    /// The first fatal error, once there was one: stop this driver then.
    fn fault(&self) -> Option<DriverFault>;

    /// What broke without ending the callbacks: an input that went away.
    fn warning(&self) -> Option<DriverFault> {
        None
    }

    /// Periods that the device missed, so far.
    fn xruns(&self) -> u64;

    /// Times that the input was not one stream any more: frames of it skipped, or made up.
    fn gaps(&self) -> u64 {
        0
    }

    /// What the device says that it takes from a frame's leaving the callback to its coming
    /// back into one, beyond the cable, in frames; `None` where it says nothing.
    fn claimed_round_trip_frames(&self) -> Option<f64> {
        None
    }

    /// MIDI messages that this driver itself could not pass on, so far.
    fn dropped_midi(&self) -> u64 {
        0
    }

    /// A SysEx that was too long for a port since the last call: its bytes, and
    /// the most that a port takes.
    fn refused_sysex(&self) -> Option<(usize, usize)> {
        None
    }

    /// Ends the callbacks within two seconds, whatever state the device is in.
    /// The Renderer is in the baton afterwards.
    fn stop(&mut self);
}
