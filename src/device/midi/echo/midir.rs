//! The same by midir: what comes is dated by us as the system hands it over.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::thread::JoinHandle;
use std::time::Duration;

use midir::{MidiInput, MidiInputConnection, MidiOutput, MidiOutputConnection};

use super::{Echo, MARKS, Mark, Pair, Shared, message, paired};
use crate::device::midi::MidiError;
use crate::device::pattern::NamePattern;
use crate::rt::ring::{Sender, ring};
use crate::unit::HostTime;

const NAME: &str = "Antiphon bench";
const NANOS_PER_SECOND: u64 = 1_000_000_000;
const IDLE: Duration = Duration::from_millis(20);

pub(super) fn pairs(outputs: &[String], inputs: &[String]) -> Result<Vec<Pair>, MidiError> {
    if outputs.is_empty() && inputs.is_empty() {
        let reason = "a cable from a MIDI output to an input is needed; name both with --out and --in";
        return Err(unavailable(&reason));
    }
    let (output, input) = (open_output()?, open_input()?);
    let there = output.ports();
    let there: Vec<_> = there.iter().filter_map(|p| Some((output.port_name(p).ok()?, p.id()))).collect();
    let outputs = named(&there, outputs)?;
    let there = input.ports();
    let there: Vec<_> = there.iter().filter_map(|p| Some((input.port_name(p).ok()?, p.id()))).collect();
    paired(outputs, named(&there, inputs)?)
}

fn named(there: &[(String, String)], patterns: &[String]) -> Result<Vec<(String, String)>, MidiError> {
    let mut found: Vec<(String, String)> = Vec::new();
    for text in patterns {
        let pattern = NamePattern::whole(text);
        let before = found.len();
        for port in there.iter().filter(|port| pattern.matches_part(&port.0)) {
            if !found.contains(port) {
                found.push(port.clone());
            }
        }
        if found.len() == before {
            return Err(unavailable(&format!("no port of the system's MIDI is `{text}`")));
        }
    }
    Ok(found)
}

pub(super) fn open(pair: &Pair) -> Result<Echo, MidiError> {
    let (Some((to_name, to)), Some((from_name, from))) = (&pair.output, &pair.input) else {
        return Err(unavailable(&"there is no port of our own here"));
    };
    let (output, input) = (open_output()?, open_input()?);
    let gone = |name: &str| unavailable(&format!("`{name}` is gone"));
    let to = output.find_port_by_id(to).ok_or_else(|| gone(to_name))?;
    let from = input.find_port_by_id(from).ok_or_else(|| gone(from_name))?;
    let shared = Arc::<Shared>::default();
    let (mut heard, heard_tape) = ring(MARKS);
    let (sent, sent_tape) = ring(MARKS);
    let missed = Arc::clone(&shared);
    let hear = move |_micros: u64, heard_bytes: &[u8], (): &mut ()| {
        let time = HostTime::now().nanos();
        let mut bytes = [0; 3];
        let length = heard_bytes.len().min(3);
        bytes[..length].copy_from_slice(&heard_bytes[..length]);
        if heard.send(Mark::Heard { bytes, time }).is_err() {
            missed.missed.fetch_add(1, Relaxed);
        }
    };
    let input = input.connect(&from, "bench", hear, ()).map_err(|error| unavailable(&error))?;
    let output = output.connect(&to, "bench").map_err(|error| unavailable(&error))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (asked, told) = (Arc::clone(&stop), Arc::clone(&shared));
    let thread = std::thread::Builder::new()
        .name("antiphon-echo".into())
        .spawn(move || send(output, sent, &told, &asked))
        .map_err(|error| unavailable(&error))?;
    Ok(Echo {
        driver: "system",
        path: format!("{to_name} … {from_name}"),
        ticks_per_second: NANOS_PER_SECOND,
        period_ticks: 1,
        shared,
        tapes: vec![heard_tape, sent_tape],
        _worker: Box::new(Worker { stop, thread: Some(thread), _input: input }),
    })
}

fn send(mut output: MidiOutputConnection, mut marks: Sender<Mark>, shared: &Shared, stop: &AtomicBool) {
    let mut number = 0_u64;
    while !stop.load(Acquire) {
        shared.beats.fetch_add(1, Relaxed);
        let interval = shared.interval.load(Relaxed);
        let is_release = !number.is_multiple_of(2);
        if (interval == 0 && !is_release) || marks.vacant() == 0 {
            std::thread::park_timeout(IDLE);
            continue;
        }
        let time = HostTime::now().nanos();
        if let Err(error) = output.send(&message(number)) {
            return shared.end(error.to_string());
        }
        let _ = marks.send(Mark::Sent { number, time });
        number += 1;
        shared.is_holding.store(!is_release, Relaxed);
        std::thread::sleep(Duration::from_nanos(interval));
    }
}

struct Worker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _input: MidiInputConnection<()>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It waits for milliseconds only.
            let _ = thread.join();
        }
    }
}

fn open_output() -> Result<MidiOutput, MidiError> {
    MidiOutput::new(NAME).map_err(|error| unavailable(&error))
}

fn open_input() -> Result<MidiInput, MidiError> {
    let mut input = MidiInput::new(NAME).map_err(|error| unavailable(&error))?;
    input.ignore(midir::Ignore::None);
    Ok(input)
}

fn unavailable(error: &dyn std::fmt::Display) -> MidiError {
    MidiError::Unavailable { reason: error.to_string() }
}
