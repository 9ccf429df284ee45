//! `antiphon panic`: the panic button for gear that no engine plays.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::device::midi::{self, Direction, PortRequest, RoleGear};
use crate::engine::{Error, ErrorKind};
use crate::midi::{Event, Message, controller};
use crate::render::outlet;
use crate::unit::HostTime;

/// How long ports get to be found.
const FIND: Duration = Duration::from_millis(500);
/// How long a DIN port takes for a message of three bytes.
const MESSAGE: Duration = Duration::from_millis(1);
const LOOK: Duration = Duration::from_millis(5);
/// What is sent to each channel: pedals up, then all that ends sound.
const LAST_WORDS: [u8; 5] = [
    controller::SUSTAIN,
    controller::SOSTENUTO,
    controller::ALL_SOUND_OFF,
    controller::RESET_ALL,
    controller::ALL_NOTES_OFF,
];

/// `antiphon panic`.
#[derive(Args, Debug)]
pub struct PanicArguments {
    /// Only ports whose names fit this pattern
    pub port: Option<String>,
    /// Also releases each of the 128 keys by itself, for gear that knows no other end (2 s by DIN)
    #[arg(long)]
    pub every_key: bool,
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    ports: Vec<String>,
    messages: usize,
}

/// Ends every note of every MIDI output.
///
/// # Errors
/// [`Error`] where the system has no MIDI, or no output that fits.
pub(super) fn panic(arguments: &PanicArguments) -> Result<(), Error> {
    let messages = messages(arguments.every_key);
    let (mut sink, outer) = outlet();
    let request = PortRequest {
        name: "panic".to_owned(),
        gear: Some(RoleGear {
            out_pattern: Some(arguments.port.clone().unwrap_or_else(|| "*".to_owned())),
            ..RoleGear::default()
        }),
        traffic: std::sync::Arc::default(),
        inlet: None,
        outlet: Some(outer),
    };
    let device = |error: midi::MidiError| Error::new(ErrorKind::Device, error.to_string());
    let ports = midi::open(vec![request], Box::new(|_| HostTime::now())).map_err(device)?;
    let begin = Instant::now();
    let outputs = loop {
        let connected = ports.connected().into_iter().filter(|port| port.direction == Direction::Out);
        let outputs: Vec<String> = connected.map(|port| port.device.name).collect();
        if begin.elapsed() >= FIND {
            break outputs;
        }
        std::thread::sleep(LOOK);
    };
    if outputs.is_empty() {
        let message = "there is no MIDI output that fits; `antiphon devices` lists them";
        return Err(Error::new(ErrorKind::Device, message));
    }
    for message in &messages {
        sink.send(Event::midi(0, 0, *message));
    }
    // The ports end with us; what waits in them must have left.
    std::thread::sleep(MESSAGE * messages.len() as u32 + FIND);
    ports.stop();
    if arguments.json {
        super::print_json(&Report { ports: outputs, messages: messages.len() })?;
    } else {
        super::tell(&format!("every note is ended on {}", outputs.join(", ")));
    }
    Ok(())
}

fn messages(every_key: bool) -> Vec<Message> {
    let mut messages = Vec::new();
    for channel in 0..16 {
        for controller in LAST_WORDS {
            messages.push(Message::ControlChange { channel, controller, value: 0 });
        }
        messages.push(Message::PitchBend { channel, value: 8_192 });
    }
    if every_key {
        let keys = (0..16).flat_map(|channel| (0..128).map(move |key| (channel, key)));
        messages.extend(keys.map(|(channel, key)| Message::NoteOff { channel, key, velocity: 64 }));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_gets_its_pedals_up_and_its_notes_off() {
        let short = messages(false);
        assert_eq!(short.len(), 16 * 6);
        for channel in 0..16 {
            for controller in [64, 66, 120, 123] {
                assert!(short.contains(&Message::ControlChange { channel, controller, value: 0 }));
            }
        }
        assert_eq!(messages(true).len(), 16 * 6 + 16 * 128);
    }
}
