//! What a MIDI cable's keys say.

use std::ops::Range;

use toml_edit::{Item, Value};

use super::super::keys::{self, KeyShape};
use super::super::problem::quoted;
use super::fields::{Fields, Problems, found_value};
use super::{motion, shaping};
use crate::route::{Transform, VelocityCurve};
use crate::unit::Key;

const CURVES: &str = "\"linear\", \"soft\", \"hard\", a velocity from 1 to 127, \
                      or points such as [[1, 20], [127, 110]]";

/// Reads all of them; what is wrong becomes a problem and stays as if not given.
pub(super) fn read(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Transform {
    let mut transform = Transform::default();
    for key in keys::CABLE {
        match key.shape {
            KeyShape::Channels => {
                transform.from_channels = channels(fields, key.name, problems).unwrap_or(u16::MAX);
            }
            KeyShape::KeyRange => {
                transform.keys = key_range(fields, key.name, problems).unwrap_or(transform.keys);
            }
            KeyShape::VelocityRange => {
                transform.velocities =
                    velocity_range(fields, key.name, problems).unwrap_or(transform.velocities);
            }
            KeyShape::Velocity => {
                transform.velocity = curve(fields, key.name, problems).unwrap_or(VelocityCurve::LINEAR);
            }
            KeyShape::Integer { .. } if key.name == "transpose" => {
                let number = fields.integer(key, problems);
                transform.transpose = number.and_then(|n| i8::try_from(n).ok()).unwrap_or(0);
            }
            KeyShape::Integer { .. } if key.name == "channel" => {
                let number = fields.integer(key, problems);
                transform.channel = number.and_then(|n| u8::try_from(n - 1).ok());
            }
            _ => {}
        }
    }
    transform.shaping = shaping::read(fields, &transform, problems);
    transform.motion = motion::read(fields, problems);
    transform
}

fn channels(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<u16> {
    let bit = |value: &Value| value.as_integer().filter(|c| (1..=16).contains(c)).map(|c| 1_u16 << (c - 1));
    let mut refuse = |at: Range<usize>, value: &Value| {
        let message =
            format!("a MIDI channel must be a whole number from 1 to 16; {} is not", found_value(value));
        problems.add(&at, message, None);
        None
    };
    match fields.item(key)? {
        Item::Value(Value::Array(list)) => {
            let mut bits = 0;
            for value in list {
                match bit(value) {
                    Some(bit) => bits |= bit,
                    None => return refuse(value.span().unwrap_or_else(|| fields.value_at(key)), value),
                }
            }
            if bits == 0 {
                let hint = Some("leave it away to let all channels pass".to_owned());
                problems.add(
                    &fields.value_at(key),
                    format!("`{key}` lists no channel: nothing would pass"),
                    hint,
                );
                return None;
            }
            Some(bits)
        }
        Item::Value(value @ Value::Integer(_)) => bit(value).or_else(|| refuse(fields.value_at(key), value)),
        _ => {
            let wanted = "a channel from 1 to 16 or a list of channels";
            fields.wrong_type(key, wanted, None, problems);
            None
        }
    }
}

fn key_range(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<(u8, u8)> {
    let (low, high) = halves(fields, key, "C2..B3", problems)?;
    let mut number = |text: &str| match text.parse::<Key>() {
        Ok(key) => Some(key.number()),
        Err(_) => {
            let message = format!("{} is not a key", quoted(text));
            let hint = "a key is a note such as C4 (middle C), F#3 or Bb2, from C-1 to G9, or a number from 0 to 127";
            problems.add(&fields.value_at(key), message, Some(hint.into()));
            None
        }
    };
    let (low_key, high_key) = (number(low)?, number(high)?);
    ordered(fields, key, (low, low_key), (high, high_key), problems)
}

fn velocity_range(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<(u8, u8)> {
    let (low, high) = halves(fields, key, "64..127", problems)?;
    let mut number = |text: &str| match text.parse::<u8>() {
        Ok(velocity @ 1..=127) => Some(velocity),
        _ => {
            let message = format!("a velocity must be from 1 to 127; {} is not", quoted(text));
            problems.add(&fields.value_at(key), message, None);
            None
        }
    };
    let (low_velocity, high_velocity) = (number(low)?, number(high)?);
    ordered(fields, key, (low, low_velocity), (high, high_velocity), problems)
}

/// The two sides of `"LO..HI"`.
fn halves<'a>(
    fields: &Fields<'a>,
    key: &str,
    example: &str,
    problems: &mut Problems<'_>,
) -> Option<(&'a str, &'a str)> {
    fields.item(key)?;
    let Some(text) = fields.item(key).and_then(Item::as_str) else {
        fields.wrong_type(key, &format!("a range such as \"{example}\""), None, problems);
        return None;
    };
    let Some((low, high)) = text.split_once("..") else {
        let hint = if text.is_empty() || text.contains('.') {
            format!("write \"LO..HI\", such as \"{example}\"")
        } else {
            let text: String = text.chars().take(16).collect();
            format!("write \"LO..HI\": for one alone \"{text}..{text}\"")
        };
        problems.add(&fields.value_at(key), format!("`{key}` is not a range: {}", quoted(text)), Some(hint));
        return None;
    };
    Some((low.trim(), high.trim()))
}

fn ordered(
    fields: &Fields<'_>,
    key: &str,
    low: (&str, u8),
    high: (&str, u8),
    problems: &mut Problems<'_>,
) -> Option<(u8, u8)> {
    if low.1 > high.1 {
        let message = format!("`{key}` is upside down: {} is above {}", low.0, high.0);
        problems.add(&fields.value_at(key), message, Some(format!("write \"{}..{}\"", high.0, low.0)));
        return None;
    }
    Some((low.1, high.1))
}

fn curve(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<VelocityCurve> {
    let at = fields.value_at(key);
    match fields.item(key)? {
        Item::Value(Value::String(word)) => match word.value().as_str() {
            "linear" => Some(VelocityCurve::LINEAR),
            "soft" => Some(VelocityCurve::soft()),
            "hard" => Some(VelocityCurve::hard()),
            other => {
                let message = format!("unknown {key} {}", quoted(other));
                problems.add(&at, message, Some(format!("it may be {CURVES}")));
                None
            }
        },
        Item::Value(value @ Value::Integer(number)) => {
            let velocity = u8::try_from(*number.value()).ok().filter(|v| (1..=127).contains(v));
            if velocity.is_none() {
                let message = format!("a velocity must be from 1 to 127; {} is not", found_value(value));
                problems.add(&at, message, None);
            }
            velocity.map(VelocityCurve::fixed)
        }
        Item::Value(Value::Array(list)) => {
            let mut points: Vec<(u8, u8)> = Vec::new();
            for value in list {
                let at = value.span().unwrap_or_else(|| at.clone());
                let Some(point) = point(value) else {
                    let hint = Some("write [in, out], both from 1 to 127".to_owned());
                    problems.add(&at, format!("a point of `{key}` must be a pair of velocities"), hint);
                    return None;
                };
                // Rising, so at most 127 of them.
                if points.last().is_some_and(|last| last.0 >= point.0) {
                    let hint = Some("write the points in rising order of their first numbers".to_owned());
                    problems.add(&at, format!("the points of `{key}` do not rise"), hint);
                    return None;
                }
                points.push(point);
            }
            if points.is_empty() {
                problems.add(&at, format!("`{key}` has no points"), Some(format!("it may be {CURVES}")));
                return None;
            }
            Some(VelocityCurve::through(&points))
        }
        _ => {
            fields.wrong_type(key, CURVES, None, problems);
            None
        }
    }
}

fn point(value: &Value) -> Option<(u8, u8)> {
    let pair = value.as_array().filter(|pair| pair.len() == 2)?;
    let velocity = |index| {
        let number = pair.get(index).and_then(Value::as_integer)?;
        u8::try_from(number).ok().filter(|velocity| (1..=127).contains(velocity))
    };
    Some((velocity(0)?, velocity(1)?))
}
