use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

/// Why a driver could not be opened or started. The text says what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DriverError {
    /// No driver has this name.
    #[error("there is no audio driver `{0}`; there are auto, jack, pulse, alsa, coreaudio, wasapi and null")]
    UnknownDriver(String),
    /// This system has no such driver.
    #[error("the driver `{driver}` does not exist on this system; use `--driver auto`")]
    NotOnThisSystem {
        /// The driver asked for.
        driver: &'static str,
    },
    /// The server or the device system cannot be reached.
    #[error("{driver} is not available: {reason}; {advice}")]
    Unavailable {
        /// The driver asked for.
        driver: &'static str,
        /// What is wrong.
        reason: String,
        /// What to do.
        advice: &'static str,
    },
    /// No device of that name.
    #[error(
        "{driver} has no {direction} device like `{wanted}`{}; `antiphon devices` lists them",
        known_devices(.known)
    )]
    NoSuchDevice {
        /// The driver asked.
        driver: &'static str,
        /// `output` or `input`.
        direction: &'static str,
        /// The name that was given.
        wanted: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The server runs at one rate only.
    #[error(
        "JACK runs at {server_hertz} Hz and the rig wants {wanted_hertz} Hz; leave the rate out, or \
         start the server at {wanted_hertz} Hz"
    )]
    ServerRate {
        /// The rate asked for, in Hz.
        wanted_hertz: u32,
        /// The server's rate, in Hz.
        server_hertz: u32,
    },
    /// The device refused the stream.
    #[error("{driver}: `{device}` refused to play: {reason}; try another `--device`, `--rate` or `--block`")]
    Refused {
        /// The driver.
        driver: &'static str,
        /// The device's name.
        device: String,
        /// What the system said.
        reason: String,
    },
}

fn known_devices(known: &[String]) -> String {
    match known {
        [] => String::new(),
        names => format!(" (there are: {})", names.join(", ")),
    }
}

/// What kind of fatal error ended a driver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// The device was unplugged or went away.
    DeviceGone,
    /// The server ended, or threw us out.
    ServerGone,
    /// The device changed so that the stream has to be opened anew.
    StreamInvalid,
    /// The server or the device now runs at another rate.
    RateChanged,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FaultKind::DeviceGone => "device-gone",
            FaultKind::ServerGone => "server-gone",
            FaultKind::StreamInvalid => "stream-invalid",
            FaultKind::RateChanged => "rate-changed",
        })
    }
}

/// The first fatal error of a driver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DriverFault {
    /// What kind of error it was.
    pub kind: FaultKind,
    /// What the system said.
    pub message: Cow<'static, str>,
}

impl fmt::Display for DriverFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Keeps the first fault and ignores the rest: a dead server's library may
/// report its death a hundred thousand times a second.
#[derive(Default, Debug)]
pub(super) struct FaultLatch(OnceLock<DriverFault>);

impl FaultLatch {
    /// Whether there was a fault. Real-time: yes.
    pub(super) fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    pub(super) fn set(&self, kind: FaultKind, message: impl Into<Cow<'static, str>>) {
        if !self.is_set() {
            let _ = self.0.set(DriverFault { kind, message: message.into() });
        }
    }

    pub(super) fn get(&self) -> Option<DriverFault> {
        self.0.get().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fault_stays() {
        let latch = FaultLatch::default();
        latch.set(FaultKind::ServerGone, "first");
        latch.set(FaultKind::DeviceGone, "second");
        assert_eq!(latch.get(), Some(DriverFault { kind: FaultKind::ServerGone, message: "first".into() }));
    }
}
