//! How each command stands in the log. Whoever adds a command adds a tag here.

use super::bytes::{In, Out};
use crate::render::{Command, Injected, Injection, JackReport, Turn};
use crate::transport::{Beats, Order, Tempo};

const PARAMETER: u8 = 0;
const MASTER: u8 = 1;
const PANIC: u8 = 2;
const INJECT: u8 = 3;
const TRANSPORT: u8 = 4;
const JACK: u8 = 5;
const SCENE: u8 = 6;

/// Real-time: yes.
pub(super) fn put(command: &Command, out: &mut Out<'_>) {
    match *command {
        Command::Parameter { node, index, value } => {
            out.u8(PARAMETER).u16(node).u16(index).f32(value);
        }
        Command::Master { decibels } => {
            out.u8(MASTER).f32(decibels);
        }
        Command::Panic => {
            out.u8(PANIC);
        }
        Command::Transport(order) => {
            out.u8(TRANSPORT);
            match order {
                Order::Start => out.u8(0),
                Order::Stop => out.u8(1),
                Order::Continue => out.u8(2),
                Order::Arm => out.u8(3),
                Order::Locate(beat) => out.u8(4).u64(beat.0),
                Order::Tempo(tempo) => out.u8(5).u64(tempo.beats_per_minute().to_bits()),
                Order::Tap => out.u8(6),
            };
        }
        Command::Jack(JackReport { frame, is_rolling, is_moved, place, beats, tempo }) => {
            let known = u8::from(beats.is_some()) << 2 | u8::from(tempo.is_some()) << 3;
            let flags = u8::from(is_rolling) | u8::from(is_moved) << 1 | known;
            let tempo = tempo.unwrap_or_default().beats_per_minute().to_bits();
            out.u8(JACK).u8(flags).u64(frame).u64(place).u64(beats.unwrap_or_default().0).u64(tempo);
        }
        Command::Scene(turn) => {
            out.u8(SCENE);
            match turn {
                Turn::To(id) => out.u8(0).u32(id),
                Turn::Next => out.u8(1),
                Turn::Previous => out.u8(2),
            };
        }
        Command::Inject(Injection { node, what, frame }) => {
            out.u8(INJECT).u16(node).u64(frame);
            match what {
                Injected::Panic => out.u8(0),
                Injected::NotFinite => out.u8(1),
                Injected::Loud => out.u8(2),
                Injected::Stall { millis } => out.u8(3).u32(millis),
                Injected::Hang => out.u8(4),
                Injected::Starve { millis } => out.u8(5).u32(millis),
            };
        }
    }
}

/// Real-time: yes.
pub(super) fn take(body: &mut In<'_>) -> Option<Command> {
    Some(match body.u8()? {
        PARAMETER => Command::Parameter { node: body.u16()?, index: body.u16()?, value: body.f32()? },
        MASTER => Command::Master { decibels: body.f32()? },
        PANIC => Command::Panic,
        TRANSPORT => Command::Transport(match body.u8()? {
            0 => Order::Start,
            1 => Order::Stop,
            2 => Order::Continue,
            3 => Order::Arm,
            4 => Order::Locate(Beats(body.u64()?)),
            5 => Order::Tempo(tempo(body)?),
            6 => Order::Tap,
            _ => return None,
        }),
        JACK => {
            let flags = body.u8().filter(|flags| *flags < 16)?;
            let (frame, place, beats) = (body.u64()?, body.u64()?, Beats(body.u64()?));
            let tempo = tempo(body)?;
            Command::Jack(JackReport {
                frame,
                is_rolling: flags & 1 != 0,
                is_moved: flags & 2 != 0,
                place,
                beats: (flags & 4 != 0).then_some(beats),
                tempo: (flags & 8 != 0).then_some(tempo),
            })
        }
        SCENE => Command::Scene(match body.u8()? {
            0 => Turn::To(body.u32()?),
            1 => Turn::Next,
            2 => Turn::Previous,
            _ => return None,
        }),
        INJECT => {
            let (node, frame) = (body.u16()?, body.u64()?);
            let what = match body.u8()? {
                0 => Injected::Panic,
                1 => Injected::NotFinite,
                2 => Injected::Loud,
                3 => Injected::Stall { millis: body.u32()? },
                4 => Injected::Hang,
                5 => Injected::Starve { millis: body.u32()? },
                _ => return None,
            };
            Command::Inject(Injection { node, what, frame })
        }
        _ => return None,
    })
}

fn tempo(body: &mut In<'_>) -> Option<Tempo> {
    Tempo::new(f64::from_bits(body.u64()?)).ok()
}
