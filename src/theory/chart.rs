//! Chord charts: what a grammar, or a model, writes and an arranger plays.

mod read;

use std::fmt;

use serde_json::{Value, json};

use super::{Chord, Key, Style};

/// The most bars of a chart.
pub const BARS_AT_MOST: usize = 256;
/// The most chords of a bar.
pub const CHORDS_PER_BAR_AT_MOST: usize = 8;
/// The longest text that is read as a chart, in bytes.
const TEXT_BYTES: usize = 256 << 10;
/// The longest title, in bytes.
const TITLE_BYTES: usize = 200;

/// The JSON schema (draft 2020-12) of a chart's text, for whoever writes one. What a schema cannot say,
/// that a key is a key and a chord a chord, [`Chart::from_json`] checks.
pub const CHART_SCHEMA: &str = include_str!("chart/schema.json");

/// A chord chart in 4/4.
#[derive(Clone, PartialEq, Debug)]
pub struct Chart {
    /// What it is called.
    pub title: Option<String>,
    /// Its key.
    pub key: Key,
    /// Beats a minute, 20 to 400.
    pub tempo: f64,
    /// How it is played.
    pub style: Style,
    /// The chords of each bar, 1 to 256 bars of 1 to 8 chords. They share the bar's four beats as
    /// [`Chart::placed`] says.
    pub bars: Vec<Vec<Chord>>,
}

/// A text that is no chart: where, and what may stand there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChartError {
    /// The place, as `bars[3][1]`; empty for the whole.
    pub place: String,
    /// What is wrong, and what may be.
    pub message: String,
}

impl fmt::Display for ChartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            write!(f, "the chart: {}", self.message)
        } else {
            write!(f, "{}: {}", self.place, self.message)
        }
    }
}

impl std::error::Error for ChartError {}

/// A chord and where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    /// What is played.
    pub chord: Chord,
    /// Eighths from the beginning of the chart.
    pub eighth: u32,
    /// How many eighths it lasts.
    pub eighths: u32,
}

/// Eighths in a bar.
const BAR_EIGHTHS: u32 = 8;

/// How many eighths each of so many chords of a bar lasts: four at most begin on beats, and the first
/// have what is left over (three chords: 2, 1 and 1 beats); more than four begin on eighths.
fn shares(chords: usize) -> Vec<u32> {
    let count = chords.clamp(1, CHORDS_PER_BAR_AT_MOST) as u32;
    match count {
        1..=4 => (0..count).map(|i| 2 * (4 / count + u32::from(i < 4 % count))).collect(),
        _ => (0..count).map(|i| 1 + u32::from(i < BAR_EIGHTHS - count)).collect(),
    }
}

impl Chart {
    /// Reads a chart from JSON: `{"title"?, "key", "tempo", "style", "bars": [["Dm7", "G7"], …]}`.
    /// Nothing else may stand in it. Ends with a chart or an error, whatever the text is.
    ///
    /// # Errors
    /// [`ChartError`] with the first place that is wrong.
    pub fn from_json(text: &str) -> Result<Chart, ChartError> {
        read::read(text)
    }

    /// The chart as JSON, chords in their usual spelling; [`from_json`](Self::from_json) reads it back.
    pub fn to_json(&self) -> String {
        let bars: Vec<Vec<String>> =
            self.bars.iter().map(|bar| bar.iter().map(Chord::to_string).collect()).collect();
        let mut chart = json!({
            "key": self.key.to_string(),
            "tempo": self.tempo,
            "style": self.style.name(),
            "bars": bars,
        });
        if let Some(title) = &self.title {
            chart["title"] = Value::from(title.as_str());
        }
        chart.to_string()
    }

    /// How many bars it has.
    pub fn length_bars(&self) -> u32 {
        self.bars.len() as u32
    }

    /// Every chord with its place, from the first bar on for so many bars; after the last bar the
    /// first comes again. A chord that is repeated at once is one that lasts.
    pub fn placed(&self, bars: u32) -> Vec<Placed> {
        let mut placed: Vec<Placed> = Vec::new();
        for (bar, chords) in (0..bars).zip(self.bars.iter().cycle()) {
            let mut eighth = bar * BAR_EIGHTHS;
            for (chord, eighths) in chords.iter().zip(shares(chords.len())) {
                match placed.last_mut() {
                    // Bars stay apart, so that every bar has a chord that begins in it.
                    Some(last) if last.chord == *chord && last.eighth / BAR_EIGHTHS == bar => {
                        last.eighths += eighths;
                    }
                    _ => placed.push(Placed { chord: *chord, eighth, eighths }),
                }
                eighth += eighths;
            }
        }
        placed
    }
}

impl fmt::Display for Chart {
    /// As a lead sheet: four bars a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} at {}", self.key, self.style, self.tempo)?;
        for line in self.bars.chunks(4) {
            for bar in line {
                let chords: Vec<String> = bar.iter().map(Chord::to_string).collect();
                write!(f, "| {:<18}", chords.join(" "))?;
            }
            writeln!(f, "|")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
