//! What MIDI costs: the codec, the way to an instrument, a cable; and whether all of
//! it is in time where much comes at once.

mod traffic;

use std::hint::black_box;

use super::Run;
use super::own_time::own_time;
use super::reference::{Clock, Samples};
use super::report::Better;
use super::stand::Stand;
use super::statistics::median;
use super::timing::own_nanos_per_item;
use crate::engine::Error;
use crate::midi::codec::{Parsed, Parser};
use crate::midi::{Event, Message};
use crate::render::{Feed, Inlet, Origin, Outlet, RendererSettings, TimeBase, inlet, outlet};
use crate::unit::{QUANTUM_FRAMES, SampleRate};

const RATE: SampleRate = SampleRate::DEFAULT;
/// Messages of a stream that is decoded.
const MESSAGES: usize = 4_096;
/// Events of a quantum.
const EVENTS: usize = 256;
/// Quanta of a sample, with events and without, in turn.
const QUANTA: usize = 200;
/// Samples of what is a difference of two times.
const ROUNDS: usize = 25;

const INSTRUMENT: &str = "midi.keys.in = '*'\n[instrument.lead]\nkind = 'synth'\npreset = 'init'\n\
                          [[cable]]\nfrom = 'keys'\nto = 'lead'\n[[cable]]\nfrom = 'lead'\nto = 'out'\n";
const GEAR: &str = "midi.keys.in = '*'\nmidi.other.in = '*'\nmidi.gear.out = '*'\n[[cable]]\nto = 'gear'\n";

pub(super) fn measure(run: &mut Run) -> Result<(), Error> {
    run.advance(0.0, "bytes decoded");
    let samples = decode(run);
    run.report.midi.decode_ns_per_byte = samples.median();
    run.figure("midi.decode_ns_per_byte", "ns", Better::Less, samples);

    run.advance(0.2, "events encoded");
    let samples = encode(run);
    run.report.midi.encode_ns = samples.median();
    run.figure("midi.encode_ns", "ns", Better::Less, samples);

    run.advance(0.3, "events to an instrument");
    let mut played = Way::new(INSTRUMENT)?;
    let samples = rounds(run, || {
        let idle = played.quanta(0, controller);
        played.quanta(EVENTS, controller) - idle
    });
    run.report.midi.event_ns = samples.median();
    run.figure("midi.event_ns", "ns", Better::Less, samples);

    run.advance(0.5, "notes along a cable");
    let mut cabled = Way::new(&format!("{GEAR}from = 'keys'\n"))?;
    let mut uncabled = Way::new(&format!("{GEAR}from = 'other'\n"))?;
    let samples = rounds(run, || {
        let uncabled = uncabled.quanta(EVENTS, note);
        cabled.quanta(EVENTS, note) - uncabled
    });
    run.report.midi.cable_ns = samples.median();
    run.figure("midi.cable_ns", "ns", Better::Less, samples);

    run.advance(0.7, "64 devices at once");
    traffic::measure(run)
}

/// Messages of all kinds, with running status and realtime bytes among them.
pub fn stream_of(messages: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..messages {
        let (channel, seven) = ((number % 16) as u8, (number * 37 % 128) as u8);
        match number % 8 {
            0 => bytes.extend_from_slice(&[0x90 | channel, seven, 100, seven ^ 1, 99]),
            1 => bytes.extend_from_slice(&[0x80 | channel, seven, 0]),
            2 => bytes.extend_from_slice(&[0xb0 | channel, seven % 120, seven]),
            3 => bytes.extend_from_slice(&[0xe0 | channel, seven, 64]),
            4 => bytes.extend_from_slice(&[0xc0 | channel, seven, 0xf8]),
            5 => bytes.extend_from_slice(&[0xd0 | channel, seven]),
            6 => bytes.extend_from_slice(&[0xf8, 0xfe]),
            _ => bytes.extend_from_slice(&[0xf0, 0x41, seven, 1, 0xf8, 2, 3, 4, 0xf7]),
        }
    }
    bytes
}

fn decode(run: &Run) -> Samples {
    let bytes = stream_of(MESSAGES);
    let mut parser = Parser::new();
    own_nanos_per_item(run, |items| {
        let times = items.div_ceil(bytes.len() as u64);
        for _ in 0..times {
            parser.feed(black_box(&bytes), |parsed| match parsed {
                Parsed::Message(bytes) | Parsed::Sysex { bytes, .. } => {
                    black_box(bytes);
                }
            });
        }
        times * bytes.len() as u64
    })
}

fn encode(run: &Run) -> Samples {
    let messages: Vec<Message> =
        (0..MESSAGES).map(|n| if n % 3 == 0 { controller(n) } else { note(n) }).collect();
    own_nanos_per_item(run, |items| {
        let times = items.div_ceil(MESSAGES as u64);
        for _ in 0..times {
            for message in &messages {
                black_box(black_box(*message).encode());
            }
        }
        times * MESSAGES as u64
    })
}

/// A wheel that turns.
fn controller(number: usize) -> Message {
    Message::ControlChange { channel: 0, controller: 1, value: (number % 128) as u8 }
}

/// A strike and its release, in turn.
fn note(number: usize) -> Message {
    let key = 24 + (number / 2 % 72) as u8;
    if number.is_multiple_of(2) {
        Message::NoteOn { channel: 0, key, velocity: 64 }
    } else {
        Message::NoteOff { channel: 0, key, velocity: 64 }
    }
}

/// Nanoseconds of an event, from the difference of two times of `QUANTA` quanta.
fn rounds(run: &Run, mut difference: impl FnMut() -> f64) -> Samples {
    let mut samples = Vec::with_capacity(ROUNDS);
    let mut before = run.pace();
    while samples.is_empty() || (samples.len() < ROUNDS && !run.is_stopped()) {
        let difference = difference();
        let after = run.pace();
        samples.push((difference / EVENTS as f64, before.between(after)));
        before = after;
    }
    Samples::paced(Clock::Own, samples)
}

/// From a source's ring into the Renderer, and on by a cable.
struct Way {
    stand: Stand,
    inlet: Inlet,
    gear: Option<Outlet>,
    frame: u64,
}

impl Way {
    fn new(rig: &str) -> Result<Way, Error> {
        let (inlet, source) = inlet(TimeBase::Frames);
        let mut gear = None;
        let settings = RendererSettings { rate: RATE, midi_latency_frames: 0 };
        let stand = Stand::with(rig, settings, |deployment, swap| {
            if let Some(port) = deployment.port_of("keys") {
                swap.sources.push((0, Some(Box::new(Feed { port, origin: Origin::Live(source) }))));
            }
            if let Some(port) = deployment.port_of("gear") {
                let (sink, out) = outlet();
                swap.sinks.push((port, Some(Box::new(sink))));
                gear = Some(out);
            }
        })?;
        let mut way = Way { stand, inlet, gear, frame: 0 };
        way.quanta(1, controller);
        Ok(way)
    }

    /// Median time of a quantum that so many events come in, in nanoseconds: a quantum that was
    /// interrupted does not count.
    fn quanta(&mut self, events: usize, message: fn(usize) -> Message) -> f64 {
        let mut spent = Vec::with_capacity(QUANTA);
        let mut chunk = [0; crate::midi::SYSEX_CHUNK_BYTES];
        for _ in 0..QUANTA {
            for number in 0..events {
                let time = self.frame + (number * QUANTUM_FRAMES / events) as u64;
                self.inlet.message(time, Event::midi(time, 0, message(number)).wire());
            }
            let begin = own_time();
            self.stand.call(QUANTUM_FRAMES);
            spent.push((own_time() - begin).as_nanos() as f64);
            self.frame += QUANTUM_FRAMES as u64;
            while self.gear.as_mut().is_some_and(|gear| gear.receive(&mut chunk).is_some()) {}
        }
        median(&spent).unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Settings, Stop};

    #[test]
    fn every_figure_is_there_and_nothing_is_late_or_lost() {
        let stop = Stop::default();
        // Stopped already: one round each, and less than a second of traffic.
        stop.stop();
        let mut run = Run::new(Settings::default(), stop, &());
        measure(&mut run).expect("it measures");
        let midi = &run.report.midi;
        for figure in [midi.decode_ns_per_byte, midi.encode_ns, midi.event_ns] {
            assert!(figure.is_some_and(|nanos| nanos > 0.0), "{midi:?}");
        }
        // One difference of two times that are nearly the same: on a busy machine it may fall below zero.
        let (event, cable) = (midi.event_ns.expect("above"), midi.cable_ns.expect("a figure"));
        assert!((-event..100.0 * event).contains(&cable), "{midi:?}");
        assert!(midi.sent.is_some_and(|sent| sent > 1_000), "{midi:?}");
        assert_eq!((midi.late, midi.dropped), (Some(0), Some(0)));
        assert_eq!(run.report.figures.len(), 4);
    }
}
