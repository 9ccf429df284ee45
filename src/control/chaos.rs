use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tokio::time::MissedTickBehavior;

use super::arguments::ChaosArguments;
use super::files::load_rig;
use super::report::CallbackTimes;
use super::signals::Signals;
use crate::device::audio::AudioRequest;
use crate::engine::live::Live;
use crate::engine::{Chaos, Error, ErrorKind};
use crate::rig::Rig;
use crate::stage::Kinds;
use crate::unit::{Frame, SampleRate};

const ATTEND: Duration = Duration::from_millis(5);

/// What `chaos --json` prints. These names are a promise to scripts.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
pub struct ChaosReport {
    /// Faults that happened: of processors, and keepers that were killed.
    pub injected: u64,
    /// After how many of them whoever failed was back at the end.
    pub recovered: u64,
    /// Callbacks that took longer than their budget, and periods missed. On a busy
    /// machine there are some without any fault.
    pub late_callbacks: u64,
    /// Voices that sounded at the end, and do not where there are no faults.
    pub hung_notes: u64,
    /// Whether actors without a cable from a victim put out the same bits in a
    /// render with these faults as in one without.
    pub survivors_identical: bool,
    /// How many they are.
    pub survivors: usize,
    /// Allocations and frees of the engine's own inside the callback.
    pub rt_violations: u64,
    /// What the same chaos is made from again.
    pub seed: u64,
    /// Callbacks made.
    pub callbacks: u64,
    /// How long they took, in microseconds.
    pub callback_us: CallbackTimes,
}

impl ChaosReport {
    /// Whether nothing was heard of it. Late callbacks are not judged: they tell as
    /// much of the machine.
    pub fn is_well(&self) -> bool {
        self.recovered == self.injected
            && self.hung_notes == 0
            && self.survivors_identical
            && self.rt_violations == 0
    }
}

impl fmt::Display for ChaosReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ChaosReport { injected, recovered, survivors, seed, .. } = self;
        writeln!(f, "{injected} faults, {recovered} recovered (seed {seed})")?;
        let times = &self.callback_us;
        writeln!(
            f,
            "{} callbacks, {} late; median {:.0} µs, 99 % {:.0} µs, longest {:.0} µs of {:.0} µs",
            self.callbacks, self.late_callbacks, times.median, times.p99, times.max, times.budget
        )?;
        let same = if self.survivors_identical { "identical" } else { "NOT identical" };
        writeln!(f, "{survivors} survivors: {same}; {} notes hang", self.hung_notes)?;
        writeln!(f, "{} allocations in the callback", self.rt_violations)
    }
}

/// `antiphon chaos`: whether nothing was heard of the faults.
///
/// # Errors
/// [`Error`], of which nothing has been printed yet.
pub fn chaos(arguments: &ChaosArguments, kinds: &Kinds) -> Result<bool, Error> {
    let rig = match &arguments.rig {
        Some(path) => load_rig(Some(path), kinds)?,
        None => own_rig(kinds)?,
    };
    let rate = rig.engine.rate.unwrap_or(SampleRate::DEFAULT);
    let chaos = Chaos::new(&rig, arguments.seconds, arguments.rate, arguments.seed);
    if chaos.injections.is_empty() {
        let message = "there is no time for a fault: the first comes after 0.5 s, the last 3 s before the end; \
                       make --for longer";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    // First, because a render takes the processor from what plays.
    let compared = chaos.compare(&rig, rate)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Device, format!("the control thread cannot start: {e}")))?;
    let mut report = runtime.block_on(session(arguments, &chaos, rig, rate, compared.quiet_voices))?;
    report.hung_notes += u64::from(compared.voices.saturating_sub(compared.quiet_voices));
    report.survivors_identical = compared.identical;
    report.survivors = compared.survivors;
    if arguments.json {
        super::print_json(&report)?;
    } else {
        super::tell(report.to_string().trim_end());
    }
    Ok(report.is_well())
}

/// The rig for chaos where none is named.
fn own_rig(kinds: &Kinds) -> Result<Rig, Error> {
    let rig = crate::rig::parse(crate::engine::CHAOS_RIG, kinds);
    rig.map_err(|problems| {
        let first = problems.first().map_or_else(String::new, |p| p.message.clone());
        Error::new(ErrorKind::Input, format!("the rig for chaos does not parse: {first}"))
    })
}

async fn session(
    arguments: &ChaosArguments,
    chaos: &Chaos,
    rig: Rig,
    rate: SampleRate,
    quiet_voices: u32,
) -> Result<ChaosReport, Error> {
    let mut stop = Signals::stop()?;
    let request = AudioRequest {
        driver: arguments.driver,
        rate: Some(rate),
        block_frames: arguments.block,
        ..AudioRequest::default()
    };
    let mut live = Live::start(chaos.job(rig, rate, request))?;
    let mut ticks = tokio::time::interval(ATTEND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !live.is_over() {
        tokio::select! {
            biased;
            () = stop.came() => return Err(Error::new(ErrorKind::Usage, "stopped before the end: nothing is judged")),
            _ = ticks.tick() => {}
        }
        for message in live.attend() {
            tracing::debug!(message, "the engine says");
        }
    }
    let trial = chaos.judge(live, quiet_voices);
    let (played, times) = (&trial.played, &trial.played.callbacks);
    Ok(ChaosReport {
        injected: trial.injected,
        recovered: trial.recovered,
        late_callbacks: times.overruns + played.xruns,
        hung_notes: trial.hung_notes,
        rt_violations: played.summary.rt_violations,
        seed: arguments.seed,
        callbacks: times.callbacks,
        callback_us: CallbackTimes {
            median: times.median_micros,
            p99: times.p99_micros,
            p999: times.p999_micros,
            max: times.max_micros,
            budget: played.info.rate.seconds(Frame::from(played.info.block_frames)) * 1.0e6,
        },
        ..ChaosReport::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_kept() {
        let value = serde_json::to_value(ChaosReport::default()).expect("it serialises");
        let mut keys: Vec<&String> = value.as_object().expect("an object").keys().collect();
        keys.sort();
        let names = [
            "callback_us",
            "callbacks",
            "hung_notes",
            "injected",
            "late_callbacks",
            "recovered",
            "rt_violations",
            "seed",
            "survivors",
            "survivors_identical",
        ];
        assert_eq!(keys, names);
    }

    #[test]
    fn one_note_that_hangs_is_one_too_many() {
        let well = ChaosReport { injected: 3, recovered: 3, survivors_identical: true, ..Default::default() };
        assert!(well.is_well());
        let wrong = [
            ChaosReport { recovered: 2, ..well.clone() },
            ChaosReport { hung_notes: 1, ..well.clone() },
            ChaosReport { survivors_identical: false, ..well.clone() },
            ChaosReport { rt_violations: 1, ..well },
        ];
        assert!(!wrong.iter().any(ChaosReport::is_well));
    }
}
