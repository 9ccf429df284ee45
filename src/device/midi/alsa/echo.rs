//! Sending to the sequencer and hearing it again, by the clock of one queue: what
//! goes is dated just before it goes, what comes by the kernel as it passes.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::{Duration, Instant};

use alsa::poll::{Descriptors, pollfd};
use alsa::seq::{Addr, EventType, PortCap, PortSubscribe, PortType, Seq};

use super::super::echo::{Echo, MARKS, Mark, Pair, Shared, message, paired};
use super::super::{CLIENT_NAME, Direction, MidiError};
use super::codec::{Decoder, Encoder};
use super::directory::{self, Gear};
use super::worker::Worker;
use super::{describe, open_sequencer, unavailable};
use crate::device::audio::scheduling::promote_this_thread_to;
use crate::device::pattern::NamePattern;
use crate::rt::ring::{Sender, ring};

const CLIENT: &std::ffi::CStr = c"Antiphon bench";
const PRIORITY: u8 = 60;
const POOL_EVENTS: u32 = 2_000;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// A message leaves by up to this much after its turn, each by another part of it: so it
/// meets every place of the millisecond in which a USB cable has its turn.
const SPREAD_NANOS: u64 = 1_000_000;
/// The golden ratio's part of it: the places that come one after the other lie far apart.
const STEP_NANOS: u64 = 618_034;
/// How often it is looked whether the ports are still there.
const LOOK: Duration = Duration::from_millis(100);
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

pub(in super::super) fn pairs(outputs: &[String], inputs: &[String]) -> Result<Vec<Pair>, MidiError> {
    let seq = open_sequencer()?;
    let own = seq.client_id().map_err(|error| unavailable(describe(error)))?;
    let there = directory::all(&seq, own);
    paired(named(&there, outputs, Direction::Out)?, named(&there, inputs, Direction::In)?)
}

/// The ports that patterns mean, in their order, each once.
fn named(
    there: &[Gear],
    patterns: &[String],
    direction: Direction,
) -> Result<Vec<(String, String)>, MidiError> {
    let mut found: Vec<(String, String)> = Vec::new();
    for text in patterns {
        let pattern = NamePattern::whole(text);
        let before = found.len();
        for gear in there.iter().filter(|gear| gear.is_called(&pattern, direction)) {
            let port = (gear.name(), address(gear.addr));
            if !found.contains(&port) {
                found.push(port);
            }
        }
        if found.len() == before {
            return Err(unavailable(format!("no port of the system's MIDI is `{text}` ({direction})")));
        }
    }
    Ok(found)
}

/// Connects two ports of this program's own, as a person with a patchbay would.
pub(in super::super) fn connect_own(output: &str, input: &str) -> Result<(), MidiError> {
    let seq = open_sequencer()?;
    let own = seq.client_id().map_err(|error| unavailable(describe(error)))?;
    let there = directory::all(&seq, own);
    let find = |port: &str| {
        let name = format!("{CLIENT_NAME}:{port}");
        let found = there.iter().rev().find(|gear| gear.name() == name);
        found.map(|gear| gear.addr).ok_or_else(|| unavailable(format!("the port {name} is not there")))
    };
    match subscribe(&seq, find(output)?, find(input)?, None) {
        Err(error) if error.errno() != libc::EBUSY => Err(unavailable(describe(error))),
        _ => Ok(()),
    }
}

fn address(addr: Addr) -> String {
    format!("{}:{}", addr.client, addr.port)
}

fn parsed(address: &str) -> Option<Addr> {
    let (client, port) = address.split_once(':')?;
    Some(Addr { client: client.parse().ok()?, port: port.parse().ok()? })
}

pub(in super::super) fn open(pair: &Pair) -> Result<Echo, MidiError> {
    let seq = open_sequencer()?;
    let failed = |error| unavailable(describe(error));
    seq.set_client_name(CLIENT).map_err(failed)?;
    let _ = seq.set_client_pool_input(POOL_EVENTS);
    let own = seq.client_id().map_err(failed)?;
    let kind = PortType::MIDI_GENERIC | PortType::SOFTWARE | PortType::APPLICATION;
    let port = |name: &std::ffi::CStr, capability| {
        let port = seq.create_simple_port(name, capability, kind)?;
        Ok(Addr { client: own, port })
    };
    let output = port(c"midi_out", PortCap::READ | PortCap::SUBS_READ).map_err(failed)?;
    let input = port(c"midi_in", PortCap::WRITE | PortCap::SUBS_WRITE).map_err(failed)?;
    let queue = seq.alloc_named_queue(CLIENT).map_err(failed)?;
    seq.control_queue(queue, EventType::Start, 0, None).map_err(failed)?;
    seq.drain_output().map_err(failed)?;
    let end = |port: &Option<(String, String)>, ours: Addr| -> Result<(String, Addr), MidiError> {
        match port {
            None => Ok(("a port of our own".to_owned(), ours)),
            Some((name, id)) => {
                let addr = parsed(id).ok_or_else(|| unavailable(format!("`{id}` is no address")))?;
                Ok((name.clone(), addr))
            }
        }
    };
    let (to_name, to) = end(&pair.output, input)?;
    let (from_name, from) = end(&pair.input, output)?;
    // With our own pair both are one cable.
    if to != input {
        subscribe(&seq, output, to, None).map_err(failed)?;
    }
    subscribe(&seq, from, input, Some(queue)).map_err(failed)?;
    let shared = Arc::<Shared>::default();
    let (marks, tape) = ring(MARKS);
    let others = [to, from].into_iter().filter(|addr| addr.client != own).collect();
    let mut runner = Runner {
        seq,
        output,
        input,
        queue,
        others,
        marks,
        shared: Arc::clone(&shared),
        begin: Instant::now(),
        due: Duration::ZERO,
        number: 0,
    };
    let (wake, woken) = UnixStream::pair().map_err(|error| unavailable(error.to_string()))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (asked, told) = (Arc::clone(&stop), Arc::clone(&shared));
    let thread = std::thread::Builder::new()
        .name("antiphon-echo".into())
        .spawn(move || {
            if let Err(error) = runner.run(&woken, &asked) {
                told.end(error);
            }
        })
        .map_err(|error| unavailable(error.to_string()))?;
    let path = match &pair.output {
        None => "the sequencer, from a port of our own to another".to_owned(),
        Some(_) => format!("{to_name} … {from_name}"),
    };
    Ok(Echo {
        driver: "alsa",
        path,
        ticks_per_second: NANOS_PER_SECOND,
        period_ticks: 1,
        shared,
        tapes: vec![tape],
        _worker: Box::new(Worker::new(stop, wake, thread)),
    })
}

/// Connects two ports; with a queue, what passes is dated by it.
fn subscribe(seq: &Seq, sender: Addr, dest: Addr, queue: Option<i32>) -> alsa::Result<()> {
    let subscription = PortSubscribe::empty()?;
    subscription.set_sender(sender);
    subscription.set_dest(dest);
    if let Some(queue) = queue {
        subscription.set_queue(queue);
        subscription.set_time_update(true);
        subscription.set_time_real(true);
    }
    seq.subscribe_port(&subscription)
}

struct Runner {
    seq: Seq,
    output: Addr,
    input: Addr,
    queue: i32,
    /// The ports of others, which may go.
    others: Vec<Addr>,
    marks: Sender<Mark>,
    shared: Arc<Shared>,
    begin: Instant,
    /// When the next message has its turn, since the beginning.
    due: Duration,
    number: u64,
}

impl Runner {
    fn run(&mut self, woken: &UnixStream, stop: &AtomicBool) -> Result<(), String> {
        promote_this_thread_to(PRIORITY);
        let decoder = Decoder::new().map_err(describe)?;
        let mut encoder = Encoder::new().map_err(describe)?;
        let mut descriptors = (&self.seq, Some(alsa::Direction::Capture)).get().map_err(describe)?;
        descriptors.push(pollfd { fd: woken.as_raw_fd(), events: libc::POLLIN, revents: 0 });
        let mut looked = Instant::now();
        while !stop.load(Acquire) {
            self.take_all(&decoder)?;
            let wait = self.send_due(&mut encoder)?;
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look()?;
            }
            self.shared.beats.fetch_add(1, Relaxed);
            let timeout = libc::timespec {
                tv_sec: wait.as_secs() as libc::time_t,
                tv_nsec: wait.subsec_nanos() as libc::c_long,
            };
            // SAFETY: descriptors and time are valid for the call, which keeps neither.
            let _ = unsafe {
                libc::ppoll(
                    descriptors.as_mut_ptr(),
                    descriptors.len() as libc::nfds_t,
                    &raw const timeout,
                    std::ptr::null(),
                )
            };
        }
        Ok(())
    }

    /// Whether the ports of others are still there.
    fn look(&self) -> Result<(), String> {
        for addr in &self.others {
            if self.seq.get_any_port_info(*addr).is_err() {
                return Err(format!("the port {} went away", address(*addr)));
            }
        }
        Ok(())
    }

    /// Takes what has arrived.
    fn take_all(&mut self, decoder: &Decoder) -> Result<(), String> {
        loop {
            let mut input = self.seq.input();
            match input.event_input() {
                Ok(mut event) => {
                    if event.get_dest().port != self.input.port {
                        continue;
                    }
                    let stamp = event.get_time().filter(|_| event.get_queue() == self.queue);
                    let time = match stamp {
                        Some(stamp) => stamp.as_nanos() as u64,
                        None => now(&self.seq, self.queue)?,
                    };
                    let (marks, shared) = (&mut self.marks, &self.shared);
                    let mut hear = |heard: &[u8]| {
                        let mut bytes = [0; 3];
                        let length = heard.len().min(3);
                        bytes[..length].copy_from_slice(&heard[..length]);
                        if marks.send(Mark::Heard { bytes, time }).is_err() {
                            shared.missed.fetch_add(1, Relaxed);
                        }
                    };
                    if event.get_type() == EventType::Sysex {
                        hear(event.get_ext().unwrap_or_default());
                    } else {
                        decoder.decode(&mut event, hear);
                    }
                }
                Err(error) => match error.errno() {
                    libc::EAGAIN => return Ok(()),
                    libc::ENOSPC => drop(self.shared.missed.fetch_add(1, Relaxed)),
                    libc::EBADF | libc::ENODEV | libc::EIO | libc::ENXIO => return Err(describe(error)),
                    // An event of a kind that alsa-lib or the crate does not know.
                    _ => {}
                },
            }
        }
    }

    /// Sends what has its turn; gives how long there is nothing to do.
    fn send_due(&mut self, encoder: &mut Encoder) -> Result<Duration, String> {
        let interval = self.shared.interval.load(Relaxed);
        let is_release = !self.number.is_multiple_of(2);
        if interval == 0 && !is_release {
            // Whenever it goes on, it goes on from there.
            self.due = self.begin.elapsed();
            return Ok(LONGEST_SLEEP);
        }
        let spread = Duration::from_nanos(self.number * STEP_NANOS % SPREAD_NANOS);
        let elapsed = self.begin.elapsed();
        if let Some(wait) = (self.due + spread).checked_sub(elapsed).filter(|wait| !wait.is_zero()) {
            return Ok(wait.min(LONGEST_SLEEP));
        }
        if self.marks.vacant() == 0 {
            return Ok(LONGEST_SLEEP);
        }
        let bytes = message(self.number);
        let Some(mut event) = encoder.encode(&bytes) else {
            return Err("the sequencer has no event for a note".to_owned());
        };
        event.set_source(self.output.port);
        event.set_subs();
        event.set_direct();
        let time = now(&self.seq, self.queue)?;
        match self.seq.event_output_direct(&mut event) {
            Ok(_) => {}
            // There is no room: once more in its next turn.
            Err(error) if error.errno() == libc::EAGAIN => return Ok(Duration::from_millis(1)),
            Err(error) => return Err(describe(error)),
        }
        let _ = self.marks.send(Mark::Sent { number: self.number, time });
        self.number += 1;
        self.shared.is_holding.store(!is_release, Relaxed);
        // A thread that slept too long does not make up for it by a burst.
        self.due = (self.due + Duration::from_nanos(interval)).max(elapsed);
        Ok(Duration::ZERO)
    }
}

/// The queue's time.
fn now(seq: &Seq, queue: i32) -> Result<u64, String> {
    let status = seq.get_queue_status(queue).map_err(describe)?;
    Ok(status.get_real_time().as_nanos() as u64)
}
