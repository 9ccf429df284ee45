use ::jack::{Client, ClientOptions, ClientStatus, Error, LatencyType, PortFlags};

use super::super::DriverError;
use super::library;
use crate::unit::SampleRate;

pub(super) const AUDIO: &str = "32 bit float mono audio";
pub(super) const MIDI: &str = "8 bit raw midi";

/// Opens a client at the running server; never starts one.
pub(super) fn connect(client_name: &str) -> Result<Client, DriverError> {
    library::find().map_err(|reason| DriverError::Unavailable {
        driver: "JACK",
        reason,
        advice: "install JACK or pipewire-jack, or use another `--driver`",
    })?;
    // A NUL would make the C string invalid, which the crate takes as a panic.
    let name: String = client_name.chars().filter(|c| *c != '\0').collect();
    match Client::new(&name, ClientOptions::NO_START_SERVER) {
        Ok((client, _status)) => Ok(client),
        Err(error) => Err(DriverError::Unavailable {
            driver: "JACK",
            reason: reason(&error),
            advice: "start the server (`jackd`, QjackCtl, or PipeWire with `pw-jack antiphon play`), or use \
                     another `--driver`",
        }),
    }
}

fn reason(error: &Error) -> String {
    match error {
        Error::ClientError(status) if status.contains(ClientStatus::SERVER_FAILED) => {
            "no server is running for this user".to_owned()
        }
        other => other.to_string(),
    }
}

pub(super) fn rate_of(client: &Client) -> Result<SampleRate, DriverError> {
    SampleRate::new(client.sample_rate()).map_err(|error| DriverError::Unavailable {
        driver: "JACK",
        reason: error.to_string(),
        advice: "start the server at a rate in this range",
    })
}

/// How late the first physical output plays what it is given, as the server says.
pub(super) fn playback_latency_frames(client: &Client) -> u32 {
    client
        .ports(None, Some(AUDIO), PortFlags::IS_PHYSICAL | PortFlags::IS_INPUT)
        .first()
        .and_then(|name| client.port_by_name(name))
        .map_or(0, |port| port.get_latency_range(LatencyType::Playback).1)
}

/// What a running server offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JackPorts {
    /// The server's rate, in Hz.
    pub rate_hertz: u32,
    /// The server's period, in frames.
    pub block_frames: u32,
    /// Physical ports that play.
    pub playback: Vec<String>,
    /// Physical ports that hear.
    pub capture: Vec<String>,
    /// Ports that sound goes to, other programs' included.
    pub audio_destinations: Vec<String>,
    /// Ports that sound comes from, other programs' included.
    pub audio_sources: Vec<String>,
    /// Ports from which MIDI comes.
    pub midi_sources: Vec<String>,
    /// Ports to which MIDI goes.
    pub midi_destinations: Vec<String>,
}

/// Asks the running server what there is. Real-time: no.
///
/// # Errors
/// [`DriverError::Unavailable`] where none runs.
pub fn list() -> Result<JackPorts, DriverError> {
    let client = connect("antiphon-devices")?;
    let physical = PortFlags::IS_PHYSICAL;
    Ok(JackPorts {
        rate_hertz: client.sample_rate(),
        block_frames: client.buffer_size(),
        playback: client.ports(None, Some(AUDIO), physical | PortFlags::IS_INPUT),
        capture: client.ports(None, Some(AUDIO), physical | PortFlags::IS_OUTPUT),
        audio_destinations: client.ports(None, Some(AUDIO), PortFlags::IS_INPUT),
        audio_sources: client.ports(None, Some(AUDIO), PortFlags::IS_OUTPUT),
        midi_sources: client.ports(None, Some(MIDI), PortFlags::IS_OUTPUT),
        midi_destinations: client.ports(None, Some(MIDI), PortFlags::IS_INPUT),
    })
}
