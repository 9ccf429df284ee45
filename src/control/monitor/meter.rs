//! What the monitor knows: each port's state, the counts, the intervals.

use serde::Serialize;

use super::clock::ClockTempo;
use super::intervals::{Intervals, Regularity};
use super::timecode::{QuarterFrames, Timecode};
use super::words::{CLOCK, Words, hex};
use crate::device::midi::listen::{Heard, HeardPort, PORT_LIMIT};
use crate::midi::Message;
use crate::midi::codec::Parsed;
use crate::midi::registered::Registered;

/// Bytes of a SysEx that a line shows.
const HEAD_BYTES: usize = 16;
const QUARTER_FRAME: u8 = 0xf1;

/// One event, as a line or a JSON object says it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Line {
    /// Since the beginning.
    pub seconds: f64,
    /// The port's number; its name is the list's.
    #[serde(skip)]
    pub port: u16,
    /// What it says.
    #[serde(flatten)]
    pub words: Words,
    /// The bytes in hexadecimal; of a long SysEx the first.
    pub bytes: String,
}

/// What was seen altogether.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Counts {
    /// Messages, each SysEx as one.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// SysEx messages.
    pub sysex: u64,
    /// SysEx messages without an end.
    pub broken_sysex: u64,
}

/// Follows the traffic of all ports.
#[derive(Default)]
pub struct Meter {
    begin_nanos: u64,
    ports: Vec<PortState>,
    counts: Counts,
    intervals: Intervals,
}

#[derive(Default)]
struct PortState {
    registered: Registered,
    clock: ClockTempo,
    quarter_frames: QuarterFrames,
    counts: Counts,
    /// The SysEx under way: how long, and how it begins.
    sysex_bytes: u64,
    head: Vec<u8>,
    sysex_nanos: u64,
}

impl Meter {
    /// Has seen nothing since `begin_nanos`.
    pub fn new(begin_nanos: u64) -> Meter {
        Meter { begin_nanos, ..Meter::default() }
    }

    /// What was seen altogether.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What was seen of a port.
    pub fn port_counts(&self, port: u16) -> Counts {
        self.ports.get(usize::from(port)).map_or_else(Counts::default, |port| port.counts.clone())
    }

    /// How regularly each kind of message came, the most frequent first.
    pub fn regularities(&self, ports: &[HeardPort]) -> Vec<Regularity> {
        let name =
            |port: u16| ports.get(usize::from(port)).map_or_else(String::new, |port| port.name.clone());
        self.intervals.regularities(name)
    }

    /// Messages whose intervals were one kind too many.
    pub fn beyond(&self) -> u64 {
        self.intervals.beyond()
    }

    /// Takes what came; gives the line for it, none before a SysEx is whole.
    pub fn observe(&mut self, heard: Heard<'_>) -> Option<Line> {
        let index = usize::from(heard.port) % PORT_LIMIT;
        if self.ports.len() <= index {
            self.ports.resize_with(index + 1, PortState::default);
        }
        let port = &mut self.ports[index];
        let (nanos, bytes, words) = match heard.content {
            Some(Parsed::Message(bytes)) => {
                self.intervals.observe(heard.port, heard.nanos, bytes);
                (heard.nanos, bytes.len() as u64, port.message(heard.nanos, bytes)?)
            }
            Some(Parsed::Sysex { bytes, first, last }) => {
                port.sysex(heard.nanos, bytes, first);
                if !last {
                    return None;
                }
                (port.sysex_nanos, port.sysex_bytes, port.whole_sysex(true))
            }
            None if port.sysex_bytes > 0 => (port.sysex_nanos, port.sysex_bytes, port.whole_sysex(false)),
            None => return None,
        };
        let shown = match heard.content {
            Some(Parsed::Message(bytes)) => hex(bytes),
            _ => {
                let more = if bytes > port.head.len() as u64 { " …" } else { "" };
                hex(&port.head) + more
            }
        };
        if words.message == "sysex" {
            port.sysex_bytes = 0;
            let broken = u64::from(heard.content.is_none());
            for counts in [&mut port.counts, &mut self.counts] {
                counts.sysex += 1;
                counts.broken_sysex += broken;
            }
        }
        for counts in [&mut port.counts, &mut self.counts] {
            counts.events += 1;
            counts.bytes += bytes;
        }
        let seconds = nanos.saturating_sub(self.begin_nanos) as f64 / 1e9;
        Some(Line { seconds, port: heard.port, words, bytes: shown })
    }
}

impl PortState {
    fn message(&mut self, nanos: u64, bytes: &[u8]) -> Option<Words> {
        let mut whole = [0; 3];
        let length = bytes.len().min(3);
        whole[..length].copy_from_slice(&bytes[..length]);
        let message = Message::decode(whole)?;
        let mut words = Words::of(message, self.registered.observe(message));
        match whole[0] {
            CLOCK => words.bpm = self.clock.tick(nanos),
            QUARTER_FRAME => {
                words.timecode = self.quarter_frames.take(whole[1]).map(|time| time.to_string());
            }
            _ => {}
        }
        Some(words)
    }

    fn sysex(&mut self, nanos: u64, bytes: &[u8], first: bool) {
        if first {
            (self.sysex_bytes, self.sysex_nanos) = (0, nanos);
            self.head.clear();
        }
        let room = HEAD_BYTES - self.head.len().min(HEAD_BYTES);
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.sysex_bytes += bytes.len() as u64;
    }

    fn whole_sysex(&self, is_whole: bool) -> Words {
        let mut words = Words::sysex(self.sysex_bytes, &self.head, is_whole);
        words.timecode = Timecode::of_sysex(&self.head).filter(|_| is_whole).map(|time| time.to_string());
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard<'a>(nanos: u64, port: u16, content: Option<Parsed<'a>>) -> Heard<'a> {
        Heard { nanos, port, content }
    }

    fn sysex(bytes: &[u8], first: bool, last: bool) -> Option<Parsed<'_>> {
        Some(Parsed::Sysex { bytes, first, last })
    }

    #[test]
    fn a_long_sysex_is_one_line_at_its_beginning_and_a_broken_one_says_so() {
        let mut meter = Meter::new(1_000_000_000);
        assert_eq!(meter.observe(heard(1_500_000_000, 1, sysex(&[0xf0, 0x41, 1], true, false))), None);
        let clock = meter.observe(heard(1_600_000_000, 1, Some(Parsed::Message(&[0xf8])))).expect("a line");
        assert_eq!((clock.words.message, clock.bytes.as_str()), ("clock", "f8"));
        for _ in 0..100 {
            assert_eq!(meter.observe(heard(1_700_000_000, 1, sysex(&[7; 256], false, false))), None);
        }
        let line = meter.observe(heard(1_800_000_000, 1, sysex(&[0xf7], false, true))).expect("a line");
        assert_eq!((line.seconds, line.words.length), (0.5, Some(25_604)));
        assert_eq!(line.words.to_string(), "sysex 25604 bytes, Roland");
        assert!(line.bytes.starts_with("f0 41 01 07") && line.bytes.ends_with("07 …"), "{}", line.bytes);
        assert_eq!(meter.observe(heard(1_900_000_000, 1, sysex(&[0xf0, 2], true, false))), None);
        let broken = meter.observe(heard(2_000_000_000, 1, None)).expect("a line");
        assert_eq!(broken.words.to_string(), "sysex 2 bytes, broken off");
        assert_eq!(meter.observe(heard(2_000_000_000, 1, None)), None);
        let counts = Counts { events: 3, bytes: 25_607, sysex: 2, broken_sysex: 1 };
        assert_eq!((meter.counts(), meter.port_counts(1)), (&counts, counts.clone()));
    }

    #[test]
    fn ports_know_their_own_parameters_and_tempo() {
        let mut meter = Meter::new(0);
        let mut say = |port, nanos, bytes: &[u8]| {
            meter.observe(heard(nanos, port, Some(Parsed::Message(bytes)))).expect("a line").words
        };
        for tick in 0..24 {
            assert_eq!(say(0, tick * 25_000_000, &[0xf8]).bpm, None);
        }
        assert_eq!(say(0, 600_000_000, &[0xf8]).to_string(), "clock 100.00 BPM");
        assert_eq!(say(1, 600_000_000, &[0xf8]).bpm, None);
        say(0, 1, &[0xb0, 99, 0]);
        say(0, 1, &[0xb0, 98, 5]);
        assert_eq!(say(1, 1, &[0xb0, 6, 5]).to_string(), "data entry (6) 5");
        assert_eq!(say(0, 1, &[0xb0, 6, 5]).to_string(), "NRPN 5 640");
        let pieces = [0x08, 0x11, 0x26, 0x30, 0x4d, 0x52, 0x6d, 0x72];
        let said = pieces.map(|piece| say(0, 2, &[0xf1, piece]).to_string());
        assert_eq!(said[7], "quarter frame 13:45:06:24 at 25 fps");
    }
}
