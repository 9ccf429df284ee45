//! `[midi.NAME]`, `[input.NAME]`, `[output.NAME]`.

use super::super::keys;
use super::super::model::{Device, MidiPort, Port, Rig};
use super::super::pattern::{PATTERN_LIMIT, port_pattern};
use super::fields::{Fields, Problems, found_value};
use super::gain;
use super::names::{Entry, Names, Sort};
use crate::unit::Decibels;

/// Reads them into the rig; `out` is always the first output.
pub(super) fn read(names: &mut Names<'_>, rig: &mut Rig, problems: &mut Problems<'_>) {
    rig.outputs.push(Device { name: "out".into(), channels: vec![0, 1], gain: Decibels::UNITY });
    let mut made = Vec::new();
    for entry in &names.entries {
        match entry.sort {
            Sort::Midi => {
                if let Some(port) = midi(entry, problems) {
                    made.push((entry.name, Port::Midi(rig.midi.len())));
                    rig.origin.midi.push(entry.at.clone());
                    rig.midi.push(port);
                }
            }
            Sort::Input => {
                made.push((entry.name, Port::Input(rig.inputs.len())));
                rig.inputs.push(device(entry, problems));
            }
            Sort::Output if entry.name == "out" => rig.outputs[0] = device(entry, problems),
            Sort::Output => {
                made.push((entry.name, Port::Output(rig.outputs.len())));
                rig.outputs.push(device(entry, problems));
            }
            Sort::Instrument | Sort::Stage | Sort::Clip | Sort::Generator => {}
        }
    }
    for (name, port) in made {
        names.set_port(name, port);
    }
    refuse_clashes(rig, problems);
}

/// On JACK gear that goes both ways has two ports, NAME_in and NAME_out.
fn refuse_clashes(rig: &Rig, problems: &mut Problems<'_>) {
    for both in rig.midi.iter().filter(|port| port.is_source() && port.is_destination()) {
        for (port, at) in rig.midi.iter().zip(&rig.origin.midi) {
            let rest = port.name.strip_prefix(both.name.as_str());
            if matches!(rest, Some("_in" | "_out")) {
                let message =
                    format!("`{}` is what one of the two ports of `{}` is called", port.name, both.name);
                problems.add(at, message, Some("choose another name for one of them".into()));
            }
        }
    }
}

fn midi(entry: &Entry<'_>, problems: &mut Problems<'_>) -> Option<MidiPort> {
    let known: Vec<&str> = keys::MIDI.iter().map(|key| key.name).collect();
    let section = format!("[midi.{}]", entry.name);
    let before = problems.list.len();
    let fields = Fields::read(entry.table, entry.at.clone(), &section, &known, problems);
    let input = pattern(&fields, "in", problems);
    let output = pattern(&fields, "out", problems);
    let is_virtual = fields.switch("virtual", problems).unwrap_or(false);
    let clock = fields.switch("clock", problems).unwrap_or(false);
    let serial = text(&fields, "serial", problems);
    let usb = text(&fields, "usb", problems);
    if usb.as_ref().is_some_and(|usb| !is_usb_path(usb)) {
        let hint = "it is the number of the bus and of the ports on the way, such as \"1-1.2\"; \
                    `antiphon devices` shows it";
        problems.add(&fields.value_at("usb"), "`usb` is no place on a bus", Some(hint.into()));
    }
    let port = keys::MIDI.iter().find(|key| key.name == "port");
    let port = port.and_then(|key| fields.integer(key, problems)).and_then(|port| u32::try_from(port).ok());
    if let Some(key) = ["serial", "usb", "port"].into_iter().find(|key| is_virtual && fields.has(key)) {
        let hint = "it is a port of our own: leave the key away, or `virtual`";
        problems.add(fields.key_at(key), format!("a virtual port has no `{key}`"), Some(hint.into()));
    }
    if problems.list.len() > before {
        return None;
    }
    if input.is_none() && output.is_none() && !is_virtual {
        let hint = "give it `in = \"*\"` to listen to every port, `out = \"NAME*\"` to send, \
                    or `virtual = true` to make a port";
        let message = format!("MIDI port `{}` has neither `in` nor `out`", entry.name);
        problems.add(&entry.at, message, Some(hint.into()));
        return None;
    }
    let port = MidiPort { name: entry.name.to_owned(), input, output, is_virtual, clock, serial, usb, port };
    if clock && !port.is_destination() {
        let message = format!("`{}` is sent a clock, but nothing goes out there", entry.name);
        problems.add(fields.key_at("clock"), message, Some("give it `out = \"NAME*\"`".into()));
        return None;
    }
    Some(port)
}

fn text(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<String> {
    let text = fields.text(key, problems)?;
    if text.trim().is_empty() || text.len() > keys::TEXT_BYTES {
        let most = keys::TEXT_BYTES;
        problems.add(&fields.value_at(key), format!("`{key}` must have 1 to {most} bytes"), None);
        return None;
    }
    Some(text.to_owned())
}

/// `1-1.2`: a bus, then the ports on the way.
fn is_usb_path(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(bus, ports)| is_number(bus) && ports.split('.').all(is_number))
}

fn pattern(fields: &Fields<'_>, key: &str, problems: &mut Problems<'_>) -> Option<String> {
    let text = fields.text(key, problems)?;
    let at = fields.value_at(key);
    if text.is_empty() {
        problems.add(&at, format!("`{key}` fits no port"), Some("\"*\" fits every port".into()));
        return None;
    }
    if text.len() > PATTERN_LIMIT {
        problems.add(&at, format!("a pattern may have up to {PATTERN_LIMIT} bytes"), None);
        return None;
    }
    if let Err(error) = port_pattern(text) {
        let hint = "* stands for anything, ? for one character, [ab] for one of some; \
                    write [[] for a bracket itself";
        problems.add(&at, format!("`{key}` is not a pattern: {}", error.kind()), Some(hint.into()));
        return None;
    }
    Some(text.to_owned())
}

fn device(entry: &Entry<'_>, problems: &mut Problems<'_>) -> Device {
    let known: Vec<&str> = keys::DEVICE.iter().map(|key| key.name).collect();
    let section = format!("[{}.{}]", entry.sort.section(), entry.name);
    let fields = Fields::read(entry.table, entry.at.clone(), &section, &known, problems);
    Device {
        name: entry.name.to_owned(),
        channels: channels(&fields, entry.sort, problems).unwrap_or_else(|| vec![0, 1]),
        gain: gain(&fields, problems),
    }
}

fn channels(fields: &Fields<'_>, sort: Sort, problems: &mut Problems<'_>) -> Option<Vec<u16>> {
    let item = fields.item("channels")?;
    let Some(list) = item.as_array() else {
        let hint = item.as_integer().map(|channel| format!("write [{channel}]"));
        fields.wrong_type("channels", "a list of one or two channels, such as [1, 2]", hint, problems);
        return None;
    };
    if list.is_empty() || list.len() > 2 {
        let hint = format!("make a [{}.NAME] for every pair of channels", sort.section());
        let message = format!("`channels` must list one or two channels, not {}", list.len());
        problems.add(&fields.value_at("channels"), message, Some(hint));
        return None;
    }
    let mut channels = Vec::new();
    for value in list {
        let at = value.span().unwrap_or_else(|| fields.value_at("channels"));
        let channel = value.as_integer().filter(|channel| (1..=keys::DEVICE_CHANNELS).contains(channel));
        let Some(channel) = channel.and_then(|channel| u16::try_from(channel - 1).ok()) else {
            let most = keys::DEVICE_CHANNELS;
            let message =
                format!("a channel must be a whole number from 1 to {most}; {} is not", found_value(value));
            problems.add(&at, message, None);
            return None;
        };
        if channels.contains(&channel) {
            problems.add(&at, format!("channel {} is listed twice", channel + 1), None);
            return None;
        }
        channels.push(channel);
    }
    Some(channels)
}
