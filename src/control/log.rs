//! `antiphon log`: what is in a log or a black box, decoded and timed.

use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::engine::Error;
use crate::journal::log::{AccountEntry, Entry, Header, LogInput, Names, Parcel, Told};
use crate::midi::{Event, EventKind, Message};
use crate::render::{Command, Record};
use crate::rig::printable;
use crate::unit::Key;

/// `antiphon log`.
///
/// # Errors
/// [`Error`] where the file cannot be read, or is something else.
pub fn log(path: &Path, is_json: bool) -> Result<(), Error> {
    let (mut input, header) = LogInput::open(path)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut shown = Shown { names: header.names.clone(), rate_hertz: header.rate_hertz, is_json };
    let mut is_heard = shown.header(&header, &mut out).is_ok();
    // Whoever asked and went away misses nothing.
    while is_heard && let Some(told) = input.next()? {
        is_heard = match told {
            Told::Header(header) => shown.header(&header, &mut out),
            Told::Record(record) => shown.record(&record, &mut out),
            Told::Entry(entry) => shown.entry(&entry, &mut out),
        }
        .is_ok();
    }
    let _ = out.flush();
    if let Some(why) = input.broken().filter(|_| is_heard) {
        super::tell(&format!("antiphon: {} ends there: {why}", path.display()));
    }
    Ok(())
}

struct Shown {
    names: Names,
    rate_hertz: u32,
    is_json: bool,
}

impl Shown {
    fn line(&self, frame: u64, value: Value, text: &str, out: &mut impl Write) -> std::io::Result<()> {
        let seconds = frame as f64 / f64::from(self.rate_hertz.max(1));
        if self.is_json {
            let mut line = json!({ "frame": frame, "seconds": seconds });
            if let (Value::Object(line), Value::Object(value)) = (&mut line, value) {
                line.extend(value);
            }
            return writeln!(out, "{line}");
        }
        let (minutes, seconds) = ((seconds / 60.0) as u64, seconds % 60.0);
        let text: String = text.chars().map(printable).collect();
        writeln!(out, "{minutes}:{seconds:09.6}  {text}")
    }

    fn header(&mut self, header: &Header, out: &mut impl Write) -> std::io::Result<()> {
        self.names.clone_from(&header.names);
        self.rate_hertz = header.rate_hertz;
        if self.is_json {
            return writeln!(out, "{}", json!({ "what": "header", "header": header }));
        }
        let what = if header.black_box { "black box" } else { "log" };
        writeln!(
            out,
            "{what} of Antiphon {}, {} Hz, {} channels, rig `{}`, segment {}, begun at {} s since 1970",
            header.version.chars().map(printable).collect::<String>(),
            header.rate_hertz,
            header.channels,
            header.names.rig.chars().map(printable).collect::<String>(),
            header.segment,
            header.unix_seconds
        )
    }

    fn node(&self, node: u16) -> String {
        self.names.nodes.get(&node).cloned().unwrap_or_else(|| format!("node {node}"))
    }

    fn source(&self, place: u16) -> String {
        let port = self.names.sources.get(&place).unwrap_or(&place);
        self.names.ports.get(port).cloned().unwrap_or_else(|| format!("source {place}"))
    }

    fn record(&self, record: &Record<'_>, out: &mut impl Write) -> std::io::Result<()> {
        let (value, text) = match *record {
            Record::Call { frames, .. } => {
                (json!({ "what": "call", "frames": frames }), format!("callbacks of {frames} frames"))
            }
            Record::Event { event, bytes } => {
                let source = self.source(event.source);
                let text = in_words(&event);
                let wire: Vec<u8> = if bytes.is_empty() { event.wire().to_vec() } else { bytes.to_vec() };
                let late = if event.is_late() { ", late" } else { "" };
                (
                    json!({
                        "what": "event", "source": source, "bytes": wire, "text": text,
                        "late": event.is_late(),
                    }),
                    format!("{source}: {text}{late}"),
                )
            }
            Record::Command { command, .. } => {
                let text = self.command(&command);
                (json!({ "what": "command", "text": text }), text)
            }
            Record::Swap { serial, .. } => {
                (json!({ "what": "parcel", "serial": serial }), format!("parcel {serial} is exchanged"))
            }
            Record::Input { channel, samples, .. } => {
                let frames = samples.len() / size_of::<f32>();
                let channel = channel + 1;
                (
                    json!({ "what": "input", "channel": channel, "frames": frames }),
                    format!("{frames} frames heard on channel {channel}"),
                )
            }
            Record::Missing { node, .. } => {
                let actor = self.node(node);
                let text = format!("`{actor}` was not back in time");
                (json!({ "what": "missing", "actor": actor }), text)
            }
            Record::Dry { node, lanes, .. } => {
                let actor = self.node(node);
                let text = format!("`{actor}` had to wait for its disk");
                (json!({ "what": "dry", "actor": actor, "lanes": lanes }), text)
            }
            Record::Verdict { node, kind, .. } => {
                let (actor, kind) = (self.node(node), kind.name());
                let text = format!("`{actor}` failed by the clock ({kind})");
                (json!({ "what": "verdict", "actor": actor, "kind": kind }), text)
            }
            Record::Gap { records, .. } => {
                (json!({ "what": "gap", "records": records }), format!("{records} records found no room"))
            }
        };
        self.line(record.frame(), value, &text, out)
    }

    fn command(&self, command: &Command) -> String {
        match *command {
            Command::Parameter { node, index: Event::GAIN, value } => {
                format!("`{}` gain = {value} dB", self.node(node))
            }
            Command::Parameter { node, index, value } => {
                let name = self.names.parameters.get(&node).and_then(|names| names.get(usize::from(index)));
                let name = name.cloned().unwrap_or_else(|| format!("parameter {index}"));
                format!("`{}` {name} = {value}", self.node(node))
            }
            Command::Master { decibels } => format!("master = {decibels} dB"),
            Command::Panic => "panic: every note ends".to_owned(),
            Command::Transport(order) => format!("transport: {order:?}"),
            Command::Scene(turn) => format!("scene: {turn:?}"),
            Command::Jack(report) => format!("JACK transport: {report:?}"),
            Command::Inject(injection) => {
                format!("{:?} is injected into `{}`", injection.what, self.node(injection.node))
            }
        }
    }

    fn entry(&mut self, entry: &Entry, out: &mut impl Write) -> std::io::Result<()> {
        let text = match entry {
            // They say how far it has come, and are as many as they are dull.
            Entry::Progress { .. } => return Ok(()),
            Entry::Names { names, .. } => {
                let sources = std::mem::take(&mut self.names.sources);
                self.names = Names { sources, ..names.clone() };
                format!("rig `{}`", names.rig)
            }
            Entry::Build { executable_crc, executable_bytes } => {
                format!("written by a program of {executable_bytes} bytes, CRC-32 {executable_crc:08x}")
            }
            Entry::Parcel(parcel) => {
                parcel.seat(&mut self.names);
                in_parcel(parcel, |node| self.node(node))
            }
            Entry::End { .. } => "the end".to_owned(),
            Entry::Lost { entries } => format!("{entries} entries found no room"),
            Entry::Device { driver, device, block_frames, .. } => {
                format!("{driver} plays: {device}, {block_frames} frames")
            }
            Entry::Gear { role, device, is_output, is_connected, .. } => {
                let arrow = if *is_output { "to" } else { "from" };
                let what = if *is_connected { "is connected" } else { "is gone" };
                format!("{role}: {arrow} {device} {what}")
            }
            Entry::Xruns { count, .. } => format!("{count} xruns so far"),
            Entry::Fault { actor, kind, place, .. } => {
                let place = place.as_deref().map(|place| format!(" at {place}")).unwrap_or_default();
                format!("`{actor}` failed ({kind}){place}")
            }
        };
        if self.is_json {
            return writeln!(out, "{}", json!({ "what": "entry", "text": text, "entry": entry }));
        }
        match entry.frame() {
            Some(frame) => self.line(frame, Value::Null, &text, out),
            None => {
                writeln!(out, "{:13}{}", "", text.chars().map(printable).collect::<String>())
            }
        }
    }
}

fn in_parcel(parcel: &Parcel, name: impl Fn(u16) -> String) -> String {
    let mut parts = Vec::new();
    match &parcel.account {
        Some(AccountEntry::Rig { text, .. }) => parts.push(format!("a rig of {} bytes", text.len())),
        Some(AccountEntry::Settle) => parts.push("the rig's next step".to_owned()),
        Some(AccountEntry::Revival { .. }) | None => {}
    }
    parts.extend(parcel.revived.iter().map(|node| format!("a fresh `{}`", name(*node))));
    parts.extend(parcel.remains.iter().map(|node| format!("the remains of `{}`", name(*node))));
    for (count, what) in [(parcel.sources.len(), "MIDI sources"), (parcel.sinks.len(), "MIDI destinations")] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    format!("parcel {}: {}", parcel.serial, parts.join(", "))
}

/// A note, a controller, …, with channels from 1.
fn in_words(event: &Event) -> String {
    let key = |key: u8| Key::new(key).map_or_else(|| key.to_string(), |key| key.to_string());
    match event.kind() {
        Some(EventKind::Midi(message)) => match message {
            Message::NoteOn { channel, key: k, velocity } => {
                format!("note on {} velocity {velocity}, channel {}", key(k), channel + 1)
            }
            Message::NoteOff { channel, key: k, velocity } => {
                format!("note off {} velocity {velocity}, channel {}", key(k), channel + 1)
            }
            Message::ControlChange { channel, controller, value } => {
                format!("controller {controller} = {value}, channel {}", channel + 1)
            }
            Message::ProgramChange { channel, program } => {
                format!("program {}, channel {}", u16::from(program) + 1, channel + 1)
            }
            Message::PitchBend { channel, value } => {
                format!("bend {}, channel {}", i32::from(value) - 8_192, channel + 1)
            }
            other => format!("{other:?}"),
        },
        Some(EventKind::Sysex { first, last, bytes }) => {
            let part = match (first, last) {
                (true, true) => "whole",
                (true, false) => "begin",
                (false, true) => "end",
                (false, false) => "part",
            };
            format!("SysEx, {bytes} bytes, {part}")
        }
        Some(EventKind::Parameter { index, value }) => format!("parameter {index} = {value}"),
        Some(EventKind::Reset) => "all that it started ends".to_owned(),
        None => format!("bytes {:02x?}", event.wire()),
    }
}
