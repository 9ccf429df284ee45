use super::Chaos;
use crate::device::audio::AudioRequest;
use crate::engine::live::{Job, Live, Played};
use crate::engine::{Error, Inject};
use crate::rig::Rig;
use crate::unit::SampleRate;

/// What came of a chaos that was played live.
pub struct Trial {
    /// Faults that happened: of processors, and keepers that were killed.
    pub injected: u64,
    /// After how many of them whoever failed was back at the end.
    pub recovered: u64,
    /// Voices that sounded at the end, and do not where there are no faults.
    pub hung_notes: u64,
    /// The rest.
    pub played: Played,
}

impl Chaos {
    /// What plays it: its notes, and its faults.
    pub fn job(&self, rig: Rig, rate: SampleRate, request: AudioRequest) -> Job {
        Job {
            scores: self.music(&rig, rate),
            rig,
            demo: None,
            request,
            record: None,
            log: None,
            black_box: None,
            seconds: Some(self.seconds),
            injections: self.injections.clone(),
            scene: None,
            watch: None,
            mending: Chaos::mending(),
        }
    }

    /// Ends what plays [`job`](Self::job), and judges it. So many voices sound at
    /// the end where nothing fails. One that is ended early is judged by the faults
    /// up to then; notes may sound in it that are none too many.
    pub fn judge(&self, live: Live, quiet_voices: u32) -> Trial {
        let voices = live.snapshot().voices;
        let started_anew: u64 = live.actors().iter().map(|actor| actor.restarts).sum();
        let played = live.stop();
        let seconds = played.info.rate.seconds(played.frames);
        let was_killed =
            self.injections.iter().filter(|i| i.what == Inject::Kill && i.seconds <= seconds).count() as u64;
        let summary = &played.summary;
        Trial {
            injected: summary.faults.len() as u64 + was_killed,
            recovered: summary.restarts + started_anew.min(was_killed),
            hung_notes: u64::from(voices.saturating_sub(quiet_voices)),
            played,
        }
    }

    /// Voices that sound at the end of a rig's music where nothing fails: by a
    /// short one, which ends as a long one does.
    ///
    /// # Errors
    /// [`Error`] where the rig cannot be built.
    pub fn quiet_voices(rig: &Rig, rate: SampleRate, seed: u64) -> Result<u32, Error> {
        let short = Chaos::new(rig, 2.0 * super::FAREWELL_SECONDS, 1.0, seed);
        short.prints(rig, rate, &[]).map(|(_, voices)| voices)
    }
}
