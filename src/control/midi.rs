//! `antiphon midi`: what a MIDI file holds, and the file anew without what was
//! odd in its writing. No event changes.

use std::fmt::Write as _;

use serde::Serialize;

use super::arguments::MidiArguments;
use super::files::write_whole;
use crate::engine::{Error, ErrorKind};
use crate::midi::file::{Division, Form, Sheet, rate_number};

/// Tempo changes that are listed; more are only counted.
const TEMPOS: usize = 1_000;
/// Tempo changes and oddities that people are shown.
const SHOWN: usize = 12;
/// What an event-less beat lasts: 120 BPM.
const DEFAULT_BPM: f64 = 120.0;

/// What a file holds. This is the JSON.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Description {
    file: String,
    format: u8,
    /// Of a quarter note; none where ticks divide SMPTE frames.
    ticks_per_beat: Option<u16>,
    smpte_frames_per_second: Option<u8>,
    ticks_per_frame: Option<u8>,
    events: usize,
    length_ticks: u64,
    length_seconds: f64,
    tracks: Vec<Track>,
    tempo_count: usize,
    tempo_changes: Vec<Tempo>,
    odd_count: u64,
    odd: Vec<Odd>,
    /// What was written.
    out: Option<String>,
    out_bytes: Option<usize>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
struct Track {
    name: Option<String>,
    events: usize,
    channel_messages: usize,
    sysex: usize,
    metas: usize,
    /// 1 to 16.
    channels: Vec<u8>,
    end_tick: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
struct Tempo {
    tick: u64,
    seconds: f64,
    bpm: f64,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
struct Odd {
    track: Option<usize>,
    tick: u64,
    what: String,
    mended: bool,
}

/// `antiphon midi`.
///
/// # Errors
/// [`Error`] where the file cannot be read, is no MIDI file of format 0 or 1,
/// or the other cannot be written.
pub(super) fn midi(arguments: &MidiArguments) -> Result<(), Error> {
    let input = |error: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Input, format!("{}: {error}", arguments.file.display()))
    };
    let sheet = Sheet::open(&arguments.file).map_err(|error| input(&error))?;
    let seconds = sheet.clock().map_err(|error| input(&error))?;
    let mut description = describe(&sheet, seconds, arguments.file.display().to_string());
    if let Some(path) = &arguments.out {
        let bytes = sheet.write().map_err(|error| input(&error))?;
        write_whole(path, &bytes)?;
        description.out = Some(path.display().to_string());
        description.out_bytes = Some(bytes.len());
    }
    if arguments.json {
        super::print_json(&description)?;
    } else {
        // Whoever asked and went away misses nothing but this.
        let _ = std::io::Write::write_all(&mut std::io::stdout(), for_people(&description).as_bytes());
    }
    Ok(())
}

fn describe(sheet: &Sheet, seconds: impl Fn(u64) -> f64, file: String) -> Description {
    let (ticks_per_beat, smpte) = match sheet.division {
        Division::Beat { ticks } => (Some(ticks), None),
        Division::Smpte { rate, ticks } => (None, Some((rate_number(rate), ticks))),
    };
    let tracks: Vec<Track> = sheet.tracks.iter().map(|track| describe_track(sheet, track)).collect();
    let length_ticks = tracks.iter().map(|track| track.end_tick).max().unwrap_or(0);
    let tempos = sheet.tempos();
    let change = |&(tick, micros): &(u64, u32)| Tempo {
        tick,
        seconds: seconds(tick),
        bpm: if micros == 0 { 0.0 } else { 60e6 / f64::from(micros) },
    };
    Description {
        file,
        format: sheet.format,
        ticks_per_beat,
        smpte_frames_per_second: smpte.map(|smpte| smpte.0),
        ticks_per_frame: smpte.map(|smpte| smpte.1),
        events: tracks.iter().map(|track| track.events).sum(),
        length_ticks,
        length_seconds: seconds(length_ticks),
        tracks,
        tempo_count: tempos.len(),
        tempo_changes: tempos.iter().take(TEMPOS).map(change).collect(),
        odd_count: sheet.oddity_count,
        odd: sheet
            .oddities
            .iter()
            .map(|oddity| Odd {
                track: oddity.track,
                tick: oddity.tick,
                what: oddity.kind.to_string(),
                mended: oddity.kind.is_mended(),
            })
            .collect(),
        out: None,
        out_bytes: None,
    }
}

fn describe_track(sheet: &Sheet, track: &crate::midi::file::SheetTrack) -> Track {
    let count = |is: &dyn Fn(Form) -> bool| track.events.iter().filter(|event| is(event.form)).count();
    let mut channels: Vec<u8> = track
        .events
        .iter()
        .filter(|event| event.form == Form::Channel)
        .filter_map(|event| sheet.bytes(event).first().map(|status| (status & 0x0f) + 1))
        .collect();
    channels.sort_unstable();
    channels.dedup();
    Track {
        name: sheet.name(track),
        events: track.events.len(),
        channel_messages: count(&|form| form == Form::Channel),
        sysex: count(&|form| form == Form::Sysex),
        metas: count(&|form| matches!(form, Form::Meta(_))),
        channels,
        end_tick: track.end_tick,
    }
}

fn for_people(description: &Description) -> String {
    let mut text = String::new();
    let shown = |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let time = match (description.ticks_per_beat, description.smpte_frames_per_second) {
        (Some(ticks), _) => format!("{ticks} ticks a beat"),
        (None, rate) => format!(
            "{} ticks in each of {} frames a second",
            description.ticks_per_frame.unwrap_or(0),
            rate.unwrap_or(0)
        ),
    };
    // A String takes all.
    let _ = writeln!(
        text,
        "{}: format {}, {time}, {} events, {:.3} s",
        shown(&description.file),
        description.format,
        description.events,
        description.length_seconds
    );
    for (number, track) in description.tracks.iter().enumerate() {
        let channels: Vec<String> = track.channels.iter().map(u8::to_string).collect();
        let _ = writeln!(
            text,
            "  track {:<3} {:>7} messages, {} SysEx, {} metas{}{}",
            number + 1,
            track.channel_messages,
            track.sysex,
            track.metas,
            if channels.is_empty() { String::new() } else { format!(", channel {}", channels.join(" ")) },
            track.name.as_ref().map_or_else(String::new, |name| format!("  “{}”", shown(name))),
        );
    }
    if description.tempo_count == 0 && description.ticks_per_beat.is_some() {
        let _ = writeln!(text, "  no tempo: {DEFAULT_BPM} BPM");
    }
    for tempo in description.tempo_changes.iter().take(SHOWN) {
        let _ = writeln!(text, "  {:>10.3} s  {:.3} BPM", tempo.seconds, tempo.bpm);
    }
    more(&mut text, description.tempo_count as u64, "tempo changes");
    for odd in description.odd.iter().take(SHOWN) {
        let place = odd.track.map_or_else(String::new, |track| format!("track {track}, tick {}: ", odd.tick));
        let fate = match (odd.mended, description.out.is_some()) {
            (true, true) => " (mended)",
            (true, false) => " (--out mends it)",
            (false, _) => " (kept)",
        };
        let _ = writeln!(text, "  odd: {place}{}{fate}", odd.what);
    }
    more(&mut text, description.odd_count, "odd things");
    if let (Some(out), Some(bytes)) = (&description.out, description.out_bytes) {
        let _ = writeln!(text, "{}: {bytes} bytes written", shown(out));
    }
    text
}

fn more(text: &mut String, count: u64, what: &str) {
    if count > SHOWN as u64 {
        let _ = writeln!(text, "  … and {} more {what}: see --json", count - SHOWN as u64);
    }
}
