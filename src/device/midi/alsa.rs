//! The ALSA sequencer: one client, a port for each role, one thread.
//!
//! The thread sleeps in `ppoll` until something arrives or is due; both
//! directions share it, so that the sequencer's handle is used by one thread
//! only. Devices are followed by the sequencer's own announcements.
//!
//! Source: ALSA project, "Sequencer interface" of the alsa-lib reference.

mod card;
mod client;
mod codec;
mod directory;
mod dump;
mod echo;
mod listen;
mod lookout;
mod queue;
mod run;
mod worker;

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam::channel::{Sender, bounded};

use self::client::Client;
pub(super) use self::dump::{destinations as dump_destinations, open as open_dump};
pub(super) use self::echo::{connect_own, open as open_echo, pairs as echo_pairs};
pub(super) use self::listen::listen;
pub(super) use self::lookout::Announced;
use super::board::Board;
use super::{Assigned, FrameToHost, MidiError, MidiPortInfo, PortRequest, Worker};

/// The sequencer's device file, asked before alsa-lib, which would write its
/// troubles to stderr.
const DEVICE: &str = "/dev/snd/seq";

/// Changes of gear that may wait for the thread.
const ORDERS: usize = 16;

pub(super) fn open(
    requests: Vec<PortRequest>,
    frame_to_host: FrameToHost,
    board: Board,
) -> Result<Box<dyn Worker>, MidiError> {
    let client = Client::open(requests, board.clone())?;
    let (wake, woken) = UnixStream::pair().map_err(|error| unavailable(error.to_string()))?;
    woken.set_nonblocking(true).map_err(|error| unavailable(error.to_string()))?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let (orders, ordered) = bounded(ORDERS);
    let thread = std::thread::Builder::new()
        .name("antiphon-midi".into())
        .spawn(move || {
            let wake = run::Wake { woken, stop: asked, orders: ordered };
            let work = std::panic::AssertUnwindSafe(|| run::run(client, &frame_to_host, &wake));
            let trouble = match std::panic::catch_unwind(work) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => format!("MIDI stopped: {error}"),
                Err(_) => "MIDI stopped: its thread broke; start again to have it back".to_owned(),
            };
            board.trouble(trouble);
        })
        .map_err(|error| unavailable(error.to_string()))?;
    Ok(Box::new(Sequencer { stop, wake, orders, thread: Some(thread) }))
}

pub(super) fn list() -> Result<Vec<MidiPortInfo>, MidiError> {
    let seq = open_sequencer()?;
    let own = seq.client_id().map_err(|error| unavailable(describe(error)))?;
    Ok(directory::list(&seq, own))
}

struct Sequencer {
    stop: Arc<AtomicBool>,
    /// Closing it wakes the thread.
    wake: UnixStream,
    orders: Sender<Vec<Assigned>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker for Sequencer {
    fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.wake.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            // It never panics: that is caught inside.
            let _ = thread.join();
        }
    }

    fn assign(&mut self, roles: Vec<Assigned>) -> bool {
        let is_taken = self.orders.try_send(roles).is_ok();
        // Where the thread has gone the ports are opened anew.
        is_taken && self.wake.write_all(&[0]).is_ok()
    }
}

fn open_sequencer() -> Result<::alsa::Seq, MidiError> {
    match std::fs::OpenOptions::new().read(true).write(true).open(DEVICE) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(unavailable(format!(
                "the ALSA sequencer ({DEVICE}) is not there; load it with `sudo modprobe snd-seq`"
            )));
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(unavailable(format!(
                "{DEVICE} is closed to you; join the group with `sudo usermod -aG audio $USER` and log in again"
            )));
        }
        Err(error) => return Err(unavailable(format!("{DEVICE}: {error}"))),
    }
    ::alsa::Seq::open(None, None, true).map_err(|error| unavailable(describe(error)))
}

fn unavailable(reason: String) -> MidiError {
    MidiError::Unavailable { reason }
}

fn describe(error: ::alsa::Error) -> String {
    format!("{}: {}", error.func(), std::io::Error::from_raw_os_error(error.errno()))
}
