//! What the callback takes under load, beside what the machine itself can do: the
//! real engine on the chosen driver, with voices that sound, while the processors
//! have other work.

mod cyclictest;
mod figures;
pub mod load;
mod pressure;
mod search;
mod take;
mod thread;
mod wakeup;

use std::time::Duration;

use cyclictest::Counted;
use load::Load;
use pressure::Pressure;
use take::{Take, Trial};

use super::Run;
use super::reference::Samples;
use super::report::{self, Better, Histogram, Lateness, LatenessBound, WithoutPressure};
use super::run::PACES;
use super::statistics::median;
use crate::device::audio::{self, DriverChoice, StreamInfo};
use crate::engine::{Error, ErrorKind};
use crate::midi::file::EVENT_LIMIT;

/// How long it lasts where nobody says.
const SECONDS: f64 = 10.0;
/// Voices where nobody says.
const VOICES: u32 = 64;
/// On the null clock the load takes so many turns with the bare thread and with `cyclictest`.
const ROUNDS: u32 = 5;
/// The bare thread has this share of the load's time for each of its turns …
const WAKEUP_SHARE: f64 = 0.2;
/// … within these bounds.
const WAKEUP_SECONDS: [f64; 2] = [0.2, 5.0];
/// The load without pressure is played for so long, or less.
const CALM_SECONDS: f64 = 2.0;
/// What a callback may be late beyond the bound's other parts, in microseconds.
const SLACK_MICROS: f64 = 50.0;
/// Messages for each voice in each second.
const EVENTS_PER_VOICE: f64 = 2.0;

pub(super) fn measure(run: &mut Run) -> Result<(), Error> {
    let seconds = run.seconds(SECONDS);
    let load = Load::new(run.settings.voices.unwrap_or(VOICES));
    if seconds * EVENTS_PER_VOICE * f64::from(load.voices()) > EVENT_LIMIT as f64 {
        let message = format!("{seconds} s of {} voices are too long a score; ask for less", load.voices());
        return Err(Error::new(ErrorKind::Usage, message));
    }
    if !run.report.machine.optimised {
        run.say("this program is not built for speed: its figures say little (build it with --release)");
    }
    let processors = run.report.machine.processors;
    let pressure = Pressure::start(run.settings.busy_threads.unwrap_or(processors));
    let rounds = play_rounds(run, load, seconds)?;
    let info = note(run, load, &rounds, pressure.threads());
    if let Some(info) = info {
        look_for_most(run, seconds, load, &info)?;
    }
    let is_under_pressure = pressure.threads() > 0;
    drop(pressure);
    if is_under_pressure && !run.is_stopped() {
        run.advance(0.95, "the same load without pressure");
        let block_frames = run.settings.block_frames;
        let trial = Trial { load, block_frames, seconds: seconds.min(CALM_SECONDS), gives_up: false };
        let take = take::play(run, trial, |_| {})?;
        run.report.rt.without_pressure = figures::callback(&take).map(|callback_us| WithoutPressure {
            callback_us,
            lateness_us: figures::lateness(&take.lateness_us),
            xruns: take.xruns(),
            seconds: take.lasted_seconds(),
        });
    }
    Ok(())
}

/// What turn after turn came to.
#[derive(Default)]
struct Rounds {
    /// All turns of the load.
    take: Take,
    /// How late the bare thread woke, in each of its turns.
    wakeups: Vec<Vec<f32>>,
    cyclictest: Vec<Counted>,
    /// 99 % of the callbacks took no longer, came no later, turn by turn.
    callback_p99: Vec<f64>,
    lateness_p99: Vec<f64>,
}

/// The load, then the bare thread, then `cyclictest`: never two at once, because each
/// would measure the other. A device that goes by itself is not interrupted.
fn play_rounds(run: &mut Run, load: Load, seconds: f64) -> Result<Rounds, Error> {
    let mut rounds = Rounds::default();
    let opened = audio::open(&take::request(run))?;
    let is_null = opened.driver.info().driver == DriverChoice::Null.name();
    opened.refused.iter().for_each(|(name, reason)| run.say(&format!("{name} is not used: {reason}")));
    drop(opened.driver);
    let count = if is_null { ROUNDS } else { 1 };
    let trial = Trial {
        load,
        block_frames: run.settings.block_frames,
        seconds: seconds / f64::from(count),
        gives_up: false,
    };
    let doing = format!("{} voices and a reverb", load.voices());
    for round in 0..count {
        if run.is_stopped() {
            break;
        }
        let done = |share: f64| (f64::from(round) + share) / f64::from(count) * 0.5;
        let take = take::play(run, trial, |share| run.advance(done(share), &doing))?;
        let Some(info) = take.info.clone() else { break };
        let like = take.scheduling;
        rounds.callback_p99.extend(figures::p99(&take.callback_us));
        rounds.lateness_p99.extend(figures::p99(&take.lateness_us));
        rounds.take.append(take);
        let period = Duration::from_secs_f64(f64::from(info.block_frames) / f64::from(info.rate.hertz()));
        let [least, most] = WAKEUP_SECONDS;
        let seconds = (trial.seconds * WAKEUP_SHARE).clamp(least, most);
        run.advance(done(1.0), "a bare thread instead");
        rounds.wakeups.push(wakeup::measure(like, period, seconds, &run.stop()));
        run.paces_for(PACES);
        if is_null && !run.is_stopped() {
            run.advance(done(1.0), "cyclictest instead");
            rounds.cyclictest.extend(cyclictest::measure(like, period, seconds, &run.stop()));
        }
    }
    Ok(rounds)
}

/// Writes down what came of the load; gives what it ran on.
fn note(run: &mut Run, load: Load, rounds: &Rounds, busy_threads: u32) -> Option<StreamInfo> {
    let take = &rounds.take;
    let info = take.info.clone();
    let rt = &mut run.report.rt;
    rt.callback_us = figures::callback(take);
    rt.lateness_us = figures::lateness(&take.lateness_us);
    let wakeups = rounds.wakeups.concat();
    rt.wakeup_us = figures::lateness(&wakeups);
    rt.callbacks = take.callbacks;
    rt.frames = take.frames;
    rt.unseen_callbacks = take.unseen;
    let is_measured = rt.callback_us.is_some();
    rt.xruns = is_measured.then(|| take.xruns());
    rt.violations = is_measured.then_some(take.violations);
    rt.faults = is_measured.then_some(take.faults);
    rt.missed_deadlines = rt.lateness_us.map(|_| take.missed_deadlines);
    rt.load = take.voices.map(|(fewest, _)| report::Load {
        voices: fewest,
        asked_voices: load.voices(),
        instruments: load.instruments(),
        stages: Load::STAGES,
        sound: Load::SOUND.to_owned(),
        busy_threads,
        seconds: take.lasted_seconds(),
    });
    rt.page_faults = take.waits.map(|waits| waits.page_faults);
    rt.context_switches = take.waits.map(|waits| waits.context_switches);
    let histogram = |values: &[f32]| {
        (!values.is_empty()).then(|| Histogram::of("us", values.iter().map(|value| f64::from(*value))))
    };
    rt.histogram = histogram(&take.callback_us);
    rt.lateness_histogram = histogram(&take.lateness_us);
    rt.wakeup_histogram = histogram(&wakeups);
    rt.timeline = figures::timeline(take);
    if let Some(info) = &info {
        rt.scheduler = Some(take.scheduling.to_string());
        rt.driver = Some(info.driver.to_owned());
        rt.device = Some(info.device.clone());
        rt.rate_hertz = Some(info.rate.hertz());
        rt.block_frames = Some(info.block_frames);
    }
    bound(run, rounds);
    let wakeup_p99 = rounds.wakeups.iter().filter_map(|late_us| figures::p99(late_us)).collect();
    for (name, samples) in [
        ("callback_us.median", figures::of_each_second(take, 0.5)),
        ("callback_us.p99", figures::of_each_second(take, 0.99)),
        ("wakeup_us.p99", wakeup_p99),
        ("lateness_us.p99", rounds.lateness_p99.clone()),
    ] {
        run.figure(&format!("rt.{name}"), "us", Better::Less, Samples::by_clock(samples));
    }
    why_not(run, take, load, info.as_ref());
    info
}

/// Holds the callback's lateness against the independent program's.
fn bound(run: &mut Run, rounds: &Rounds) {
    let of_all = |share: f64| {
        median(&rounds.cyclictest.iter().filter_map(|counted| counted.quantile(share)).collect::<Vec<_>>())
    };
    let cyclictest = || {
        Some(Lateness { median: of_all(0.5)?, p99: of_all(0.99)?, p999: of_all(0.999)?, max: of_all(1.0)? })
    };
    let wakeups: Vec<f64> = rounds.wakeups.iter().filter_map(|late_us| figures::p99(late_us)).collect();
    let figures = (median(&rounds.lateness_p99), median(&wakeups), median(&rounds.callback_p99));
    let rt = &mut run.report.rt;
    rt.cyclictest_us = cyclictest();
    let (Some(cyclictest), (Some(lateness_p99), Some(wakeup_p99), Some(callback_p99))) =
        (rt.cyclictest_us, figures)
    else {
        return;
    };
    let bound = 1.5 * cyclictest.p99 + callback_p99 + SLACK_MICROS;
    rt.lateness_bound = Some(LatenessBound {
        rounds: rounds.cyclictest.len() as u32,
        lateness_p99,
        wakeup_p99,
        cyclictest_p99: cyclictest.p99,
        callback_p99,
        bound,
        holds: lateness_p99 <= bound,
    });
}

/// Says why there is no figure, and what is to be known of those that there are.
fn why_not(run: &mut Run, take: &Take, load: Load, info: Option<&StreamInfo>) {
    let is_null = info.is_some_and(|info| info.driver == DriverChoice::Null.name());
    if run.report.rt.callback_us.is_none() {
        for path in ["rt.callback_us", "rt.xruns", "rt.violations", "rt.max_voices", "rt.min_block_frames"] {
            run.missing(path, "ended before a callback was measured");
        }
    }
    if run.report.rt.wakeup_us.is_none() {
        run.missing("rt.wakeup_us", "ended before the bare thread's turn");
    }
    if !is_null {
        run.missing("rt.lateness_us", "only the null clock says when a callback is due");
        run.missing("rt.cyclictest_us", "it is held against the null clock only: --driver null");
    } else if run.report.rt.cyclictest_us.is_none() && run.is_stopped() {
        run.missing("rt.cyclictest_us", "stopped before its turn");
    } else if run.report.rt.cyclictest_us.is_none() {
        run.missing("rt.cyclictest_us", "cyclictest is not installed (rt-tests), or was not let run");
    }
    if take.waits.is_none() {
        run.missing("rt.page_faults", "this system does not count them for a thread");
        run.missing("rt.context_switches", "this system does not count them for a thread");
    }
    if let Some(info) = info
        && let Some(asked) = run.settings.block_frames
        && asked != info.block_frames
    {
        run.say(&format!("{} takes {} frames, not {asked}", info.device, info.block_frames));
    }
    if let Some((fewest, _)) = take.voices
        && fewest < load.voices()
    {
        run.say(&format!("only {fewest} of {} voices sounded all the time", load.voices()));
    }
    if take.callbacks > 0 && !take.scheduling.is_realtime() {
        run.say("the callback has no realtime scheduling: any program may delay it (see `antiphon doctor`)");
    }
}

/// The most voices at this block, and the shortest block for this load, as far as the
/// command line leaves them open.
fn look_for_most(run: &mut Run, seconds: f64, load: Load, info: &StreamInfo) -> Result<(), Error> {
    let (is_load_fixed, is_block_fixed) =
        (run.settings.voices.is_some(), run.settings.block_frames.is_some());
    if is_load_fixed {
        run.missing("rt.max_voices", "not asked for: --voices fixes the load");
    } else {
        let (found, samples) = search::voices(run, seconds, load.voices())?;
        match found {
            Ok(voices) => {
                run.report.rt.max_voices = Some(voices);
                run.figure("rt.max_voices", "voices", Better::More, Samples::by_clock(samples));
            }
            Err(why) => run.missing("rt.max_voices", &why),
        }
    }
    if is_load_fixed && is_block_fixed {
        run.missing("rt.min_block_frames", "not asked for: --voices and --block fix the load");
        return Ok(());
    }
    match search::block(run, seconds, load.voices(), info.block_frames)? {
        Ok(frames) => {
            run.report.rt.min_block_frames = Some(frames);
            if info.driver == DriverChoice::Jack.name() {
                let why =
                    "this is the period of the JACK server, which alone sets it: no shorter one was tried";
                run.missing("rt.min_block_frames", why);
            }
        }
        Err(why) => run.missing("rt.min_block_frames", &why),
    }
    Ok(())
}
