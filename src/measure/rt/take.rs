use std::time::{Duration, Instant};

use super::load::Load;
use super::thread::Waits;
use crate::device::audio::scheduling::Scheduling;
use crate::device::audio::{AudioRequest, CallbackTime, StreamInfo};
use crate::engine::live::{Job, Live};
use crate::engine::{Error, ErrorKind, Mending, kinds};
use crate::measure::Run;
use crate::rig::parse;

/// How often the callbacks that came are taken in.
const LOOK: Duration = Duration::from_millis(5);
/// What comes before is not measured: voices come in one by one, and memory is
/// touched for the first time.
pub(super) const LEAD_IN_SECONDS: f64 = 2.0 * Load::ONSET_SECONDS;
/// The score goes on so long after the end, lest voices end before the last look.
const MARGIN_SECONDS: f64 = 10.0;
/// A device that has not asked for a period by then does not run.
const FIRST_CALLBACK: Duration = Duration::from_secs(5);
/// A device so many times slower than its own rate is given up.
const PATIENCE: f64 = 3.0;
/// So long after the last callback all counts of the device have come in.
const SETTLING: Duration = Duration::from_millis(25);

/// A load that is played, and on what block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    pub(super) load: Load,
    pub(super) block_frames: Option<u32>,
    pub(super) seconds: f64,
    /// Whether the first sign that it does not hold ends it.
    pub(super) gives_up: bool,
}

/// What playing a load came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Take {
    pub(super) info: Option<StreamInfo>,
    pub(super) scheduling: Scheduling,
    pub(super) callbacks: u64,
    pub(super) frames: u64,
    /// How long each callback took.
    pub(super) callback_us: Vec<f32>,
    /// How late each callback came, where the driver goes by a clock.
    pub(super) lateness_us: Vec<f32>,
    /// What the last callback could take.
    pub(super) budget_us: f64,
    /// Periods that the driver missed.
    pub(super) missed_periods: u64,
    /// Callbacks that took longer than they may.
    pub(super) overruns: u64,
    /// Callbacks that ended later than a period after they were due.
    pub(super) missed_deadlines: u64,
    /// Callbacks that were not seen, because this thread came too late.
    pub(super) unseen: u64,
    pub(super) violations: u64,
    /// Actors that failed.
    pub(super) faults: u64,
    /// The fewest voices that sounded at once, and the most.
    pub(super) voices: Option<(u32, u32)>,
    /// What the callback's thread waited for.
    pub(super) waits: Option<Waits>,
    pub(super) seconds: Vec<Second>,
    pub(super) rate_hertz: f64,
}

/// One second of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Second {
    /// Its place in the lists of callbacks.
    pub(super) callbacks: std::ops::Range<usize>,
    pub(super) missed: u64,
    pub(super) max_us: f64,
    pub(super) spent_us: f64,
    pub(super) budget_us: f64,
}

impl Take {
    /// Periods that were missed, and callbacks beyond their budget.
    pub(super) fn xruns(&self) -> u64 {
        self.missed_periods + self.overruns
    }

    /// Whether all voices sounded all the time, and nothing was missed.
    pub(super) fn holds(&self, load: Load) -> bool {
        let all = self.voices.is_some_and(|(fewest, _)| fewest >= load.voices());
        all && self.callbacks > 0 && self.xruns() == 0 && self.faults == 0
    }

    /// How long it lasted, by the device's frames.
    pub(super) fn lasted_seconds(&self) -> f64 {
        self.frames as f64 / self.rate_hertz.max(1.0)
    }

    /// Takes in what another came to, after this one.
    pub(super) fn append(&mut self, other: Take) {
        let before = self.callback_us.len();
        self.seconds.extend(other.seconds.into_iter().map(|second| Second {
            callbacks: second.callbacks.start + before..second.callbacks.end + before,
            ..second
        }));
        self.callback_us.extend(other.callback_us);
        self.lateness_us.extend(other.lateness_us);
        self.callbacks += other.callbacks;
        self.frames += other.frames;
        self.missed_periods += other.missed_periods;
        self.overruns += other.overruns;
        self.missed_deadlines += other.missed_deadlines;
        self.unseen += other.unseen;
        self.violations += other.violations;
        self.faults += other.faults;
        self.voices = match (self.voices, other.voices) {
            (Some((least, most)), Some((a, b))) => Some((least.min(a), most.max(b))),
            (one, other) => one.or(other),
        };
        self.waits = match (self.waits, other.waits) {
            (Some(one), Some(other)) => Some(one.and(other)),
            (one, other) => one.or(other),
        };
        (self.info, self.scheduling) = (other.info, other.scheduling);
        (self.budget_us, self.rate_hertz) = (other.budget_us, other.rate_hertz);
    }

    fn add(&mut self, time: CallbackTime) {
        let place = (self.lasted_seconds() as usize).max(self.seconds.len().saturating_sub(1));
        if self.seconds.len() <= place {
            let next = self.callback_us.len();
            self.seconds.resize(place + 1, Second { callbacks: next..next, ..Second::default() });
        }
        let micros = |nanos: u64| nanos as f64 * 1.0e-3;
        let (took_us, budget_us) =
            (micros(time.duration_nanos), f64::from(time.frames) * 1.0e6 / self.rate_hertz);
        self.callbacks += 1;
        self.frames += u64::from(time.frames);
        self.budget_us = budget_us;
        self.callback_us.push(took_us as f32);
        if let Some(late_nanos) = time.late_nanos() {
            self.lateness_us.push(micros(late_nanos) as f32);
            self.missed_deadlines += u64::from(micros(late_nanos) + took_us > budget_us);
        }
        let is_over = took_us > budget_us;
        self.overruns += u64::from(is_over);
        let second = &mut self.seconds[place];
        second.callbacks.end += 1;
        second.missed += u64::from(is_over);
        second.max_us = second.max_us.max(took_us);
        second.spent_us += took_us;
        second.budget_us += budget_us;
    }

    fn count_voices(&mut self, voices: u32) {
        let (least, most) = self.voices.unwrap_or((voices, voices));
        self.voices = Some((least.min(voices), most.max(voices)));
    }

    fn count_missed_periods(&mut self, missed_periods: u64) {
        let more = missed_periods.saturating_sub(self.missed_periods);
        self.missed_periods += more;
        if let Some(second) = self.seconds.last_mut() {
            second.missed += more;
        }
    }
}

/// What had been counted when the measurement began.
struct Before {
    missed_periods: u64,
    violations: u64,
    faults: usize,
    unseen: u64,
    waits: Option<Waits>,
}

/// Plays a trial on the device that was asked for; `progress` gets the share that is done.
///
/// # Errors
/// [`Error`] where the device does not open or run, or goes away.
pub(super) fn play(run: &Run, trial: Trial, mut progress: impl FnMut(f64)) -> Result<Take, Error> {
    let live = start(run, trial)?;
    let outcome = listen(run, trial, live, &mut progress);
    outcome.map(|(take, live)| {
        live.stop();
        take
    })
}

/// The device that was asked for.
pub(super) fn request(run: &Run) -> AudioRequest {
    let settings = &run.settings;
    AudioRequest {
        driver: settings.driver,
        device: settings.device.clone(),
        rate: settings.rate,
        block_frames: settings.block_frames,
        ..AudioRequest::default()
    }
}

fn start(run: &Run, trial: Trial) -> Result<Live, Error> {
    let internal = |why: String| Error::new(ErrorKind::Usage, format!("the load cannot be built: {why}"));
    let rig = parse(&trial.load.rig(), &kinds())
        .map_err(|problems| internal(problems.first().map(|p| p.message.clone()).unwrap_or_default()))?;
    Live::start(Job {
        rig,
        scores: trial.load.scores(LEAD_IN_SECONDS + trial.seconds + MARGIN_SECONDS),
        demo: None,
        scene: None,
        request: AudioRequest { block_frames: trial.block_frames, ..request(run) },
        record: None,
        log: None,
        black_box: None,
        seconds: None,
        injections: Vec::new(),
        watch: None,
        mending: Mending::default(),
    })
}

fn listen(
    run: &Run,
    trial: Trial,
    mut live: Live,
    progress: &mut impl FnMut(f64),
) -> Result<(Take, Live), Error> {
    let info = live.info();
    let mut times = live.callback_times();
    let rate_hertz = f64::from(info.rate.hertz());
    let mut take = Take { rate_hertz, ..Take::default() };
    let lead_in_frames = info.rate.frames(LEAD_IN_SECONDS);
    let wanted_frames = info.rate.frames(trial.seconds).max(1);
    let limit = FIRST_CALLBACK + Duration::from_secs_f64(PATIENCE * (trial.seconds + LEAD_IN_SECONDS));
    let (begun, mut lead_in, mut before) = (Instant::now(), 0, None);
    while take.frames < wanted_frames && !run.is_stopped() {
        // The device's own clock moves this on; there is nothing to await.
        std::thread::sleep(LOOK);
        // What it says of gear is not asked for here, and faults are counted.
        live.attend();
        let Some(before) = &before else {
            lead_in += times.by_ref().map(|time| u64::from(time.frames)).sum::<u64>();
            if lead_in >= lead_in_frames {
                before = Some(counts(&live, times.lost()));
            } else if begun.elapsed() > if lead_in == 0 { FIRST_CALLBACK } else { limit } {
                return Err(stalled(&info.device));
            }
            continue;
        };
        while take.frames < wanted_frames
            && let Some(time) = times.next()
        {
            take.add(time);
        }
        take.count_voices(live.snapshot().voices);
        take_counts(&mut take, &live, before, times.lost());
        progress(take.frames as f64 / wanted_frames as f64);
        if live.info().driver != info.driver {
            return Err(Error::new(
                ErrorKind::Device,
                format!("{} went away while it was measured", info.device),
            ));
        }
        if trial.gives_up && (take.xruns() > 0 || take.faults > 0) {
            break;
        }
        if begun.elapsed() > limit {
            break;
        }
    }
    std::thread::sleep(SETTLING);
    if let Some(before) = &before {
        take_counts(&mut take, &live, before, times.lost());
        take.waits = waits(&live).zip(before.waits).map(|(now, before)| now.since(before));
    }
    take.scheduling = live.callbacks().scheduling;
    take.info = Some(live.info());
    Ok((take, live))
}

fn stalled(device: &str) -> Error {
    let message = format!("{device} does not ask for sound: is it in use, or suspended?");
    Error::new(ErrorKind::Device, message)
}

fn counts(live: &Live, unseen: u64) -> Before {
    let summary = live.summary();
    Before {
        missed_periods: live.xruns(),
        violations: summary.rt_violations,
        faults: summary.faults.len(),
        unseen,
        waits: waits(live),
    }
}

fn take_counts(take: &mut Take, live: &Live, before: &Before, unseen: u64) {
    let summary = live.summary();
    take.count_missed_periods(live.xruns() - before.missed_periods);
    take.violations = summary.rt_violations - before.violations;
    take.faults = (summary.faults.len() - before.faults) as u64;
    take.unseen = unseen - before.unseen;
}

fn waits(live: &Live) -> Option<Waits> {
    live.callback_thread().and_then(Waits::of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::HostTime;

    fn take() -> Take {
        let mut take = Take { rate_hertz: 48_000.0, ..Take::default() };
        for number in 0..1_500_u64 {
            let due = HostTime(number * 1_333_333);
            let (late_nanos, duration_nanos) =
                if number == 800 { (400_000, 1_400_000) } else { (10_000, 50_000) };
            take.add(CallbackTime {
                due: Some(due),
                entry: HostTime(due.nanos() + late_nanos),
                duration_nanos,
                frames: 64,
            });
        }
        take
    }

    #[test]
    fn seconds_sum_to_the_whole() {
        let mut take = take();
        take.count_missed_periods(2);
        take.count_missed_periods(2);
        take.append(self::take());
        assert_eq!((take.callbacks, take.frames, take.seconds.len()), (3_000, 192_000, 4));
        assert_eq!((take.overruns, take.missed_deadlines, take.xruns()), (2, 2, 4));
        assert_eq!(take.seconds.iter().map(|second| second.missed).collect::<Vec<_>>(), [0, 3, 0, 1]);
        assert_eq!(take.seconds.iter().map(|second| second.callbacks.len()).sum::<usize>(), 3_000);
        assert_eq!(take.seconds[3].callbacks, 2_250..3_000);
        assert!(
            (take.seconds[1].max_us - 1_400.0).abs() < 1e-6 && (take.lasted_seconds() - 4.0).abs() < 1e-9
        );
    }

    #[test]
    fn it_holds_only_if_all_voices_sound_and_nothing_is_missed() {
        let load = Load::new(64);
        let mut good = Take { callbacks: 1, voices: Some((64, 64)), ..Take::default() };
        assert!(good.holds(load));
        good.voices = Some((63, 64));
        assert!(!good.holds(load));
        assert!(!Take { overruns: 1, callbacks: 1, voices: Some((64, 64)), ..Take::default() }.holds(load));
        assert!(!Take { faults: 1, callbacks: 1, voices: Some((64, 64)), ..Take::default() }.holds(load));
        assert!(!Take::default().holds(load));
    }
}
