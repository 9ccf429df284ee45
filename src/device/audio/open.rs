use super::jack::JackDriver;
use super::null::NullClock;
use super::system::{System, SystemDriver};
use super::{AudioDriver, AudioRequest, DriverChoice, DriverError};

/// A driver, and those that were tried before it.
pub struct Opened {
    /// The driver that works.
    pub driver: Box<dyn AudioDriver>,
    /// Drivers that do not, and why; in the order in which they were tried.
    pub refused: Vec<(&'static str, String)>,
}

impl Opened {
    fn alone(driver: impl AudioDriver + 'static) -> Opened {
        Opened { driver: Box::new(driver), refused: Vec::new() }
    }
}

/// What `auto` tries, in this order. A JACK server that runs is there on
/// purpose, and gives the shortest latency.
#[cfg(target_os = "linux")]
const CANDIDATES: &[DriverChoice] = &[DriverChoice::Jack, DriverChoice::Pulse, DriverChoice::Alsa];
#[cfg(target_os = "macos")]
const CANDIDATES: &[DriverChoice] = &[DriverChoice::Jack, DriverChoice::CoreAudio];
#[cfg(windows)]
const CANDIDATES: &[DriverChoice] = &[DriverChoice::Jack, DriverChoice::Wasapi];
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
const CANDIDATES: &[DriverChoice] = &[DriverChoice::Jack];

/// Opens what was asked for; `auto` takes the first driver that works, and the
/// null clock where none does. Real-time: no.
///
/// # Errors
/// [`DriverError`] where a driver asked for by name does not work.
pub fn open(request: &AudioRequest) -> Result<Opened, DriverError> {
    if request.driver != DriverChoice::Auto {
        return open_one(request.driver, request);
    }
    let mut refused = Vec::new();
    for choice in CANDIDATES {
        match open_one(*choice, request) {
            Ok(opened) => return Ok(Opened { refused, ..opened }),
            Err(error) => refused.push((choice.name(), error.to_string())),
        }
    }
    Ok(Opened { driver: Box::new(NullClock::open(request)), refused })
}

fn open_one(choice: DriverChoice, request: &AudioRequest) -> Result<Opened, DriverError> {
    match choice {
        DriverChoice::Jack => JackDriver::open(request).map(Opened::alone),
        DriverChoice::Pulse => open_system(System::Pulse, request),
        DriverChoice::Alsa => open_system(System::Alsa, request),
        DriverChoice::CoreAudio => open_system(System::CoreAudio, request),
        DriverChoice::Wasapi => open_system(System::Wasapi, request),
        DriverChoice::Null => Ok(Opened::alone(NullClock::open(request))),
        DriverChoice::Auto => open(request),
    }
}

fn open_system(system: System, request: &AudioRequest) -> Result<Opened, DriverError> {
    SystemDriver::open(system, request).map(Opened::alone)
}
