//! The sequencer's announcements, for those who only look.

use std::time::{Duration, Instant};

use alsa::poll::{Descriptors, pollfd};
use alsa::seq::{Addr, EventType, PortCap, PortSubscribe, PortType, Seq};

use super::super::{MidiError, MidiPortInfo};
use super::{describe, directory, open_sequencer, unavailable};

/// Gear has several ports, which appear one after the other.
const SETTLE: Duration = Duration::from_millis(20);

pub(in super::super) struct Announced {
    seq: Seq,
    own: i32,
    descriptors: Vec<pollfd>,
}

impl Announced {
    pub(in super::super) fn open() -> Result<Announced, MidiError> {
        let failed = |error| unavailable(describe(error));
        let seq = open_sequencer()?;
        let own = seq.client_id().map_err(failed)?;
        let port = seq
            .create_simple_port(c"announcements", PortCap::WRITE | PortCap::NO_EXPORT, PortType::APPLICATION)
            .map_err(failed)?;
        let subscription = PortSubscribe::empty().map_err(failed)?;
        subscription.set_sender(Addr::system_announce());
        subscription.set_dest(Addr { client: own, port });
        seq.subscribe_port(&subscription).map_err(failed)?;
        let descriptors = (&seq, Some(alsa::Direction::Capture)).get().map_err(failed)?;
        Ok(Announced { seq, own, descriptors })
    }

    /// All ports, once something was announced or the time is over.
    pub(in super::super) fn ports(&mut self, limit: Duration) -> Result<Vec<MidiPortInfo>, MidiError> {
        let begin = Instant::now();
        loop {
            if self.take()? {
                std::thread::sleep(SETTLE);
                self.take()?;
                break;
            }
            let left = limit.saturating_sub(begin.elapsed());
            if left.is_zero() {
                break;
            }
            let millis = libc::c_int::try_from(left.as_millis()).unwrap_or(libc::c_int::MAX).max(1);
            alsa::poll::poll(&mut self.descriptors, millis).map_err(|error| unavailable(describe(error)))?;
        }
        Ok(directory::list(&self.seq, self.own))
    }

    /// Takes what was announced; whether ports came or went.
    fn take(&mut self) -> Result<bool, MidiError> {
        let mut has_news = false;
        loop {
            match self.seq.input().event_input() {
                Ok(event) => {
                    has_news |= matches!(
                        event.get_type(),
                        EventType::PortStart
                            | EventType::PortExit
                            | EventType::PortChange
                            | EventType::ClientExit
                    );
                }
                Err(error) if error.errno() == libc::EAGAIN => return Ok(has_news),
                // Announcements were lost: the list tells.
                Err(error) if error.errno() == libc::ENOSPC => has_news = true,
                Err(error) => return Err(unavailable(describe(error))),
            }
        }
    }
}
