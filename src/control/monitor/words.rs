//! Messages in words.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::midi::Message;
use crate::midi::registered::{Meaning, Parameter};
use crate::unit::Key;

/// The status byte of the MIDI clock.
pub(super) const CLOCK: u8 = 0xf8;
const BEND_AT_REST: i32 = 8_192;

/// What a line says of its message; the fields that make sense for it.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Words {
    /// The message's name, such as `note-on`.
    pub message: &'static str,
    /// 1 to 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<u8>,
    /// A key's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// 0 to 127.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<u8>,
    /// 0 to 127.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub velocity: Option<u8>,
    /// 0 to 127; the coarse part's for a fine one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<u8>,
    /// What a controller or a parameter is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// `RPN` or `NRPN` and its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Of a controller, a parameter, a program, a pressure or a wheel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<i32>,
    /// The value has 14 bits.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fine: bool,
    /// A clock's tempo over its last beat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bpm: Option<f64>,
    /// A time code, once all of it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timecode: Option<String>,
    /// A SysEx's length in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// More in words: what a value means, who made a SysEx.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
}

impl Words {
    /// The words for a message, of which `meaning` is known where it is a controller's.
    pub(super) fn of(message: Message, meaning: Option<Meaning>) -> Words {
        let mut words = Words { channel: message.channel().map(|channel| channel + 1), ..Words::default() };
        words.message = name_of(message.encode().0[0]);
        match message {
            Message::NoteOn { key, velocity, .. } | Message::NoteOff { key, velocity, .. } => {
                words.key(key);
                words.velocity = Some(velocity);
            }
            Message::PolyPressure { key, pressure, .. } => {
                words.key(key);
                words.value = Some(i32::from(pressure));
            }
            Message::ControlChange { channel, controller, value } => {
                words.control(channel, controller, value, meaning);
            }
            Message::ProgramChange { program, .. } => words.value = Some(i32::from(program)),
            Message::ChannelPressure { pressure, .. } => words.value = Some(i32::from(pressure)),
            Message::PitchBend { value, .. } => words.value = Some(i32::from(value) - BEND_AT_REST),
            Message::System { status, data } => words.system(status, data),
        }
        words
    }

    /// The words for a SysEx of so many bytes that begins so.
    pub(super) fn sysex(length: u64, head: &[u8], is_whole: bool) -> Words {
        let mut meaning = maker(head).unwrap_or_default().to_owned();
        if !is_whole {
            meaning.push_str(if meaning.is_empty() { "broken off" } else { ", broken off" });
        }
        Words {
            message: "sysex",
            length: Some(length),
            meaning: (!meaning.is_empty()).then_some(meaning),
            ..Words::default()
        }
    }

    fn key(&mut self, key: u8) {
        self.key = Some(key);
        self.note = Key::new(key).map(|key| key.to_string());
    }

    fn control(&mut self, channel: u8, controller: u8, value: u8, meaning: Option<Meaning>) {
        self.controller = Some(controller);
        self.value = Some(i32::from(value));
        self.name = controller_name(controller);
        match meaning {
            Some(Meaning::Fine { controller, value }) => {
                self.controller = Some(controller);
                self.name = controller_name(controller);
                (self.value, self.fine) = (Some(i32::from(value)), true);
            }
            Some(Meaning::Choice(parameter)) => {
                self.parameter = parameter.map(number_of);
                self.meaning = Some(match parameter {
                    None => "no parameter chosen".to_owned(),
                    Some(parameter) => format!("chooses {}", called(parameter)),
                });
            }
            Some(Meaning::Value { parameter, value, is_fine }) => {
                self.name = parameter.name();
                self.parameter = Some(number_of(parameter));
                (self.value, self.fine) = (Some(i32::from(value)), true);
                self.meaning = in_units(parameter, value, is_fine, channel);
            }
            Some(Meaning::Step { parameter, is_up }) => {
                self.name = parameter.name();
                (self.parameter, self.value) = (Some(number_of(parameter)), None);
                self.meaning = Some(if is_up { "a step up" } else { "a step down" }.to_owned());
            }
            Some(Meaning::Plain { .. }) | None => {}
        }
    }

    fn system(&mut self, status: u8, [first, second]: [u8; 2]) {
        match status {
            0xf1 => self.value = Some(i32::from(first)),
            0xf2 => {
                let sixteenths = i32::from(first) | i32::from(second) << 7;
                self.value = Some(sixteenths);
                self.meaning = Some(format!("beat {}.{}", sixteenths / 4 + 1, sixteenths % 4 + 1));
            }
            0xf3 => self.value = Some(i32::from(first)),
            _ => {}
        }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.message, &self.parameter) {
            ("control-change", Some(parameter)) => match (self.name, &self.meaning) {
                (_, Some(meaning)) if meaning.starts_with("chooses") => return f.write_str(meaning),
                (Some(name), _) => write!(f, "{parameter} {name}")?,
                (None, _) => f.write_str(parameter)?,
            },
            ("control-change", None) => match (self.name, self.controller) {
                (Some(name), Some(number)) => write!(f, "{name} ({number})")?,
                (_, number) => write!(f, "controller {}", number.unwrap_or(0))?,
            },
            (message, _) => {
                for part in message.split('-').enumerate() {
                    write!(f, "{}{}", if part.0 > 0 { " " } else { "" }, part.1)?;
                }
            }
        }
        if let Some(note) = &self.note {
            write!(f, " {note}")?;
        }
        if let Some(velocity) = self.velocity {
            write!(f, " velocity {velocity}")?;
        }
        match self.value {
            // Which data byte carried a piece of time code is in the bytes.
            Some(_) if self.message == "quarter-frame" => {}
            Some(value) if self.message == "pitch-bend" => write!(f, " {value:+}")?,
            Some(value) => write!(f, " {value}")?,
            None => {}
        }
        if let Some(length) = self.length {
            write!(f, " {length} bytes")?;
        }
        if let Some(bpm) = self.bpm {
            write!(f, " {bpm:.2} BPM")?;
        }
        if let Some(timecode) = &self.timecode {
            write!(f, " {timecode}")?;
        }
        match &self.meaning {
            Some(meaning) => write!(f, ", {meaning}"),
            None => Ok(()),
        }
    }
}

/// Bytes in hexadecimal, as a manual prints them.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(3 * bytes.len());
    for (index, byte) in bytes.iter().enumerate() {
        let gap = if index > 0 { " " } else { "" };
        // A String takes all.
        let _ = write!(text, "{gap}{byte:02x}");
    }
    text
}

/// The name of a status byte's messages.
pub(super) fn name_of(status: u8) -> &'static str {
    match status {
        0x80..=0x8f => "note-off",
        0x90..=0x9f => "note-on",
        0xa0..=0xaf => "key-pressure",
        0xb0..=0xbf => "control-change",
        0xc0..=0xcf => "program-change",
        0xd0..=0xdf => "channel-pressure",
        0xe0..=0xef => "pitch-bend",
        0xf0 => "sysex",
        0xf1 => "quarter-frame",
        0xf2 => "song-position",
        0xf3 => "song-select",
        0xf6 => "tune-request",
        CLOCK => "clock",
        0xfa => "start",
        0xfb => "continue",
        0xfc => "stop",
        0xfe => "active-sensing",
        0xff => "reset",
        _ => "undefined",
    }
}

fn number_of(parameter: Parameter) -> String {
    match parameter {
        Parameter::Registered(number) => format!("RPN {number}"),
        Parameter::NonRegistered(number) => format!("NRPN {number}"),
    }
}

fn called(parameter: Parameter) -> String {
    match parameter.name() {
        Some(name) => format!("{} {name}", number_of(parameter)),
        None => number_of(parameter),
    }
}

fn in_units(parameter: Parameter, value: u16, is_fine: bool, channel: u8) -> Option<String> {
    let (coarse, fine) = (value >> 7, value & 0x7f);
    Some(match parameter {
        Parameter::BEND_RANGE if is_fine => format!("{coarse} semitones {fine} cents"),
        Parameter::BEND_RANGE => format!("{coarse} semitones"),
        Parameter::FINE_TUNING => format!("{:+.1} cents", (f64::from(value) - 8_192.0) * 100.0 / 8_192.0),
        Parameter::COARSE_TUNING => format!("{:+} semitones", i32::from(coarse) - 64),
        Parameter::MPE_CONFIGURATION => match (channel, coarse) {
            (0 | 15, 0) => "zone off".to_owned(),
            (0, members) => format!("lower zone of {members} channels"),
            (15, members) => format!("upper zone of {members} channels"),
            _ => return None,
        },
        _ => return None,
    })
}

fn controller_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "bank",
        1 => "modulation",
        2 => "breath",
        4 => "foot",
        5 => "portamento time",
        6 | 38 => "data entry",
        7 => "volume",
        8 => "balance",
        10 => "pan",
        11 => "expression",
        32 => "bank fine",
        64 => "sustain",
        65 => "portamento",
        66 => "sostenuto",
        67 => "soft",
        68 => "legato",
        71 => "resonance",
        72 => "release",
        73 => "attack",
        74 => "brightness",
        91 => "reverb",
        93 => "chorus",
        96 => "increment",
        97 => "decrement",
        98 => "NRPN fine",
        99 => "NRPN coarse",
        100 => "RPN fine",
        101 => "RPN coarse",
        120 => "all sound off",
        121 => "reset all",
        122 => "local control",
        123 => "all notes off",
        124 => "omni off",
        125 => "omni on",
        126 => "mono",
        127 => "poly",
        _ => return None,
    })
}

/// Whose SysEx it is, and of the universal ones what it is.
fn maker(head: &[u8]) -> Option<&'static str> {
    Some(match head.get(1..)? {
        [0x7e, _, 6, 1, ..] => "identity request",
        [0x7e, _, 6, 2, ..] => "identity reply",
        [0x7e, _, 9, 1, ..] => "General MIDI on",
        [0x7e, _, 9, 2, ..] => "General MIDI off",
        [0x7e, ..] => "universal",
        [0x7f, _, 1, 1, ..] => "time code",
        [0x7f, _, 4, 1, ..] => "master volume",
        [0x7f, _, 6, ..] => "machine control",
        [0x7f, ..] => "universal realtime",
        [0x7d, ..] => "non-commercial",
        [0x01, ..] => "Sequential",
        [0x04, ..] => "Moog",
        [0x06, ..] => "Lexicon",
        [0x07, ..] => "Kurzweil",
        [0x0f, ..] => "Ensoniq",
        [0x10, ..] => "Oberheim",
        [0x18, ..] => "E-mu",
        [0x3e, ..] => "Waldorf",
        [0x40, ..] => "Kawai",
        [0x41, ..] => "Roland",
        [0x42, ..] => "Korg",
        [0x43, ..] => "Yamaha",
        [0x44, ..] => "Casio",
        [0x47, ..] => "Akai",
        [0x00, 0x20, 0x29, ..] => "Focusrite/Novation",
        [0x00, 0x20, 0x32, ..] => "Behringer",
        [0x00, 0x20, 0x33, ..] => "Access",
        [0x00, 0x20, 0x6b, ..] => "Arturia",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::registered::Registered;

    fn said(messages: &[[u8; 3]]) -> Vec<String> {
        let mut registered = Registered::new();
        let words = messages.iter().map(|&bytes| {
            let message = Message::decode(bytes).expect("a message");
            Words::of(message, registered.observe(message)).to_string()
        });
        words.collect()
    }

    #[test]
    fn messages_are_said_in_words() {
        assert_eq!(
            said(&[
                [0x90, 60, 100],
                [0x95, 60, 0],
                [0xa0, 61, 5],
                [0xb0, 64, 127],
                [0xb0, 3, 1],
                [0xc0, 4, 0],
                [0xe0, 0, 0],
                [0xe0, 0, 0x40],
                [0xf2, 0x11, 0],
                [0xf8, 0, 0],
                [0xb0, 123, 0],
            ]),
            [
                "note on C4 velocity 100",
                "note off C4 velocity 64",
                "key pressure C#4 5",
                "sustain (64) 127",
                "controller 3 1",
                "program change 4",
                "pitch bend -8192",
                "pitch bend +0",
                "song position 17, beat 5.2",
                "clock",
                "all notes off (123) 0",
            ]
        );
    }

    #[test]
    fn controllers_that_belong_together_are_said_as_what_they_mean() {
        assert_eq!(
            said(&[
                [0xb0, 101, 0],
                [0xb0, 100, 0],
                [0xb0, 6, 12],
                [0xb0, 38, 50],
                [0xb0, 99, 1],
                [0xb0, 98, 2],
                [0xb0, 6, 3],
                [0xb0, 96, 0],
                [0xb0, 7, 64],
                [0xb0, 39, 1],
            ]),
            [
                "RPN coarse (101) 0, no parameter chosen",
                "chooses RPN 0 pitch bend range",
                "RPN 0 pitch bend range 1536, 12 semitones",
                "RPN 0 pitch bend range 1586, 12 semitones 50 cents",
                "NRPN coarse (99) 1, no parameter chosen",
                "chooses NRPN 130",
                "NRPN 130 384",
                "NRPN 130, a step up",
                "volume (7) 64",
                "volume (7) 8193",
            ]
        );
        assert_eq!(
            said(&[[0xbf, 101, 0], [0xbf, 100, 6], [0xbf, 6, 7]])[2],
            "RPN 6 MPE configuration 896, upper zone of 7 channels"
        );
    }

    #[test]
    fn a_sysex_is_said_with_its_length_and_its_maker() {
        assert_eq!(
            Words::sysex(6, &[0xf0, 0x7e, 0x7f, 6, 1, 0xf7], true).to_string(),
            "sysex 6 bytes, identity request"
        );
        assert_eq!(Words::sysex(9, &[0xf0, 0x33], false).to_string(), "sysex 9 bytes, broken off");
        assert_eq!(hex(&[0xf0, 1, 0xf7]), "f0 01 f7");
    }
}
