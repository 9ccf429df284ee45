//! Hearing every port that fits: a client of its own, whose events the kernel
//! stamps by a queue as they pass, before any thread had to wake.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alsa::poll::{Descriptors, pollfd};
use alsa::seq::{Addr, Event, EventType, PortCap, PortSubscribe, PortType, Seq};

use super::super::listen::{Listening, PORT_LIMIT, Roster, Tap, tape};
use super::super::{Direction, MidiError};
use super::codec::Decoder;
use super::directory::{self, Gear};
use super::worker::Worker;
use super::{describe, open_sequencer, unavailable};
use crate::device::audio::scheduling::promote_this_thread_to;
use crate::device::pattern::NamePattern;
use crate::midi::codec::{Parsed, Parser};
use crate::unit::HostTime;

const CLIENT: &std::ffi::CStr = c"Antiphon monitor";
/// Below those who play.
const PRIORITY: u8 = 50;
const POOL_EVENTS: u32 = 2_000;
/// Without news it looks whether it is to stop this often.
const LOOK_MILLIS: libc::c_int = 200;

pub(in super::super) fn listen(pattern: NamePattern) -> Result<Listening, MidiError> {
    let seq = open_sequencer()?;
    let failed = |error| unavailable(describe(error));
    seq.set_client_name(CLIENT).map_err(failed)?;
    let _ = seq.set_client_pool_input(POOL_EVENTS);
    let own = seq.client_id().map_err(failed)?;
    let port = seq
        .create_simple_port(c"in", PortCap::WRITE | PortCap::NO_EXPORT, PortType::APPLICATION)
        .map_err(failed)?;
    let queue = seq.alloc_queue().map_err(failed)?;
    seq.control_queue(queue, EventType::Start, 0, None).map_err(failed)?;
    seq.drain_output().map_err(failed)?;
    let begin_nanos = HostTime::now().nanos();
    let (tap, tape) = tape();
    let roster = Roster::new(PORT_LIMIT);
    let own = Addr { client: own, port };
    let mut ear =
        Ear { seq, own, queue, begin_nanos, pattern, tap, roster: roster.clone(), sources: Vec::new() };
    // First listen, then look: nothing appears unseen in between.
    ear.subscribe(Addr::system_announce()).map_err(failed)?;
    for gear in directory::all(&ear.seq, own.client) {
        ear.connect(&gear);
    }
    let (wake, woken) = UnixStream::pair().map_err(|error| unavailable(error.to_string()))?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let told = roster.clone();
    let thread = std::thread::Builder::new()
        .name("antiphon-listen".into())
        .spawn(move || {
            if let Err(error) = ear.run(&woken, &asked) {
                told.end(error);
            }
        })
        .map_err(|error| unavailable(error.to_string()))?;
    let worker = Worker::new(stop, wake, thread);
    Ok(Listening::new("alsa", tape, roster, begin_nanos, Box::new(worker)))
}

/// A port that is heard.
struct Source {
    addr: Addr,
    number: u16,
    parser: Parser,
}

struct Ear {
    seq: Seq,
    own: Addr,
    queue: i32,
    begin_nanos: u64,
    pattern: NamePattern,
    tap: Tap,
    roster: Roster,
    sources: Vec<Source>,
}

impl Ear {
    fn run(&mut self, woken: &UnixStream, stop: &AtomicBool) -> Result<(), String> {
        promote_this_thread_to(PRIORITY);
        let decoder = Decoder::new().map_err(describe)?;
        let mut descriptors = (&self.seq, Some(alsa::Direction::Capture)).get().map_err(describe)?;
        descriptors.push(pollfd { fd: woken.as_raw_fd(), events: libc::POLLIN, revents: 0 });
        while !stop.load(Ordering::Acquire) {
            self.take_all(&decoder)?;
            // SAFETY: the descriptors are valid for the call, which does not keep them.
            let _ = unsafe {
                libc::poll(descriptors.as_mut_ptr(), descriptors.len() as libc::nfds_t, LOOK_MILLIS)
            };
        }
        Ok(())
    }

    /// Takes what has arrived.
    fn take_all(&mut self, decoder: &Decoder) -> Result<(), String> {
        loop {
            let (seq, own) = (&self.seq, self.own.client);
            let mut input = seq.input();
            let news = match input.event_input() {
                Ok(event) if event.get_source().client == 0 => announced(&event),
                Ok(mut event) => {
                    let nanos = event.get_time().map_or_else(
                        || HostTime::now().nanos(),
                        |time| self.begin_nanos.saturating_add(time.as_nanos() as u64),
                    );
                    hear(&mut self.sources, decoder, &mut self.tap, nanos, &mut event);
                    None
                }
                Err(error) => match error.errno() {
                    libc::EAGAIN => return Ok(()),
                    libc::ENOSPC => {
                        self.roster.overflowed();
                        let now = HostTime::now().nanos();
                        for source in &mut self.sources {
                            source.parser = Parser::new();
                            self.tap.cut(now, source.number);
                        }
                        None
                    }
                    libc::EBADF | libc::ENODEV | libc::EIO | libc::ENXIO => return Err(describe(error)),
                    // An event of a kind that alsa-lib or the crate does not know.
                    _ => None,
                },
            };
            drop(input);
            match news {
                Some(News::Came(addr)) if addr.client != own => {
                    if let Some(gear) = directory::look_up(&self.seq, addr) {
                        self.connect(&gear);
                    }
                }
                Some(News::Gone(client, port)) => {
                    self.lose(|addr| addr.client == client && port.is_none_or(|port| addr.port == port));
                }
                _ => {}
            }
        }
    }

    fn subscribe(&self, sender: Addr) -> alsa::Result<()> {
        let subscription = PortSubscribe::empty()?;
        subscription.set_sender(sender);
        subscription.set_dest(self.own);
        subscription.set_queue(self.queue);
        subscription.set_time_update(true);
        subscription.set_time_real(true);
        self.seq.subscribe_port(&subscription)
    }

    fn connect(&mut self, gear: &Gear) {
        let name = gear.name();
        let is_meant = gear.is_called(&self.pattern, Direction::In);
        if !is_meant || self.sources.iter().any(|source| source.addr == gear.addr) {
            return;
        }
        let Some(number) = self.roster.came(&name) else { return };
        match self.subscribe(gear.addr) {
            Ok(()) => self.sources.push(Source { addr: gear.addr, number, parser: Parser::new() }),
            Err(_) => self.roster.gone(number),
        }
    }

    fn lose(&mut self, is_gone: impl Fn(Addr) -> bool) {
        let now = HostTime::now().nanos();
        let (tap, roster) = (&mut self.tap, &self.roster);
        self.sources.retain(|source| {
            let gone = is_gone(source.addr);
            if gone {
                tap.cut(now, source.number);
                roster.gone(source.number);
            }
            !gone
        });
    }
}

enum News {
    Came(Addr),
    /// A client, or one port of it.
    Gone(i32, Option<i32>),
}

fn announced(event: &Event<'_>) -> Option<News> {
    match event.get_type() {
        EventType::PortStart | EventType::PortChange => Some(News::Came(event.get_data()?)),
        EventType::PortExit => {
            let addr: Addr = event.get_data()?;
            Some(News::Gone(addr.client, Some(addr.port)))
        }
        EventType::ClientExit => Some(News::Gone(event.get_data::<Addr>()?.client, None)),
        _ => None,
    }
}

fn hear(sources: &mut [Source], decoder: &Decoder, tap: &mut Tap, nanos: u64, event: &mut Event<'_>) {
    let addr = event.get_source();
    let Some(source) = sources.iter_mut().find(|source| source.addr == addr) else { return };
    let number = source.number;
    if event.get_type() == EventType::Sysex {
        let bytes = event.get_ext().unwrap_or_default();
        source.parser.feed(bytes, |parsed| tap.take(nanos, number, parsed));
    } else {
        decoder.decode(event, |bytes| tap.take(nanos, number, Parsed::Message(bytes)));
    }
}
