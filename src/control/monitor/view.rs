//! Lines: aligned and coloured for people, or JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::meter::Line;
use super::summary::Summary;
use crate::device::midi::listen::HeardPort;

/// A block of lines goes to the printer when it is this long.
const BLOCK_BYTES: usize = 16 << 10;
/// Wider names of ports are cut.
const NAME_WIDTH: usize = 24;
const WORDS_WIDTH: usize = 44;
const RESET: &str = "\x1b[0m";
const DIM: &str = "\x1b[2m";

/// Makes lines of events.
pub struct View {
    is_json: bool,
    is_coloured: bool,
    hidden_names: Vec<String>,
    hidden: u64,
    names: Vec<String>,
    width: usize,
    block: String,
    lines: u64,
}

/// A line as a JSON object.
#[derive(Serialize)]
struct JsonLine<'a> {
    port: &'a str,
    #[serde(flatten)]
    line: &'a Line,
}

impl View {
    /// Text or JSON; messages of the names in `hide` are counted only.
    pub fn new(is_json: bool, is_coloured: bool, hide: &[String]) -> View {
        View {
            is_json,
            is_coloured,
            hidden_names: hide.to_vec(),
            hidden: 0,
            names: Vec::new(),
            width: 0,
            block: String::new(),
            lines: 0,
        }
    }

    /// The ports by their numbers.
    pub fn ports(&mut self, ports: &[HeardPort]) {
        self.names = ports.iter().map(|port| shown(&port.name)).collect();
        let longest = self.names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        // A column never becomes narrower: lines stay under each other.
        let before = self.width;
        self.width = self.width.max(longest.min(NAME_WIDTH));
        if self.is_coloured && !self.is_json && self.width > before {
            let width = self.width;
            // A String takes all.
            let _ = writeln!(
                self.block,
                "{DIM}{:>13}  {:<width$}  {:>2}  {:<WORDS_WIDTH$}  bytes{RESET}",
                "seconds", "port", "ch", "message"
            );
        }
    }

    /// Adds an event's line to the block.
    pub fn line(&mut self, line: &Line) {
        if self.hidden_names.iter().any(|name| name == line.words.message) {
            self.hidden += 1;
            return;
        }
        let name = self.names.get(usize::from(line.port)).map_or("?", String::as_str);
        self.lines += 1;
        if self.is_json {
            // What cannot be written as JSON does not occur here.
            self.block.push_str(&serde_json::to_string(&JsonLine { port: name, line }).unwrap_or_default());
            self.block.push('\n');
            return;
        }
        let (colour, reset, dim) = match self.is_coloured {
            true => (colour_of(line.words.message), RESET, DIM),
            false => ("", "", ""),
        };
        let (seconds, width) = (line.seconds, self.width);
        let name: String = name.chars().take(NAME_WIDTH).collect();
        let channel = line.words.channel.map_or_else(String::new, |channel| channel.to_string());
        // A String takes all.
        let _ = write!(self.block, "{seconds:>13.6}  {name:<width$}  {channel:>2}  {colour}");
        let words = line.words.to_string();
        let _ = writeln!(self.block, "{words:<WORDS_WIDTH$}{reset}  {dim}{}{reset}", line.bytes);
    }

    /// Adds the end to the block.
    pub(super) fn end(&mut self, summary: &Summary) {
        if self.is_json {
            #[derive(Serialize)]
            struct Last<'a> {
                summary: &'a Summary,
            }
            self.block.push_str(&serde_json::to_string(&Last { summary }).unwrap_or_default());
            self.block.push('\n');
        } else {
            self.block.push_str(&summary.for_people());
        }
    }

    /// Events that were to be hidden, so far.
    pub fn hidden(&self) -> u64 {
        self.hidden
    }

    /// Whether the block is long enough to go.
    pub fn is_full(&self) -> bool {
        self.block.len() >= BLOCK_BYTES
    }

    /// The block, which begins anew.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.block)
    }

    /// The number of events in the blocks since the last call.
    pub fn take_lines(&mut self) -> u64 {
        std::mem::take(&mut self.lines)
    }
}

/// A name from outside, without what a terminal would obey.
pub(super) fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The news of a port.
pub(super) fn change(port: &HeardPort) -> String {
    format!("{} {}", shown(&port.name), if port.is_there { "is heard" } else { "is gone" })
}

fn colour_of(message: &str) -> &'static str {
    match message {
        "note-on" => "\x1b[32m",
        "note-off" | "active-sensing" => DIM,
        "control-change" => "\x1b[36m",
        "key-pressure" | "channel-pressure" | "pitch-bend" => "\x1b[34m",
        "program-change" => "\x1b[35m",
        "sysex" => "\x1b[33m",
        "start" | "continue" | "stop" | "song-position" | "song-select" => "\x1b[1m",
        _ => "",
    }
}
