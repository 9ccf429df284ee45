//! From a key to its sound, through an engine in this process whose only instrument is a
//! click: a synth's own attack is not counted.
//!
//! Either we send the keys ourselves by a MIDI port that is cabled to the engine's, or
//! somebody strikes them before a microphone. All is counted in frames of the
//! engine's timeline, on which keys, clicks and inputs all lie.

mod click;
mod probe;
mod sent;
mod session;
mod struck;
mod wiring;

use super::ends::Ends;
use crate::engine::{Error, ErrorKind};
use crate::measure::Run;
use crate::measure::reference::Samples;
use crate::measure::report::{Better, KeyToSound, Trips};
use crate::measure::statistics::{median, quantile};

pub(super) fn measure(run: &mut Run, ends: &Ends) -> Result<(), Error> {
    match run.settings.microphone {
        Some(channel) => struck::measure(run, ends, channel),
        None => sent::measure(run, ends),
    }
}

/// What one key took, in frames.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Strike {
    /// All of it.
    whole: f64,
    /// To the engine; unknown where a key was struck and not sent.
    midi: Option<f64>,
    /// From the click's leaving the engine to its being heard.
    sound: f64,
}

/// What all keys took.
struct Found {
    strikes: Vec<Strike>,
    sent: u64,
    method: &'static str,
    path: String,
    rate_hertz: u32,
    midi_latency_frames: u32,
    /// Whether a JACK server carried all of it.
    is_in_frames: bool,
}

impl Found {
    /// Into the report.
    fn report(self, run: &mut Run) -> Result<(), Error> {
        let frames: Vec<f64> = self.strikes.iter().map(|strike| strike.whole).collect();
        let ms = |frames: f64| frames * 1e3 / f64::from(self.rate_hertz);
        let millis: Vec<f64> = frames.iter().map(|frames| ms(*frames)).collect();
        let lost = self.sent.saturating_sub(frames.len() as u64);
        let Some(trips) = trips(&millis, self.sent, lost) else {
            let message = format!(
                "of {} keys none was heard on {}: does the engine's output lead to its input?",
                self.sent, self.path
            );
            return Err(Error::new(ErrorKind::Device, message));
        };
        let middle = |values: Vec<f64>| median(&values).map(ms);
        let latency = &mut run.report.latency;
        latency.key_to_sound_ms = Some(trips.median);
        latency.key_to_sound = Some(KeyToSound {
            trips,
            method: self.method.to_owned(),
            path: self.path,
            frames: self::trips(&frames, self.sent, lost),
            midi_ms: middle(self.strikes.iter().filter_map(|strike| strike.midi).collect()),
            midi_latency_ms: Some(ms(f64::from(self.midi_latency_frames))),
            sound_ms: middle(self.strikes.iter().map(|strike| strike.sound).collect()),
        });
        // What a server carries there and back lies in its own frames: no load of the machine is in them.
        let samples = if self.is_in_frames { Samples::from(millis) } else { Samples::by_clock(millis) };
        run.figure("latency.key_to_sound_ms", "ms", Better::Less, samples);
        Ok(())
    }
}

fn trips(values: &[f64], sent: u64, lost: u64) -> Option<Trips> {
    let mut values = values.to_vec();
    Some(Trips {
        min: quantile(&mut values, 0.0)?,
        median: quantile(&mut values, 0.5)?,
        p99: quantile(&mut values, 0.99)?,
        max: quantile(&mut values, 1.0)?,
        sent,
        lost,
    })
}
