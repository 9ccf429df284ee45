use super::bytes::{In, Out};
use super::command;
use crate::midi::{Event, EventKind, SYSEX_CHUNK_BYTES};
use crate::render::{Command, FaultKind};
use crate::unit::{Frame, QUANTUM_FRAMES};

/// The most bytes that one record takes, its head included.
pub const RECORD_BYTES: usize = 512;
/// A record's tag, and the length of what follows.
const HEAD_BYTES: usize = 3;

/// One thing that came into the Renderer, or that time decided in it. Of all
/// records in their order it plays the same again. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Record<'a> {
    /// From this frame on calls are so long.
    Call {
        /// The first frame of the first of them.
        frame: Frame,
        /// Frames in each.
        frames: u32,
    },
    /// An event as it was delivered; its time is its frame.
    Event {
        /// The event.
        event: Event,
        /// What a chunk of a SysEx holds; else nothing.
        bytes: &'a [u8],
    },
    /// A command was taken.
    Command {
        /// When.
        frame: Frame,
        /// Which.
        command: Command,
    },
    /// What is in a parcel was exchanged.
    Swap {
        /// When.
        frame: Frame,
        /// The parcel's number.
        serial: u64,
    },
    /// What was heard on a device's channel; a stretch of which there is no record
    /// was silent.
    Input {
        /// The first frame.
        frame: Frame,
        /// The channel, from 0.
        channel: u16,
        /// The samples, as they were: 32-bit floats, little-endian.
        samples: &'a [u8],
    },
    /// A stage with a worker of its own was not back in time.
    Missing {
        /// The first frame of the piece in which it is silent for that.
        frame: Frame,
        /// Its node.
        node: u16,
        /// It was sent this piece; else it was still out with an earlier one.
        was_sent: bool,
    },
    /// Lanes of what an actor plays from a disk had not enough for the quantum that begins with this frame.
    Dry {
        /// That frame.
        frame: Frame,
        /// Its node.
        node: u16,
        /// A bit for each lane.
        lanes: u8,
    },
    /// A stage failed by a clock: it stalled, hung, or took too long.
    Verdict {
        /// The first frame that is not its own any more.
        frame: Frame,
        /// Its node.
        node: u16,
        /// How.
        kind: FaultKind,
    },
    /// What came before this frame found no room in the log.
    Gap {
        /// The first frame after it.
        frame: Frame,
        /// Records lost.
        records: u64,
    },
}

/// Why bytes are no record. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("bytes that are no record")]
pub struct RecordError;

const CALL: u8 = 1;
const EVENT: u8 = 2;
const COMMAND: u8 = 3;
const SWAP: u8 = 4;
const INPUT: u8 = 5;
const MISSING: u8 = 6;
const VERDICT: u8 = 7;
const GAP: u8 = 8;
const DRY: u8 = 9;

const MIDI: u8 = 0;
const SYSEX: u8 = 1;
const RESET: u8 = 2;
const PARAMETER: u8 = 3;
const LATE: u8 = 0x10;
const FIRST: u8 = 0x20;
const LAST: u8 = 0x40;

impl<'a> Record<'a> {
    /// When it happened. Real-time: yes.
    pub fn frame(&self) -> Frame {
        match *self {
            Record::Event { event, .. } => event.time,
            Record::Call { frame, .. }
            | Record::Command { frame, .. }
            | Record::Swap { frame, .. }
            | Record::Input { frame, .. }
            | Record::Missing { frame, .. }
            | Record::Dry { frame, .. }
            | Record::Verdict { frame, .. }
            | Record::Gap { frame, .. } => frame,
        }
    }

    /// Its bytes, put into `place`; `None` for what no record may hold. Real-time: yes.
    pub fn encode<'b>(&self, place: &'b mut [u8; RECORD_BYTES]) -> Option<&'b [u8]> {
        let (head, body) = place.split_at_mut(HEAD_BYTES);
        let mut out = Out::new(body);
        out.u64(self.frame());
        let tag = match *self {
            Record::Call { frames, .. } => {
                out.u32(frames);
                CALL
            }
            Record::Event { event, bytes } => {
                put_event(&event, bytes, &mut out);
                EVENT
            }
            Record::Command { command, .. } => {
                command::put(&command, &mut out);
                COMMAND
            }
            Record::Swap { serial, .. } => {
                out.u64(serial);
                SWAP
            }
            Record::Input { channel, samples, .. } => {
                out.u16(channel).bytes(samples);
                INPUT
            }
            Record::Missing { node, was_sent, .. } => {
                out.u16(node).u8(u8::from(was_sent));
                MISSING
            }
            Record::Dry { node, lanes, .. } => {
                out.u16(node).u8(lanes);
                DRY
            }
            Record::Verdict { node, kind, .. } => {
                out.u16(node).u8(kind as u8);
                VERDICT
            }
            Record::Gap { records, .. } => {
                out.u64(records);
                GAP
            }
        };
        let length = out.length()?;
        let mut out = Out::new(head);
        out.u8(tag).u16(length as u16);
        Some(&place[..HEAD_BYTES + length])
    }

    /// The first record in `bytes`, and what follows it. Real-time: yes.
    ///
    /// # Errors
    /// [`RecordError`] where there is none, or one that breaks a limit.
    pub fn decode(bytes: &'a [u8]) -> Result<(Record<'a>, &'a [u8]), RecordError> {
        Self::split(bytes).ok_or(RecordError)
    }

    fn split(bytes: &'a [u8]) -> Option<(Record<'a>, &'a [u8])> {
        let mut bytes = In(bytes);
        let tag = bytes.u8()?;
        let length = usize::from(bytes.u16()?);
        let mut body = In(bytes.bytes(length).filter(|_| length <= RECORD_BYTES - HEAD_BYTES)?);
        let frame = body.u64()?;
        let record = match tag {
            CALL => Record::Call { frame, frames: body.u32().filter(|frames| *frames > 0)? },
            EVENT => take_event(frame, &mut body)?,
            COMMAND => Record::Command { frame, command: command::take(&mut body)? },
            SWAP => Record::Swap { frame, serial: body.u64()? },
            INPUT => {
                let channel = body.u16()?;
                let samples = body.bytes(body.0.len())?;
                let is_whole = samples.len() % size_of::<f32>() == 0;
                if !is_whole || samples.len() > QUANTUM_FRAMES * size_of::<f32>() {
                    return None;
                }
                Record::Input { frame, channel, samples }
            }
            MISSING => {
                let node = body.u16()?;
                Record::Missing { frame, node, was_sent: body.u8().filter(|flag| *flag < 2)? == 1 }
            }
            DRY => Record::Dry { frame, node: body.u16()?, lanes: body.u8()? },
            VERDICT => Record::Verdict { frame, node: body.u16()?, kind: kind_of(body.u8()?)? },
            GAP => Record::Gap { frame, records: body.u64()? },
            _ => return None,
        };
        body.0.is_empty().then_some((record, bytes.0))
    }
}

fn put_event(event: &Event, bytes: &[u8], out: &mut Out<'_>) {
    let late = if event.is_late() { LATE } else { 0 };
    match event.kind() {
        Some(EventKind::Sysex { first, last, .. }) => {
            let flags = if first { FIRST } else { 0 } | if last { LAST } else { 0 };
            out.u8(SYSEX | late | flags).u16(event.source).bytes(bytes);
        }
        Some(EventKind::Reset) => {
            out.u8(RESET | late).u16(event.source);
        }
        Some(EventKind::Parameter { index, value }) => {
            out.u8(PARAMETER | late).u16(event.source).u16(index).f32(value);
        }
        // Verbatim, even what is no message.
        Some(EventKind::Midi(_)) | None => {
            out.u8(MIDI | late).u16(event.source).bytes(event.wire());
        }
    }
}

fn take_event<'a>(frame: Frame, body: &mut In<'a>) -> Option<Record<'a>> {
    let flags = body.u8()?;
    let source = body.u16()?;
    let rest = body.bytes(body.0.len())?;
    let mut bytes: &[u8] = &[];
    let event = match flags & !(LATE | FIRST | LAST) {
        MIDI if rest.len() <= 3 => Event::from_bytes(frame, source, rest),
        SYSEX if rest.len() <= SYSEX_CHUNK_BYTES => {
            bytes = rest;
            Event::sysex(frame, source, rest.len() as u32, flags & FIRST != 0, flags & LAST != 0)
        }
        RESET if rest.is_empty() => Event::reset(frame, source),
        PARAMETER => {
            let mut rest = In(rest);
            let (index, value) = (rest.u16()?, rest.f32()?);
            let mut event = Event::parameter(frame, index, value);
            event.source = source;
            event
        }
        _ => return None,
    };
    let event = if flags & LATE != 0 { event.late() } else { event };
    Some(Record::Event { event, bytes })
}

fn kind_of(number: u8) -> Option<FaultKind> {
    use FaultKind::{Hang, Loud, NotFinite, Overrun, Panic, Stall};
    [Panic, NotFinite, Loud, Overrun, Stall, Hang].into_iter().find(|kind| *kind as u8 == number)
}

#[cfg(test)]
mod tests {
    use crate::render::JackReport;
    use crate::transport::{Beats, Order, Tempo};
    use proptest::prelude::*;

    use super::*;
    use crate::render::{Injected, Injection};

    fn round_trip(record: Record<'_>) {
        let mut place = [0; RECORD_BYTES];
        let mut bytes = record.encode(&mut place).expect("it fits").to_vec();
        bytes.extend_from_slice(&[1, 2, 3]);
        assert_eq!(Record::decode(&bytes), Ok((record, &[1, 2, 3][..])));
        for cut in 0..bytes.len() - 3 {
            assert_eq!(Record::decode(&bytes[..cut]), Err(RecordError), "cut at {cut}");
        }
    }

    fn kinds() -> impl Strategy<Value = FaultKind> {
        (0_u8..6).prop_map(|number| kind_of(number).expect("there are six"))
    }

    fn commands() -> impl Strategy<Value = Command> {
        let value = -1.0e9_f32..1.0e9;
        let injected = prop_oneof![
            Just(Injected::Panic),
            Just(Injected::NotFinite),
            Just(Injected::Loud),
            any::<u32>().prop_map(|millis| Injected::Stall { millis }),
            Just(Injected::Hang),
            any::<u32>().prop_map(|millis| Injected::Starve { millis }),
        ];
        prop_oneof![
            (any::<u16>(), any::<u16>(), value.clone()).prop_map(|(node, index, value)| Command::Parameter {
                node,
                index,
                value
            }),
            value.prop_map(|decibels| Command::Master { decibels }),
            Just(Command::Panic),
            (0_u8..7, any::<u64>(), 20.0..400.0_f64).prop_map(|(order, beat, bpm)| {
                let tempo = Tempo::new(bpm).expect("a tempo");
                Command::Transport(match order {
                    0 => Order::Start,
                    1 => Order::Stop,
                    2 => Order::Continue,
                    3 => Order::Arm,
                    4 => Order::Locate(Beats(beat)),
                    5 => Order::Tempo(tempo),
                    _ => Order::Tap,
                })
            }),
            (any::<(u64, bool, bool, u64)>(), any::<Option<u64>>(), proptest::option::of(20.0..400.0_f64))
                .prop_map(|((frame, is_rolling, is_moved, place), beats, bpm)| {
                    let tempo = bpm.and_then(|bpm| Tempo::new(bpm).ok());
                    let beats = beats.map(Beats);
                    Command::Jack(JackReport { frame, is_rolling, is_moved, place, beats, tempo })
                }),
            (any::<u16>(), injected, any::<u64>())
                .prop_map(|(node, what, frame)| Command::Inject(Injection { node, what, frame })),
        ]
    }

    proptest! {
        #[test]
        fn every_record_comes_back(
            frame in any::<u64>(),
            serial in any::<u64>(),
            frames in 1_u32..,
            node in any::<u16>(),
            kind in kinds(),
            command in commands(),
            samples in proptest::collection::vec(any::<u32>(), 0..=QUANTUM_FRAMES),
        ) {
            let samples: Vec<u8> = samples.iter().flat_map(|bits| bits.to_le_bytes()).collect();
            round_trip(Record::Call { frame, frames });
            round_trip(Record::Command { frame, command });
            round_trip(Record::Swap { frame, serial });
            round_trip(Record::Input { frame, channel: node, samples: &samples });
            round_trip(Record::Missing { frame, node, was_sent: serial % 2 == 0 });
            round_trip(Record::Dry { frame, node, lanes: serial as u8 });
            round_trip(Record::Verdict { frame, node, kind });
            round_trip(Record::Gap { frame, records: serial });
        }

        #[test]
        fn every_event_comes_back_with_its_bytes(
            time in any::<u64>(),
            source in any::<u16>(),
            wire in proptest::collection::vec(any::<u8>(), 0..=3),
            chunk in proptest::collection::vec(any::<u8>(), 0..=SYSEX_CHUNK_BYTES),
            index in any::<u16>(),
            value in -1.0e9_f32..1.0e9,
            (first, last, is_late) in any::<(bool, bool, bool)>(),
        ) {
            let mut parameter = Event::parameter(time, index, value);
            parameter.source = source;
            let events = [
                (Event::from_bytes(time, source, &wire), &[][..]),
                (Event::sysex(time, source, chunk.len() as u32, first, last), &chunk[..]),
                (Event::reset(time, source), &[][..]),
                (parameter, &[][..]),
            ];
            for (event, bytes) in events {
                let event = if is_late { event.late() } else { event };
                round_trip(Record::Event { event, bytes });
            }
        }

        #[test]
        fn any_bytes_are_a_record_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut rest = &bytes[..];
            while let Ok((record, after)) = Record::decode(rest) {
                prop_assert!(after.len() < rest.len());
                let mut place = [0; RECORD_BYTES];
                prop_assert!(record.encode(&mut place).is_some());
                rest = after;
            }
        }
    }
}
