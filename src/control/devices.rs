//! `antiphon devices`: what there is to play to and to hear, and what could not
//! be opened and why.

mod watch;

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::arguments::DevicesArguments;
use crate::device::audio::{self, AudioDevice, Direction, DriverChoice, DriverError, JackPorts, System};
use crate::device::midi;

const OUTPUT: &str = "output";
const INPUT: &str = "input";

/// All drivers of this system. This is the JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DeviceList {
    /// In the order in which `auto` tries them.
    pub drivers: Vec<DriverEntry>,
}

/// One driver.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DriverEntry {
    /// As in `--driver`.
    pub name: &'static str,
    /// Whether something could be played.
    pub available: bool,
    /// Why not, or what part of it could not be opened.
    pub reason: Option<String>,
    /// Its audio devices.
    pub audio: Vec<AudioEntry>,
    /// Its MIDI ports.
    pub midi: Vec<MidiEntry>,
}

/// One direction of an audio device.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AudioEntry {
    /// As `--device` takes it.
    pub name: String,
    /// `output` plays, `input` hears.
    pub direction: &'static str,
    /// The most channels that it has.
    pub channels: u16,
    /// Rates it runs at, in Hz.
    pub rates_hertz: Vec<u32>,
    /// The shortest and the longest block, in frames; one number where it
    /// cannot be chosen.
    pub blocks_frames: Vec<u32>,
}

/// One MIDI port.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MidiEntry {
    /// As a pattern of the rig sees it.
    pub name: String,
    /// `input` is heard, `output` is played to.
    pub direction: &'static str,
    /// The system's own name for it.
    pub id: String,
    /// Its serial number, for `serial` in a rig.
    pub serial: Option<String>,
    /// Where it is plugged in, for `usb` in a rig.
    pub usb: Option<String>,
    /// Which of the gear's ports, for `port` in a rig.
    pub port: Option<u32>,
}

/// Prints the list for people, or as JSON; or goes on to print what comes and goes.
/// Gives the exit status.
pub(super) fn devices(arguments: &DevicesArguments) -> u8 {
    if arguments.watch {
        return watch::watch(arguments.json, arguments.seconds);
    }
    devices_to(&list(), arguments.json, &mut io::stdout().lock())
}

/// Prints a list elsewhere. Gives the exit status.
pub fn devices_to(list: &DeviceList, json: bool, out: &mut dyn Write) -> u8 {
    // A reader that went away (`devices | head`) is no error.
    let _ = if json {
        serde_json::to_string_pretty(list).map_err(io::Error::from).and_then(|text| writeln!(out, "{text}"))
    } else {
        out.write_all(for_people(list).as_bytes())
    };
    0
}

/// Asks every driver of this system what it has. Real-time: no.
pub fn list() -> DeviceList {
    let mut drivers = vec![jack()];
    #[cfg(target_os = "linux")]
    drivers.extend([system(System::Pulse), with_midi(system(System::Alsa))]);
    #[cfg(target_os = "macos")]
    drivers.push(with_midi(system(System::CoreAudio)));
    #[cfg(windows)]
    drivers.push(with_midi(system(System::Wasapi)));
    drivers.push(null());
    DeviceList { drivers }
}

fn jack() -> DriverEntry {
    let name = DriverChoice::Jack.name();
    match audio::list_jack() {
        Ok(ports) => DriverEntry {
            name,
            available: true,
            reason: None,
            audio: jack_audio(&ports),
            midi: midi_entries(&ports.midi_sources, INPUT)
                .chain(midi_entries(&ports.midi_destinations, OUTPUT))
                .collect(),
        },
        Err(error) => unavailable(name, &error),
    }
}

fn midi_entries<'a>(ports: &'a [String], direction: &'static str) -> impl Iterator<Item = MidiEntry> + 'a {
    ports.iter().map(move |port| MidiEntry {
        name: port.clone(),
        direction,
        id: port.clone(),
        serial: None,
        usb: None,
        port: None,
    })
}

/// JACK knows ports, people know devices: the client's name is the device's.
fn jack_audio(ports: &JackPorts) -> Vec<AudioEntry> {
    let mut entries: Vec<AudioEntry> = Vec::new();
    for (direction, ports_of) in [(OUTPUT, &ports.playback), (INPUT, &ports.capture)] {
        for port in ports_of {
            let client = port.split_once(':').map_or(port.as_str(), |(client, _port)| client);
            let known = |entry: &&mut AudioEntry| entry.name == client && entry.direction == direction;
            match entries.iter_mut().find(known) {
                Some(entry) => entry.channels = entry.channels.saturating_add(1),
                None => entries.push(AudioEntry {
                    name: client.to_owned(),
                    direction,
                    channels: 1,
                    rates_hertz: vec![ports.rate_hertz],
                    blocks_frames: vec![ports.block_frames],
                }),
            }
        }
    }
    entries
}

fn system(system: System) -> DriverEntry {
    match audio::list_system(system) {
        Ok(devices) => {
            let available = devices.iter().any(|device| device.direction == Direction::Output);
            let reason = (!available).then(|| "there is no device that plays".to_owned());
            let audio = devices.into_iter().map(audio_entry).collect();
            DriverEntry { name: system.name(), available, reason, audio, midi: Vec::new() }
        }
        Err(error) => unavailable(system.name(), &error),
    }
}

/// The system's MIDI ports belong to its own driver.
fn with_midi(mut entry: DriverEntry) -> DriverEntry {
    match midi::list() {
        Ok(ports) => {
            entry.midi = ports.into_iter().map(midi_entry).collect();
        }
        Err(error) => {
            let reasons = entry.reason.take().into_iter().chain([error.to_string()]);
            entry.reason = Some(reasons.collect::<Vec<_>>().join("; "));
        }
    }
    entry
}

fn midi_entry(port: midi::MidiPortInfo) -> MidiEntry {
    MidiEntry {
        name: port.name,
        direction: if port.direction == midi::Direction::In { INPUT } else { OUTPUT },
        id: port.id,
        serial: port.identity.serial,
        usb: port.identity.usb,
        port: port.identity.port,
    }
}

fn audio_entry(device: AudioDevice) -> AudioEntry {
    AudioEntry {
        name: device.name,
        direction: if device.direction == Direction::Output { OUTPUT } else { INPUT },
        channels: device.channels,
        rates_hertz: device.rates_hertz,
        blocks_frames: device.blocks_frames,
    }
}

fn null() -> DriverEntry {
    DriverEntry {
        name: DriverChoice::Null.name(),
        available: true,
        reason: None,
        audio: vec![AudioEntry {
            name: "null clock".to_owned(),
            direction: OUTPUT,
            channels: 64,
            rates_hertz: audio::USUAL_RATES.to_vec(),
            blocks_frames: vec![1, 4_096],
        }],
        midi: Vec::new(),
    }
}

fn unavailable(name: &'static str, error: &DriverError) -> DriverEntry {
    DriverEntry {
        name,
        available: false,
        reason: Some(error.to_string()),
        audio: Vec::new(),
        midi: Vec::new(),
    }
}

fn for_people(list: &DeviceList) -> String {
    let mut text = String::new();
    for driver in &list.drivers {
        let state = if driver.available { "" } else { ": not available" };
        let _ = writeln!(text, "{}{state}", driver.name);
        if let Some(reason) = &driver.reason {
            let _ = writeln!(text, "    {reason}");
        }
        for device in &driver.audio {
            let _ = writeln!(
                text,
                "    {:<6}  {}: {} channel{}, {}, blocks of {} frames",
                device.direction,
                device.name,
                device.channels,
                if device.channels == 1 { "" } else { "s" },
                rates(&device.rates_hertz),
                blocks(&device.blocks_frames),
            );
        }
        for port in &driver.midi {
            let _ = writeln!(text, "    {}", midi_line(port));
        }
    }
    text
}

/// Names and serial numbers are the gear's own: shown, never obeyed.
fn midi_line(port: &MidiEntry) -> String {
    let mut line = format!("midi {:<6}  {} ({})", port.direction, port.name, port.id);
    let number = port.port.filter(|_| port.usb.is_some()).map(|port| port.to_string());
    for (what, text) in [("serial", &port.serial), ("usb", &port.usb), ("port", &number)] {
        if let Some(text) = text {
            let _ = write!(line, ", {what} {text}");
        }
    }
    line.chars().filter(|c| !c.is_control()).collect()
}

fn rates(rates_hertz: &[u32]) -> String {
    match rates_hertz {
        [] => "any rate".to_owned(),
        [only] => format!("{only} Hz"),
        [first, .., last] if rates_hertz.len() > 4 => format!("{first} to {last} Hz"),
        several => format!("{} Hz", several.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn blocks(blocks_frames: &[u32]) -> String {
    match blocks_frames {
        [] => "any number of".to_owned(),
        [first, last] if first != last => format!("{first} to {last}"),
        [first, ..] => first.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jack_ports_become_devices_with_channels() {
        let ports = JackPorts {
            rate_hertz: 48_000,
            block_frames: 64,
            playback: ["system:playback_1", "system:playback_2", "hdmi:1"].map(String::from).to_vec(),
            capture: vec!["system:capture_1".into()],
            audio_destinations: Vec::new(),
            audio_sources: Vec::new(),
            midi_sources: vec!["a2j:keys".into()],
            midi_destinations: Vec::new(),
        };
        let entries = jack_audio(&ports);
        let seen: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.direction, e.channels)).collect();
        assert_eq!(seen, [("system", OUTPUT, 2), ("hdmi", OUTPUT, 1), ("system", INPUT, 1)]);
    }

    #[test]
    fn both_prints_name_every_driver_and_say_why_one_is_missing() {
        let missing = unavailable("pulse", &DriverError::NotOnThisSystem { driver: "pulse" });
        let list = DeviceList { drivers: vec![missing, null()] };
        let mut text = Vec::new();
        assert_eq!(devices_to(&list, false, &mut text), 0);
        let text = String::from_utf8(text).expect("text");
        assert!(text.contains("pulse: not available") && text.contains("does not exist"), "{text}");
        assert!(text.contains("null clock: 64 channels, 8000 to 192000 Hz, blocks of 1 to 4096"), "{text}");
        let mut json = Vec::new();
        devices_to(&list, true, &mut json);
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(json["drivers"][0]["available"], false);
        assert_eq!(json["drivers"][1]["audio"][0]["blocks_frames"][1], 4_096);
    }
}
