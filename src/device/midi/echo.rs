//! Sending messages out and hearing what comes back, each with its time: what a
//! measurement of a path of MIDI is made of.
//!
//! A backend sends [`message`]s at a steady pace that wanders over all places of a
//! period, and notes each as it goes and whatever comes. Here is what they share;
//! JACK's is in `device/audio/jack`.

#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", allow(dead_code))]
mod midir;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

use super::MidiError;
use crate::rt::ring::Receiver;

/// Marks that may wait for the reader: beyond them nothing is sent, and what comes
/// is counted as missed.
pub(crate) const MARKS: usize = 16_384;
/// Messages a second: a third of what a DIN wire takes.
pub const MESSAGES_PER_SECOND: u64 = 300;
/// The channel of all messages: the last, which gear that is played hears least.
const CHANNEL: u8 = 15;
const KEYS: u64 = 128;
const VELOCITIES: u64 = 127;
/// After so many messages the first comes again.
pub const CYCLE: u64 = 2 * KEYS * VELOCITIES;

/// The message of a number: keys are struck and let go of in turn, by key and
/// velocity a different one each time. Real-time: yes.
pub fn message(number: u64) -> [u8; 3] {
    let note = number / 2;
    let key = (note % KEYS) as u8;
    let velocity = 1 + (note / KEYS % VELOCITIES) as u8;
    let status = if number.is_multiple_of(2) { 0x90 } else { 0x80 };
    [status | CHANNEL, key, velocity]
}

/// The way back: the number within a cycle; `None` for a message that is none of ours.
pub fn number_of(bytes: &[u8]) -> Option<u64> {
    let &[status, key, velocity] = bytes else { return None };
    let release = match status {
        _ if status & 0x0f != CHANNEL => return None,
        // A strike of no velocity is how some gear writes a release: whose it was
        // is not known then.
        0x90..=0x9f => 0,
        0x80..=0x8f => 1,
        _ => return None,
    };
    let step = u64::from(velocity).checked_sub(1)?;
    Some(2 * (u64::from(key) + KEYS * step) + release)
}

/// What went or came, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// The message of this number went.
    Sent {
        /// Counted from 0.
        number: u64,
        /// In ticks.
        time: u64,
    },
    /// A message came; of a longer one its first bytes.
    Heard {
        /// As on the wire.
        bytes: [u8; 3],
        /// In ticks.
        time: u64,
    },
}

/// What the control world and a backend tell each other.
#[derive(Default)]
pub(crate) struct Shared {
    /// Ticks from a message to the next; 0 while nothing is to be sent.
    pub(crate) interval: AtomicU64,
    /// How often the backend looked: where it stands still, so does the path.
    pub(crate) beats: AtomicU64,
    /// Marks that were lost because nobody took them.
    pub(crate) missed: AtomicU64,
    /// Periods that the system missed.
    pub(crate) xruns: AtomicU64,
    /// Whether a struck key is still to be let go of.
    pub(crate) is_holding: AtomicBool,
    ended: Mutex<Option<String>>,
}

impl Shared {
    /// Nothing more will come, and why; the first reason stays.
    pub(crate) fn end(&self, reason: impl Into<String>) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason.into());
    }
}

/// An open path; it closes when this is dropped. Real-time: no.
pub struct Echo {
    /// The driver's name.
    pub driver: &'static str,
    /// The ports at both ends.
    pub path: String,
    /// Ticks in a second: frames of a server, or nanoseconds.
    pub ticks_per_second: u64,
    /// Ticks of a period in which messages are passed on together; 1 where each goes by itself.
    pub period_ticks: u64,
    pub(crate) shared: Arc<Shared>,
    /// What is heard first: so a message's going is always known before its coming.
    pub(crate) tapes: Vec<Receiver<Mark>>,
    pub(crate) _worker: Box<dyn Send>,
}

impl Echo {
    /// Begins to send. Messages are so far apart that all places of a period have
    /// their turn.
    pub fn send(&self) {
        let interval = interval(self.ticks_per_second / MESSAGES_PER_SECOND, self.period_ticks);
        self.shared.interval.store(interval, Relaxed);
    }

    /// Sends no more, but the release of what is held.
    pub fn rest(&self) {
        self.shared.interval.store(0, Relaxed);
    }

    /// Whether a struck key is still to be let go of.
    pub fn is_holding(&self) -> bool {
        self.shared.is_holding.load(Relaxed)
    }

    /// What went and came since the last call: what went stands before all that came.
    pub fn take(&mut self, marks: &mut Vec<Mark>) {
        for tape in &mut self.tapes {
            while let Some(mark) = tape.receive() {
                marks.push(mark);
            }
        }
        // Stable: each sort keeps its order.
        marks.sort_by_key(|mark| matches!(mark, Mark::Heard { .. }));
    }

    /// How often the backend looked so far.
    pub fn beats(&self) -> u64 {
        self.shared.beats.load(Relaxed)
    }

    /// Messages that came and were not noted, because nobody took the marks.
    pub fn missed(&self) -> u64 {
        self.shared.missed.load(Relaxed)
    }

    /// Periods that the system missed.
    pub fn xruns(&self) -> u64 {
        self.shared.xruns.load(Relaxed)
    }

    /// Why nothing more will come, where that is so.
    pub fn ended(&self) -> Option<String> {
        self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The pairs of ports that patterns name, in their order: each of `outputs` with the
/// one of `inputs` at the same place. Without any a pair of our own. Real-time: no.
///
/// # Errors
/// [`MidiError`] where there is no MIDI, or there are not as many of one as of the
/// other.
pub fn pairs(outputs: &[String], inputs: &[String]) -> Result<Vec<Pair>, MidiError> {
    #[cfg(target_os = "linux")]
    return super::alsa::echo_pairs(outputs, inputs);
    #[cfg(not(target_os = "linux"))]
    return midir::pairs(outputs, inputs);
}

/// Opens the path of a pair. Real-time: no.
///
/// # Errors
/// [`MidiError`] where a port is gone or refuses.
pub fn open(pair: &Pair) -> Result<Echo, MidiError> {
    #[cfg(target_os = "linux")]
    return super::alsa::open_echo(pair);
    #[cfg(not(target_os = "linux"))]
    return midir::open(pair);
}

/// Connects two ports of this program, such as a rig's virtual ones, which connect to
/// nothing by themselves. Real-time: no.
///
/// # Errors
/// [`MidiError`] where the system has none of these names, or cannot connect them.
pub fn connect_own(output: &str, input: &str) -> Result<(), MidiError> {
    #[cfg(target_os = "linux")]
    return super::alsa::connect_own(output, input);
    #[cfg(not(target_os = "linux"))]
    {
        let reason = format!("name the MIDI ports that a cable joins with --out and --in: {output}, {input}");
        Err(MidiError::Unavailable { reason })
    }
}

/// Two ports with a cable between them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pair {
    /// Where what is sent goes: the name and the system's own name; `None` for a
    /// port of ours.
    pub output: Option<(String, String)>,
    /// Where it comes back.
    pub input: Option<(String, String)>,
}

/// Puts the ports of both sides together, one to one.
pub(super) fn paired(
    outputs: Vec<(String, String)>,
    inputs: Vec<(String, String)>,
) -> Result<Vec<Pair>, MidiError> {
    if outputs.is_empty() && inputs.is_empty() {
        return Ok(vec![Pair { output: None, input: None }]);
    }
    if outputs.len() != inputs.len() {
        let names = |ports: &[(String, String)]| {
            let names: Vec<&str> = ports.iter().map(|port| port.0.as_str()).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        let reason = format!(
            "each MIDI output needs the input that its cable leads to: outputs are {}; inputs are {}",
            names(&outputs),
            names(&inputs)
        );
        return Err(MidiError::Unavailable { reason });
    }
    let pair = |(output, input)| Pair { output: Some(output), input: Some(input) };
    Ok(outputs.into_iter().zip(inputs).map(pair).collect())
}

/// The number of ticks next above `wish` that shares no factor with the period.
fn interval(wish: u64, period: u64) -> u64 {
    let mut interval = wish.max(1);
    while period > 1 && greatest_common_divisor(interval, period) != 1 {
        interval += 1;
    }
    interval
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_its_number_and_others_say_none() {
        for number in 0..CYCLE {
            assert_eq!(number_of(&message(number)), Some(number));
        }
        assert_eq!(message(CYCLE), message(0));
        for bytes in [&[0x9f, 60, 0][..], &[0x90, 60, 1], &[0xbf, 60, 1], &[0xf8], &[]] {
            assert_eq!(number_of(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn the_pace_visits_every_place_of_a_period() {
        for period in [1, 64, 441, 480, 1_024] {
            let interval = interval(48_000 / MESSAGES_PER_SECOND, period);
            let mut places = vec![false; period as usize];
            (0..period).for_each(|n| places[(n * interval % period) as usize] = true);
            assert!(places.iter().all(|visited| *visited), "{interval} in {period}");
            assert!((160..=170).contains(&interval));
        }
    }

    #[test]
    fn each_output_needs_its_input() {
        let port = |name: &str| (name.to_owned(), "24:0".to_owned());
        assert_eq!(paired(vec![], vec![]).map(|pairs| pairs.len()), Ok(1));
        assert_eq!(
            paired(vec![port("a"), port("b")], vec![port("c"), port("d")])
                .expect("as many")
                .iter()
                .map(|pair| pair.input.as_ref().expect("a port").0.clone())
                .collect::<Vec<_>>(),
            ["c", "d"]
        );
        let refused = paired(vec![port("a"), port("b")], vec![port("c")]).expect_err("one is missing");
        assert!(refused.to_string().contains("outputs are a, b; inputs are c"), "{refused}");
    }
}
