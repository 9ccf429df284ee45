//! The MIDI thread.

use std::io::Read as _;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alsa::poll::{Descriptors, Flags, pollfd};
use alsa::seq::{Addr, Event, EventType, Seq};
use crossbeam::channel::Receiver;

use super::super::output::Wire;
use super::super::{Assigned, FrameToHost};
use super::client::{Client, Port};
use super::codec::{Decoder, Encoder};
use super::describe;
use super::queue::Queue;
use crate::device::audio::scheduling::promote_this_thread_to;
use crate::midi::SYSEX_CHUNK_BYTES;
use crate::unit::HostTime;

/// Below the audio callback's.
const PRIORITY: u8 = 60;
/// How long an output's ring goes unread: nobody wakes us when it fills.
const OUTPUT_INTERVAL: Duration = Duration::from_millis(1);
/// Events taken in one go, before outputs have their turn.
const INPUT_BATCH: usize = 1_024;
/// How long ending all notes may take at most.
const FINISH_LIMIT: Duration = Duration::from_millis(200);
/// How far ahead of its time an event may be given to the queue.
const AHEAD: Duration = Duration::from_millis(50);
/// What a byte takes on a wire of 31,250 baud: ten bits.
const WIRE_NANOS_PER_BYTE: u64 = 320_000;
/// What a SysEx may get a port ahead of the wire: half of what the kernel buffers for
/// it (4 KiB), beyond which it drops bytes without a word.
const SYSEX_AHEAD_BYTES: u64 = 2_048;
/// The same for other messages, so that a SysEx leaves them room.
const MESSAGES_AHEAD_BYTES: u64 = 3_584;

/// How others reach the thread.
pub(super) struct Wake {
    /// A byte for each order; closed at the end.
    pub(super) woken: UnixStream,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) orders: Receiver<Vec<Assigned>>,
}

impl Wake {
    /// Does what was ordered.
    fn obey(&self, client: &mut Client) {
        let mut bytes = [0; 16];
        // Nothing to read: it was not this that woke us.
        let _ = (&self.woken).read(&mut bytes);
        while let Ok(roles) = self.orders.try_recv() {
            client.assign(roles);
        }
    }
}

pub(super) fn run(mut client: Client, frame_to_host: &FrameToHost, wake: &Wake) -> Result<(), String> {
    promote_this_thread_to(PRIORITY);
    let decoder = Decoder::new().map_err(describe)?;
    let mut sender = Sender::new(&client)?;
    let mut descriptors = (&client.seq, Some(alsa::Direction::Capture)).get().map_err(describe)?;
    let sequencer_count = descriptors.len();
    descriptors.push(pollfd { fd: wake.woken.as_raw_fd(), events: libc::POLLIN, revents: 0 });
    let result = loop {
        if wake.stop.load(Ordering::Acquire) {
            break Ok(());
        }
        wake.obey(&mut client);
        if let Some(queue) = &mut client.queue {
            queue.follow(&client.seq, HostTime::now());
        }
        let is_drained = match receive(&mut client, &decoder) {
            Ok(is_drained) => is_drained,
            Err(error) => break Err(error),
        };
        let wait = sender.pump(&mut client, frame_to_host);
        // What waits in alsa-lib's own buffer makes no descriptor ready.
        sleep(&mut descriptors, if is_drained { wait } else { Some(Duration::ZERO) });
        let troubles = (Flags::ERR | Flags::HUP | Flags::NVAL).bits();
        if descriptors[..sequencer_count].iter().any(|descriptor| descriptor.revents & troubles != 0) {
            break Err("the sequencer went away".to_owned());
        }
    };
    if result.is_err() {
        client.reset_sources();
    }
    sender.finish(&mut client);
    result
}

/// Sleeps until a descriptor is ready or the time is over.
fn sleep(descriptors: &mut [pollfd], wait: Option<Duration>) {
    let timeout = wait.map(|wait| libc::timespec {
        tv_sec: wait.as_secs() as libc::time_t,
        tv_nsec: wait.subsec_nanos() as libc::c_long,
    });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the descriptors and the time are valid for the call, which keeps neither.
    let result = unsafe {
        libc::ppoll(descriptors.as_mut_ptr(), descriptors.len() as libc::nfds_t, timeout, std::ptr::null())
    };
    if result < 0 {
        // A signal, nearly always: what the descriptors say is not of this call.
        for descriptor in descriptors {
            descriptor.revents = 0;
        }
    }
}

/// Takes what has arrived, up to a batch; whether that was all.
fn receive(client: &mut Client, decoder: &Decoder) -> Result<bool, String> {
    for _ in 0..INPUT_BATCH {
        let news = {
            let mut input = client.seq.input();
            match input.event_input() {
                Ok(mut event) => {
                    let news = client.news(&event);
                    if news.is_none() {
                        deliver(&mut client.ports, &mut client.queue, decoder, &mut event);
                    }
                    Ok(news)
                }
                Err(error) => Err(error),
            }
        };
        match news {
            Ok(Some(news)) => client.follow(news),
            Ok(None) => {}
            Err(error) => match error.errno() {
                libc::EAGAIN => return Ok(true),
                libc::ENOSPC => client.overflowed(),
                libc::EBADF | libc::ENODEV | libc::EIO | libc::ENXIO => return Err(describe(error)),
                // An event of a kind that alsa-lib or the crate does not know.
                _ => {}
            },
        }
    }
    Ok(false)
}

fn deliver(ports: &mut [Port], queue: &mut Option<Queue>, decoder: &Decoder, event: &mut Event<'_>) {
    let now = HostTime::now();
    // Whoever sends by a queue of his own may leave his stamp on it.
    let stamp = |queue: &mut Queue| {
        let is_ours = event.get_queue() == queue.number();
        queue.stamp(event.get_time().filter(|_| is_ours), now)
    };
    let time = queue.as_mut().map_or(now, stamp).nanos();
    let number = event.get_dest().port;
    let device = super::directory::id(event.get_source());
    let port = ports.iter_mut().find(|port| port.number == number);
    let Some(input) = port.and_then(|port| port.input.as_mut()) else { return };
    if event.get_type() == EventType::Sysex {
        input.stream(device, time, event.get_ext().unwrap_or_default());
    } else {
        decoder.decode(event, |bytes| input.message(device, time, bytes));
    }
}

/// The way out.
struct Sender {
    encoder: Encoder,
    /// One for each port of the client.
    lanes: Vec<Lane>,
}

/// What is kept of a port between two calls.
#[derive(Clone, Debug, Default)]
struct Lane {
    pace: Pace,
    /// The time of what was sent last: nothing overtakes it.
    last: HostTime,
}

impl Sender {
    fn new(client: &Client) -> Result<Sender, String> {
        let encoder = Encoder::new().map_err(describe)?;
        Ok(Sender { encoder, lanes: vec![Lane::default(); client.ports.len()] })
    }

    /// Sends what is due; gives how long to sleep at most, where there are outputs.
    fn pump(&mut self, client: &mut Client, frame_to_host: &FrameToHost) -> Option<Duration> {
        let mut wait = None;
        let now = HostTime::now();
        for (port, lane) in client.ports.iter_mut().zip(&mut self.lanes) {
            let (is_slow, number) = (port.is_slow(), port.number);
            let Some(output) = &mut port.output else { continue };
            let (seq, queue, encoder) = (&client.seq, client.queue.as_ref(), &mut self.encoder);
            let mut wire = SequencerWire { seq, queue, encoder, number, lane, is_slow, now };
            let due = output.pump(now, frame_to_host, &mut wire);
            let until = due.map_or(OUTPUT_INTERVAL, |due| Duration::from_nanos(due.since(now)));
            let shortest: Duration = wait.unwrap_or(OUTPUT_INTERVAL);
            wait = Some(shortest.min(until));
        }
        wait
    }

    fn finish(&mut self, client: &mut Client) {
        let begin = HostTime::now();
        let is_patient = || HostTime::now().since(begin) < FINISH_LIMIT.as_nanos() as u64;
        for (port, lane) in client.ports.iter_mut().zip(&mut self.lanes) {
            let number = port.number;
            let Some(output) = &mut port.output else { continue };
            let (seq, queue, encoder) = (&client.seq, client.queue.as_ref(), &mut self.encoder);
            let mut wire = SequencerWire { seq, queue, encoder, number, lane, is_slow: false, now: begin };
            output.finish(&mut wire, || {
                std::thread::sleep(OUTPUT_INTERVAL);
                is_patient()
            });
        }
        // With the client its queue goes, and what is still in it.
        let last = self.lanes.iter().map(|lane| lane.last).max().unwrap_or(begin);
        while last >= HostTime::now() && is_patient() {
            std::thread::sleep(OUTPUT_INTERVAL);
        }
        std::thread::sleep(OUTPUT_INTERVAL);
    }
}

struct SequencerWire<'a> {
    seq: &'a Seq,
    queue: Option<&'a Queue>,
    encoder: &'a mut Encoder,
    number: i32,
    lane: &'a mut Lane,
    /// The bytes of a SysEx must not come faster than a wire takes them.
    is_slow: bool,
    now: HostTime,
}

/// An event on its way: to all that listen, or to one of them.
struct Sending<'a> {
    seq: &'a Seq,
    queue: Option<&'a Queue>,
    number: i32,
    to: Option<Addr>,
    time: HostTime,
}

impl Sending<'_> {
    /// Whether there was room.
    fn output(&self, event: &mut Event<'_>) -> bool {
        event.set_source(self.number);
        match self.to {
            Some(to) => event.set_dest(to),
            None => event.set_subs(),
        }
        match self.queue {
            Some(queue) => event.schedule_real(queue.number(), false, queue.time_of(self.time)),
            None => event.set_direct(),
        }
        match self.seq.event_output_direct(event) {
            // Any other error is of the receiver, and would stay.
            Err(error) => error.errno() != libc::EAGAIN,
            Ok(_) => true,
        }
    }
}

impl<'a> SequencerWire<'a> {
    fn sending(&self, due: HostTime, to: Option<Addr>) -> Sending<'a> {
        Sending { seq: self.seq, queue: self.queue, number: self.number, to, time: due }
    }

    fn encoded(&mut self, bytes: &[u8], sending: &Sending<'_>) -> bool {
        let is_sent = self.encoder.encode(bytes).is_none_or(|mut event| sending.output(&mut event));
        if is_sent {
            self.lane.pace.spend(bytes.len());
        }
        is_sent
    }
}

impl Wire for SequencerWire<'_> {
    fn ahead(&self) -> Duration {
        self.queue.map_or(Duration::ZERO, |_| AHEAD)
    }

    fn message(&mut self, bytes: &[u8], due: HostTime) -> bool {
        if self.is_slow && !self.lane.pace.allows(bytes.len(), MESSAGES_AHEAD_BYTES, self.now) {
            return false;
        }
        let sending = self.sending(due.max(self.lane.last), None);
        let is_sent = self.encoded(bytes, &sending);
        if is_sent {
            self.lane.last = sending.time;
        }
        is_sent
    }

    fn realtime(&mut self, bytes: &[u8], due: HostTime) -> bool {
        let sending = self.sending(due, None);
        self.encoded(bytes, &sending)
    }

    fn sysex(&mut self, rest: &[u8], due: HostTime) -> usize {
        let bytes = rest.len().min(SYSEX_CHUNK_BYTES);
        if self.is_slow && !self.lane.pace.allows(bytes, SYSEX_AHEAD_BYTES, self.now) {
            return 0;
        }
        let mut event = Event::new_ext(EventType::Sysex, &rest[..bytes]);
        let sending = self.sending(due.max(self.lane.last), None);
        if !sending.output(&mut event) {
            return 0;
        }
        self.lane.last = sending.time;
        self.lane.pace.spend(bytes);
        bytes
    }

    fn private(&mut self, device: u64, bytes: &[u8]) -> bool {
        if self.is_slow && !self.lane.pace.allows(bytes.len(), SYSEX_AHEAD_BYTES, self.now) {
            return false;
        }
        let sending = self.sending(self.now.max(self.lane.last), Some(super::directory::addr(device)));
        let is_sent = self.encoded(bytes, &sending);
        if is_sent {
            self.lane.last = sending.time;
        }
        is_sent
    }
}

/// How far a port's bytes are ahead of the wire.
#[derive(Clone, Debug, Default)]
struct Pace {
    ahead_bytes: u64,
    /// Until when what the wire took is counted off.
    since: HostTime,
}

impl Pace {
    /// Whether so many bytes may go now.
    fn allows(&mut self, wish: usize, ahead_bytes: u64, now: HostTime) -> bool {
        let drained = now.since(self.since) / WIRE_NANOS_PER_BYTE;
        self.ahead_bytes = self.ahead_bytes.saturating_sub(drained);
        self.since = if self.ahead_bytes == 0 {
            now
        } else {
            HostTime(self.since.nanos() + drained * WIRE_NANOS_PER_BYTE)
        };
        self.ahead_bytes + wish as u64 <= ahead_bytes
    }

    fn spend(&mut self, bytes: usize) {
        self.ahead_bytes += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sysex_keeps_to_the_wires_speed() {
        let mut pace = Pace::default();
        let (mut sent, mut now) = (0, HostTime(5_000_000_000));
        let begin = now;
        while sent < 20_000 {
            if pace.allows(250, SYSEX_AHEAD_BYTES, now) {
                pace.spend(250);
                sent += 250;
            }
            now = HostTime(now.nanos() + 1_000_000);
        }
        let seconds = now.since(begin) as f64 * 1e-9;
        let ideal = (20_000.0 - 2_048.0) / 3_125.0;
        assert!((seconds - ideal).abs() < 0.1, "{seconds} {ideal}");
    }
}
