//! A test stand: the engine's own Renderer with a rig, called as fast as it goes.

use std::time::Duration;

use super::own_time::own_time;
use crate::engine::{Conductor, Error, ErrorKind};
use crate::midi::{Event, Message};
use crate::render::{Feed, Origin, Renderer, RendererSettings, Score, Silence, Snapshot, Swap};
use crate::rig::{Deployment, parse};
use crate::rt::guard;
use crate::unit::{Frame, HostTime, SampleRate};

/// A Renderer that plays a rig.
pub(super) struct Stand {
    renderer: Box<Renderer>,
    conductor: Conductor,
    rate: SampleRate,
}

impl Stand {
    /// A rig, and events that come into its port `keys` again and again, every
    /// `repeat` frames.
    pub(super) fn new(
        text: &str,
        rate: SampleRate,
        events: Vec<Event>,
        repeat: Frame,
    ) -> Result<Stand, Error> {
        let settings = RendererSettings { rate, midi_latency_frames: 0 };
        Stand::with(text, settings, |deployment, swap| {
            if let Some(port) = deployment.port_of("keys").filter(|_| !events.is_empty()) {
                let score = Score::new(events.into(), Box::default()).repeating(repeat);
                swap.sources.push((0, Some(Box::new(Feed { port, origin: Origin::Score(score) }))));
            }
        })
    }

    /// A rig, with sources and sinks that `extend` puts in.
    pub(super) fn with(
        text: &str,
        settings: RendererSettings,
        extend: impl FnOnce(&Deployment, &mut Swap),
    ) -> Result<Stand, Error> {
        let rig = parse(text, &crate::engine::kinds()).map_err(|problems| {
            let first = problems.first().map_or_else(String::new, |problem| problem.message.clone());
            Error::new(ErrorKind::Input, format!("the rig of this measurement does not parse: {first}"))
        })?;
        let (renderer, conductor) = Conductor::new(rig, settings, 1, extend)?;
        Ok(Stand { renderer, conductor, rate: settings.rate })
    }

    /// One call of the Renderer.
    pub(super) fn call(&mut self, frames: usize) {
        let _fence = guard::enter();
        self.renderer.render(frames, &mut Silence { output_channels: 2 }, None);
    }

    /// One that began by a clock.
    pub(super) fn call_at(&mut self, frames: usize, entry: HostTime) {
        let _fence = guard::enter();
        self.renderer.render(frames, &mut Silence { output_channels: 2 }, Some(entry));
    }

    /// Calls for so many frames; how long they took, and the frames of all voices
    /// that sounded meanwhile.
    pub(super) fn stretch(&mut self, frames: Frame, block_frames: usize) -> Stretch {
        let (mut done, mut voice_frames) = (0, 0);
        let begin = own_time();
        while done < frames {
            self.call(block_frames);
            voice_frames += u64::from(self.snapshot().voices) * block_frames as u64;
            done += block_frames as Frame;
        }
        let spent = own_time() - begin;
        self.conductor.attend();
        Stretch { spent, frames: done, voice_frames, rate: self.rate }
    }

    /// What the Renderer shows.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        self.conductor.snapshot()
    }
}

/// What a stretch of calls came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// Of this thread's own time, in the Renderer.
    pub(super) spent: Duration,
    /// Rendered.
    pub(super) frames: Frame,
    /// Rendered of each voice, all added up.
    pub(super) voice_frames: u64,
    rate: SampleRate,
}

impl Stretch {
    /// Voices that sounded, on average.
    pub(super) fn voices(&self) -> f64 {
        self.voice_frames as f64 / self.frames.max(1) as f64
    }

    /// How many times faster than real time, on a processor of its own.
    pub(super) fn realtime_factor(&self) -> f64 {
        self.rate.seconds(self.frames) / self.spent.as_secs_f64().max(1e-9)
    }

    /// The share of real time that it takes of a processor.
    pub(super) fn load(&self) -> f64 {
        1.0 / self.realtime_factor()
    }

    /// Nanoseconds for a frame of a voice; `None` where none sounded.
    pub(super) fn nanos_per_voice_frame(&self) -> Option<f64> {
        (self.voice_frames > 0).then(|| self.spent.as_nanos() as f64 / self.voice_frames as f64)
    }
}

/// Keys of so many voices at once, from C1 up, on as many channels as it takes:
/// struck at the first frame, and let go at the last of the period, so that each
/// period begins alike.
pub(super) fn chord(voices: u32, period: Frame) -> Vec<Event> {
    const LOWEST: u32 = 24;
    const KEYS: u32 = 72;
    // Channel 10 is for drums.
    const CHANNELS: [u8; 15] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15];
    let each = |voice: u32| {
        let channel = CHANNELS[(voice / KEYS) as usize % CHANNELS.len()];
        // In steps of a fifth, so that few voices are not all low.
        (channel, (LOWEST + voice * 7 % KEYS) as u8)
    };
    let ons = (0..voices).map(|voice| {
        let (channel, key) = each(voice);
        Event::midi(0, 0, Message::NoteOn { channel, key, velocity: 90 })
    });
    let offs = (0..voices).map(|voice| {
        let (channel, key) = each(voice);
        Event::midi(period - 1, 0, Message::NoteOff { channel, key, velocity: 64 })
    });
    ons.chain(offs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voices_that_are_asked_for_sound() {
        let rig = "midi.keys.in = '*'\ninstrument.lead = { kind = 'synth', preset = 'strings', voices = 128 }\n\
                   cable = [{ from = 'keys', to = 'lead' }, { from = 'lead', to = 'out' }]";
        for voices in [1, 64, 100] {
            let mut stand =
                Stand::new(rig, SampleRate::DEFAULT, chord(voices, 24_000), 24_000).expect("a good rig");
            let stretch = stand.stretch(12_000, 64);
            assert!((stretch.voices() - f64::from(voices)).abs() < 0.01, "{voices}: {stretch:?}");
            assert!(stretch.frames >= 12_000 && stretch.realtime_factor() > 0.0);
        }
        assert!(Stand::new("cable = 3", SampleRate::DEFAULT, Vec::new(), 0).is_err());
    }
}
