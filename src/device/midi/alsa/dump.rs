//! Dumps by the ALSA sequencer: chunks, each as soon as the wire has room for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alsa::seq::{Addr, Event, EventType, PortCap, PortSubscribe, PortType, Seq};

use super::super::dump::{
    Destination, DumpError, DumpSender, PROGRAM_BYTES_PER_SECOND, Pace, RETRY, WIRE_BYTES_PER_SECOND, pause,
};
use super::super::{Direction, MidiError};
use super::{describe, directory, open_sequencer, unavailable};
use crate::device::pattern::NamePattern;
use crate::midi::SYSEX_CHUNK_BYTES;
use crate::midi::codec::SYSEX_END;

/// A port that takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(5);

pub(in super::super) fn destinations() -> Result<Vec<Destination>, MidiError> {
    let seq = open_sequencer()?;
    let own = seq.client_id().map_err(|error| unavailable(describe(error)))?;
    let any = NamePattern::whole("*");
    let known = |gear: directory::Gear| {
        gear.can_receive().then(|| Destination {
            name: gear.name(),
            id: format!("{}:{}", gear.addr.client, gear.addr.port),
            is_hardware: gear.is_hardware,
            is_usual: gear.is_named(&any, Direction::Out),
        })
    };
    Ok(directory::all(&seq, own).into_iter().filter_map(known).collect())
}

pub(in super::super) fn open(destination: &Destination) -> Result<Box<dyn DumpSender>, MidiError> {
    let seq = open_sequencer()?;
    let failed = |error| unavailable(describe(error));
    seq.set_client_name(c"Antiphon SysEx").map_err(failed)?;
    let own = seq.client_id().map_err(failed)?;
    let port = seq
        .create_simple_port(c"out", PortCap::READ | PortCap::NO_EXPORT, PortType::APPLICATION)
        .map_err(failed)?;
    let gone = || unavailable(format!("`{}` is gone", destination.name));
    let (client, number) = destination.id.split_once(':').ok_or_else(gone)?;
    let parse = |text: &str| text.parse::<i32>().map_err(|_| gone());
    let dest = Addr { client: parse(client)?, port: parse(number)? };
    // Connected, because only then a device is opened for writing.
    let subscription = PortSubscribe::empty().map_err(failed)?;
    subscription.set_sender(Addr { client: own, port });
    subscription.set_dest(dest);
    seq.subscribe_port(&subscription).map_err(failed)?;
    let speed = if destination.is_hardware { WIRE_BYTES_PER_SECOND } else { PROGRAM_BYTES_PER_SECOND };
    Ok(Box::new(Sender { seq, port, dest, pace: Pace::new(speed) }))
}

struct Sender {
    seq: Seq,
    port: i32,
    dest: Addr,
    pace: Pace,
}

// SAFETY: the sequencer's handle is used by one thread at a time, whichever has the sender.
unsafe impl Send for Sender {}

impl Sender {
    fn chunk(&mut self, bytes: &[u8], stop: &AtomicBool) -> Result<(), DumpError> {
        let begin = Instant::now();
        loop {
            let mut event = Event::new_ext(EventType::Sysex, bytes);
            event.set_source(self.port);
            event.set_dest(self.dest);
            event.set_direct();
            match self.seq.event_output_direct(&mut event) {
                Ok(_) => break,
                Err(error) if matches!(error.errno(), libc::EAGAIN | libc::ENOMEM) => {
                    if begin.elapsed() > PATIENCE {
                        let patience = PATIENCE.as_secs();
                        return Err(DumpError::Failed(format!("the port took nothing for {patience} s")));
                    }
                    std::thread::sleep(RETRY);
                }
                Err(error) => {
                    return Err(DumpError::Failed(format!("the port is gone ({})", describe(error))));
                }
            }
        }
        pause(self.pace.spend(bytes.len(), Instant::now()), stop);
        Ok(())
    }
}

impl DumpSender for Sender {
    fn send(
        &mut self,
        message: &[u8],
        stop: &AtomicBool,
        progress: &mut dyn FnMut(usize),
    ) -> Result<(), DumpError> {
        for (index, chunk) in message.chunks(SYSEX_CHUNK_BYTES).enumerate() {
            if stop.load(Ordering::Acquire) {
                if index > 0 {
                    // Cut off as a status byte would.
                    self.chunk(&[SYSEX_END], stop)?;
                }
                return Err(DumpError::Stopped);
            }
            self.chunk(chunk, stop)?;
            progress(chunk.len());
        }
        Ok(())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // Closing would cut off what the wire has not taken yet.
        std::thread::sleep(self.pace.rest(Instant::now()).min(PATIENCE));
    }
}
