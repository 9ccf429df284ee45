//! What the doors between the worlds cost.

use std::hint::black_box;

use super::reference::Samples;
use super::report::Better;
use super::timing::{nanos_per_item, own_nanos_per_item};
use super::{Run, Stop};
use crate::engine::Error;
use crate::midi::{Event, Message};
use crate::rt::{latest::latest, loan::loan, ring::ring, stream::stream};

/// Places of the rings: as many as a MIDI source of the engine has.
const CAPACITY: usize = 1_024;
/// Samples that go through a stream at once: a block of two channels.
const CHUNK_SAMPLES: usize = 512;

pub(super) fn measure(run: &mut Run) -> Result<(), Error> {
    type Timed = fn(&Run) -> Samples;
    let parts: [(&str, &str, Timed); 5] = [
        ("event_ns", "events through a ring", events),
        ("event_across_ns", "events from thread to thread", events_across),
        ("sample_ns", "samples through a stream", samples),
        ("latest_ns", "the newest value", newest),
        ("loan_ns", "parcels lent and given back", parcels),
    ];
    let count = parts.len() as f64;
    for (index, (name, doing, timed)) in parts.into_iter().enumerate() {
        run.advance(index as f64 / count, doing);
        let samples = timed(run);
        let rings = &mut run.report.rings;
        let place = match name {
            "event_ns" => &mut rings.event_ns,
            "event_across_ns" => &mut rings.event_across_ns,
            "sample_ns" => &mut rings.sample_ns,
            "latest_ns" => &mut rings.latest_ns,
            _ => &mut rings.loan_ns,
        };
        *place = samples.median();
        run.figure(&format!("rings.{name}"), "ns", Better::Less, samples);
    }
    run.report.rings.refused = Some(refusals());
    Ok(())
}

fn event() -> Event {
    Event::midi(0, 0, Message::NoteOn { channel: 0, key: 60, velocity: 100 })
}

fn events(run: &Run) -> Samples {
    let (mut sender, mut receiver) = ring(CAPACITY);
    own_nanos_per_item(run, |items| {
        for _ in 0..items {
            let _ = sender.send(black_box(event()));
            black_box(receiver.receive());
        }
        items
    })
}

fn events_across(run: &Run) -> Samples {
    let (mut sender, mut receiver) = ring(CAPACITY);
    let done = Stop::default();
    let ended = done.clone();
    let reader = std::thread::spawn(move || {
        while !ended.is_stopped() {
            while receiver.receive().is_some() {}
            std::thread::yield_now();
        }
    });
    let samples = nanos_per_item(run, |items| {
        for _ in 0..items {
            let mut event = event();
            while let Err(back) = sender.send(event) {
                event = back;
                std::thread::yield_now();
            }
        }
        items
    });
    done.stop();
    // It looks at the flag in every round of its loop.
    let _ = reader.join();
    samples
}

fn samples(run: &Run) -> Samples {
    let (mut writer, mut reader) = stream::<f32>(4 * CHUNK_SAMPLES);
    let (chunk, mut out) = ([0.25_f32; CHUNK_SAMPLES], [0.0_f32; CHUNK_SAMPLES]);
    own_nanos_per_item(run, |items| {
        let chunks = items.div_ceil(CHUNK_SAMPLES as u64);
        for _ in 0..chunks {
            writer.write(black_box(&chunk));
            reader.read(black_box(&mut out));
        }
        chunks * CHUNK_SAMPLES as u64
    })
}

fn newest(run: &Run) -> Samples {
    let (mut publisher, mut newest) = latest([0_u64; 8]);
    own_nanos_per_item(run, |items| {
        for number in 0..items {
            publisher.publish([number; 8]);
            black_box(newest.read());
        }
        items
    })
}

fn parcels(run: &Run) -> Samples {
    let (mut lender, mut borrower) = loan::<[u64; 8]>(4);
    let mut parcel = Some(Box::new([0_u64; 8]));
    own_nanos_per_item(run, |items| {
        for _ in 0..items {
            let Some(lent) = parcel.take() else { return items };
            parcel = lender.lend(lent).err();
            if let Some(borrowed) = borrower.borrow() {
                borrower.give_back(black_box(borrowed));
            }
            parcel = parcel.take().or_else(|| lender.collect());
        }
        items
    })
}

/// Sends one more than fits, many times: each must be refused, and counted.
fn refusals() -> u64 {
    let (mut sender, mut receiver) = ring(CAPACITY);
    for _ in 0..CAPACITY {
        for _ in 0..=CAPACITY {
            let _ = sender.send(event());
        }
        while receiver.receive().is_some() {}
    }
    sender.refused()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Settings;

    #[test]
    fn every_door_has_its_figure_and_a_full_ring_refuses_what_is_too_much() {
        let stop = Stop::default();
        // Stopped already: one round each.
        stop.stop();
        let mut run = Run::new(Settings::default(), stop, &());
        measure(&mut run).expect("it measures");
        let rings = &run.report.rings;
        for figure in [rings.event_ns, rings.event_across_ns, rings.sample_ns, rings.latest_ns, rings.loan_ns]
        {
            assert!(figure.is_some_and(|nanos| nanos > 0.0), "{rings:?}");
        }
        assert_eq!((rings.refused, run.report.figures.len()), (Some(CAPACITY as u64), 5));
    }
}
