use std::collections::BTreeMap;
use std::panic::catch_unwind;

use midly::{MetaMessage, MidiMessage, Smf, Timing, TrackEventKind};

use crate::generate::{BEATS_PER_BAR, Failure, FailureKind, Length, Request};

/// A piano's keys; outside them few instruments sound.
const KEYS: std::ops::RangeInclusive<u8> = 21..=108;
/// The channel of the drums, from 0, whose keys are no pitches.
const DRUMS: u8 = 9;
/// More notes in a beat than this are no music for the hearing.
const NOTES_PER_BEAT_REFUSED: f64 = 100.0;
const NOTES_PER_BEAT_WARNED: f64 = 32.0;
/// More notes at a time than this are cut short by most instruments.
const AT_A_TIME: usize = 64;

/// Looks at a MIDI file: whether it is one, its length, range and density. Gives what is doubtful.
///
/// # Errors
/// [`FailureKind::Unfit`]: why it cannot be used.
pub fn midi(bytes: &[u8], request: &Request) -> Result<Vec<String>, Failure> {
    let unfit = |what: String| Failure::new(FailureKind::Unfit, what);
    // The reader is not ours: what it does not survive (a build that checks for overflow) is a damaged file.
    let file = catch_unwind(|| Smf::parse(bytes))
        .map_err(|_| unfit("the MIDI file is damaged: its reader failed over it".to_owned()))?
        .map_err(|error| unfit(format!("what came is no MIDI file ({error})")))?;
    let Timing::Metrical(ticks) = file.header.timing else {
        return Err(unfit("the MIDI file counts in film frames, not in beats".to_owned()));
    };
    let ticks = f64::from(ticks.as_int().max(1));
    let (mut notes, mut strange, mut sounding, mut most, mut end) = (0_u64, 0_u64, 0_usize, 0_usize, 0_u64);
    let mut events: Vec<(u64, u8, u8, bool)> = Vec::new();
    for track in &file.tracks {
        let mut at = 0_u64;
        for event in track {
            at += u64::from(event.delta.as_int());
            match event.kind {
                TrackEventKind::Midi { channel, message: MidiMessage::NoteOn { key, vel } } => {
                    events.push((at, channel.as_int(), key.as_int(), vel.as_int() > 0));
                }
                TrackEventKind::Midi { channel, message: MidiMessage::NoteOff { key, .. } } => {
                    events.push((at, channel.as_int(), key.as_int(), false));
                }
                TrackEventKind::Meta(MetaMessage::EndOfTrack) => end = end.max(at),
                _ => {}
            }
        }
    }
    // Releases first, so that a note struck again at once is not counted twice.
    events.sort_by_key(|(at, channel, key, strikes)| (*at, *strikes, *channel, *key));
    let mut held: BTreeMap<(u8, u8), usize> = BTreeMap::new();
    for (at, channel, key, strikes) in &events {
        end = end.max(*at);
        let count = held.entry((*channel, *key)).or_default();
        if *strikes {
            notes += 1;
            strange += u64::from(*channel != DRUMS && !KEYS.contains(key));
            *count += 1;
            sounding += 1;
            most = most.max(sounding);
        } else if *count > 0 {
            *count -= 1;
            sounding -= 1;
        }
    }
    if notes == 0 {
        return Err(unfit("the MIDI file holds no notes".to_owned()));
    }
    let beats = (end as f64 / ticks).max(f64::EPSILON);
    let density = notes as f64 / beats;
    if density > NOTES_PER_BEAT_REFUSED {
        return Err(unfit(format!(
            "the MIDI file has {density:.0} notes a beat: nobody hears that as music"
        )));
    }
    let mut warnings = Vec::new();
    if let Length::Bars(bars) = request.length {
        let wanted = f64::from(bars * BEATS_PER_BAR);
        if beats < 0.5 * wanted {
            let got = beats / f64::from(BEATS_PER_BAR);
            return Err(unfit(format!("{bars} bars were asked for, and {got:.1} came")));
        }
        if beats < wanted - f64::from(BEATS_PER_BAR) {
            warnings.push(format!("it is shorter than asked for: {beats:.0} beats of {wanted:.0}"));
        }
    }
    if density > NOTES_PER_BEAT_WARNED {
        warnings.push(format!("it is dense: {density:.0} notes a beat"));
    }
    if strange > 0 {
        warnings.push(format!("{strange} notes lie outside a piano's keys"));
    }
    if most > AT_A_TIME {
        warnings.push(format!("{most} notes sound at a time"));
    }
    if sounding > 0 {
        warnings.push(format!("{sounding} notes are never released"));
    }
    Ok(warnings)
}
