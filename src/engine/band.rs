//! A MIDI file to sound in memory: the built-in band, and the offline Renderer.

use super::conductor::Conductor;
use super::error::{Error, ErrorKind};
use super::kinds;
use super::offline::Tail;
use super::scores::{NamedScore, named_scores, place_scores};
use crate::generate::{Audio, Failure, FailureKind, Perform};
use crate::midi::file::Score;
use crate::render::{Planar, RendererSettings};
use crate::rig::Rig;
use crate::rt::guard;
use crate::unit::{Frame, SampleRate};

/// The rig that plays generated music.
pub const BAND_RIG: &str = include_str!("../../assets/rigs/band.toml");

/// Frames of a render call.
const CALL_FRAMES: usize = 4_096;
const CHANNELS: usize = 2;
/// Seeds what is random in the instruments: the same for all, so that MIDI decides the sound.
const SEED: u64 = 0;
/// What is cut off ends in this.
const CUT_SECONDS: f64 = 0.01;
/// The longest performance, in seconds: memory is bounded.
const SECONDS_AT_MOST: u64 = 3_600;

/// Plays MIDI files on the built-in rig, faster than real time and without a file. Deterministic: the same
/// file at the same rate is the same samples, whatever else runs.
#[derive(Clone, Debug)]
pub struct Band {
    rig: Rig,
}

impl Band {
    /// The built-in band.
    ///
    /// # Errors
    /// [`Error`] where its rig is none, which the engine's own tests rule out.
    pub fn new() -> Result<Band, Error> {
        Band::of(BAND_RIG)
    }

    /// A band of another rig, which has a MIDI input; channel 10 is the drums.
    ///
    /// # Errors
    /// [`Error`] with what is wrong with the rig.
    pub fn of(rig: &str) -> Result<Band, Error> {
        let rig = crate::rig::parse(rig, &kinds()).map_err(|problems| {
            let first = problems.first().map_or("it cannot be read", |problem| problem.message.as_str());
            Error::new(ErrorKind::Input, format!("the band's rig: {first}"))
        })?;
        Ok(Band { rig })
    }

    /// Plays a file to two channels: so many frames exactly, or to its end and until the sound has died away.
    /// A file that lasts longer is cut, with a short fade. Blocks while it computes.
    ///
    /// # Errors
    /// [`Error`] where the file is no MIDI file, or lasts longer than an hour.
    pub fn play(&self, midi: &[u8], rate: SampleRate, length: Option<Frame>) -> Result<Audio, Error> {
        let score = Score::read(midi)?;
        let (feeds, end) = named_scores(&self.rig, &[NamedScore { port: None, score }], rate)?;
        let longest = SECONDS_AT_MOST * u64::from(rate.hertz());
        if length.unwrap_or(end) > longest {
            let message =
                format!("the music lasts longer than {} minutes; ask for less", SECONDS_AT_MOST / 60);
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let settings = RendererSettings { rate, midi_latency_frames: 0 };
        let (mut renderer, mut conductor) =
            Conductor::new(self.rig.clone(), settings, SEED, |deployment, swap| {
                swap.sources.extend(place_scores(deployment, feeds));
            })?;
        let mut tail = Tail::new(end, None, length, rate);
        let mut call = vec![vec![0.0_f32; CALL_FRAMES]; CHANNELS];
        let room = tail.expected() as usize + CALL_FRAMES;
        let mut channels: Vec<Vec<f32>> = (0..CHANNELS).map(|_| Vec::with_capacity(room)).collect();
        let mut frame: Frame = 0;
        while tail.ended(frame).is_none() {
            let mut done = 0;
            while done < CALL_FRAMES {
                let mut places: Vec<&mut [f32]> =
                    call.iter_mut().map(|channel| &mut channel[done..]).collect();
                {
                    let _fence = guard::enter();
                    let mut ports = Planar { inputs: &[], outputs: &mut places };
                    done += renderer.render_until_fault(CALL_FRAMES - done, &mut ports, None);
                }
                conductor.attend();
            }
            let fit = tail.hear(frame, &call, CALL_FRAMES);
            for (channel, heard) in channels.iter_mut().zip(&call) {
                channel.extend_from_slice(&heard[..fit]);
            }
            frame += CALL_FRAMES as Frame;
        }
        if let Some(fault) = conductor.faults().first() {
            let message =
                format!("the band's {} failed while it played; this is a defect, report it", fault.actor);
            return Err(Error::new(ErrorKind::Device, message));
        }
        let mut audio = Audio { rate, channels };
        if length.is_some_and(|length| length < end) {
            audio.fade_out(CUT_SECONDS);
        }
        Ok(audio)
    }
}

impl Perform for Band {
    fn perform(&self, midi: &[u8], rate: SampleRate, frames: Option<u64>) -> Result<Audio, Failure> {
        self.play(midi, rate, frames).map_err(|error| {
            let kind = match error.kind {
                ErrorKind::Usage => FailureKind::Usage,
                ErrorKind::Input => FailureKind::Unfit,
                ErrorKind::Device | ErrorKind::Disk => FailureKind::Fault,
            };
            Failure::new(kind, error.message)
        })
    }
}

#[cfg(test)]
mod tests;
