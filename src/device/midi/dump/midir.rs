//! Dumps by midir: a whole message at once, then its time on the wire.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use midir::{MidiOutput, MidiOutputConnection};

use super::{Destination, DumpError, DumpSender, Pace, WIRE_BYTES_PER_SECOND, pause};
use crate::device::midi::MidiError;

const NAME: &str = "Antiphon SysEx";

pub(super) fn destinations() -> Result<Vec<Destination>, MidiError> {
    let output = MidiOutput::new(NAME).map_err(|error| unavailable(&error))?;
    let known = |port: midir::MidiOutputPort| {
        let name = output.port_name(&port).ok()?;
        Some(Destination { name, id: port.id(), is_hardware: true, is_usual: true })
    };
    Ok(output.ports().into_iter().filter_map(known).collect())
}

pub(super) fn open(destination: &Destination) -> Result<Box<dyn DumpSender>, MidiError> {
    let output = MidiOutput::new(NAME).map_err(|error| unavailable(&error))?;
    let port = output.find_port_by_id(&destination.id);
    let port = port.ok_or_else(|| unavailable(&format!("`{}` is gone", destination.name)))?;
    let connection = output.connect(&port, "sysex").map_err(|error| unavailable(&error))?;
    Ok(Box::new(Sender { connection, pace: Pace::new(WIRE_BYTES_PER_SECOND) }))
}

struct Sender {
    connection: MidiOutputConnection,
    pace: Pace,
}

impl DumpSender for Sender {
    fn send(
        &mut self,
        message: &[u8],
        stop: &AtomicBool,
        progress: &mut dyn FnMut(usize),
    ) -> Result<(), DumpError> {
        if stop.load(Ordering::Acquire) {
            return Err(DumpError::Stopped);
        }
        self.connection.send(message).map_err(|error| DumpError::Failed(error.to_string()))?;
        progress(message.len());
        let wait: Duration = self.pace.spend(message.len(), Instant::now());
        pause(wait, stop);
        Ok(())
    }
}

fn unavailable(error: &dyn std::fmt::Display) -> MidiError {
    MidiError::Unavailable { reason: error.to_string() }
}
