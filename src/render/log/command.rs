//! How each command stands in the log. Whoever adds a command adds a tag here.

use super::bytes::{In, Out};
use crate::render::{Command, Injected, Injection};

const PARAMETER: u8 = 0;
const MASTER: u8 = 1;
const PANIC: u8 = 2;
const INJECT: u8 = 3;

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
        Command::Inject(Injection { node, what, frame }) => {
            out.u8(INJECT).u16(node).u64(frame);
            match what {
                Injected::Panic => out.u8(0),
                Injected::NotFinite => out.u8(1),
                Injected::Loud => out.u8(2),
                Injected::Stall { millis } => out.u8(3).u32(millis),
                Injected::Hang => out.u8(4),
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
        INJECT => {
            let (node, frame) = (body.u16()?, body.u64()?);
            let what = match body.u8()? {
                0 => Injected::Panic,
                1 => Injected::NotFinite,
                2 => Injected::Loud,
                3 => Injected::Stall { millis: body.u32()? },
                4 => Injected::Hang,
                _ => return None,
            };
            Command::Inject(Injection { node, what, frame })
        }
        _ => return None,
    })
}
