//! What hours with faults come to: a rig plays live while its actors are made to fail.

mod drift;
mod memory;

use std::time::{Duration, Instant};

use super::Run;
use super::reference::Samples;
use super::report::{Better, Drift, Memory};
use crate::device::audio::{AudioRequest, DriverChoice};
use crate::engine::live::Live;
use crate::engine::{CHAOS_RIG, Chaos, Error, ErrorKind, kinds};
use crate::unit::SampleRate;
use drift::Clocks;

const SECONDS: f64 = 60.0;
/// There must be time for faults, and for all to be quiet again.
const SECONDS_AT_LEAST: f64 = 6.0;
const FAULTS_PER_SECOND: f64 = 1.0;
/// In hours they come less often: no more are told one by one.
const FAULTS_AT_MOST: f64 = 8_000.0;
const ATTEND: Duration = Duration::from_millis(5);
const LOOK_AT_CLOCKS: Duration = Duration::from_millis(50);
const LOOK_AT_MEMORY: Duration = Duration::from_millis(500);
/// The share of the time after which memory and clocks are looked at: what is made
/// once is made by then.
const WARM_UP: f64 = 0.15;
const WARM_UP_AT_MOST: f64 = 10.0;
/// Parts that xruns are counted in, so that a later soak can be compared.
const PARTS: f64 = 10.0;
const SECONDS_PER_HOUR: f64 = 3_600.0;

pub(super) fn measure(run: &mut Run) -> Result<(), Error> {
    let seconds = run.seconds(SECONDS);
    if seconds < SECONDS_AT_LEAST {
        let why = format!("a soak takes {SECONDS_AT_LEAST} s at least: make --for longer");
        return Err(Error::new(ErrorKind::Usage, why));
    }
    let rig = crate::rig::parse(CHAOS_RIG, &kinds()).map_err(|problems| {
        let first = problems.first().map_or_else(String::new, |problem| problem.message.clone());
        Error::new(ErrorKind::Input, format!("the rig for chaos does not parse: {first}"))
    })?;
    let rate = run.settings.rate.or(rig.engine.rate).unwrap_or(SampleRate::DEFAULT);
    let faults_per_second = FAULTS_PER_SECOND.min(FAULTS_AT_MOST / seconds);
    let chaos = Chaos::new(&rig, seconds, faults_per_second, run.settings.seed);
    let quiet_voices = Chaos::quiet_voices(&rig, rate, run.settings.seed)?;
    let request = AudioRequest {
        driver: run.settings.driver,
        device: run.settings.device.clone(),
        rate: Some(rate),
        block_frames: run.settings.block_frames,
        ..AudioRequest::default()
    };
    let mut live = Live::start(chaos.job(rig, rate, request))?;
    let watched = watch(run, &mut live, seconds);
    let was_whole = live.is_over();
    let trial = chaos.judge(live, quiet_voices);
    let played = &trial.played;
    let xruns = played.callbacks.overruns + played.xruns;
    let lasted = played.info.rate.seconds(played.frames);
    let soak = &mut run.report.soak;
    soak.seconds = Some(lasted);
    soak.driver = Some(played.info.driver.to_owned());
    soak.faults = Some(trial.injected);
    soak.recovered = Some(trial.recovered);
    soak.hung_notes = was_whole.then_some(trial.hung_notes);
    soak.xruns = Some(xruns);
    soak.xruns_per_hour = (lasted > 0.0).then(|| xruns as f64 * SECONDS_PER_HOUR / lasted);
    soak.violations = Some(played.summary.rt_violations);
    soak.memory = watched.memory;
    soak.drift = Some(watched.drift);
    if !was_whole {
        run.missing("soak.hung_notes", "stopped while notes sounded");
    }
    if watched.memory.is_none() {
        run.missing("soak.memory", "this system does not tell, or it was too short");
    }
    if watched.memory.is_some_and(|memory| memory.bytes_per_hour.is_none()) {
        run.missing("soak.memory.bytes_per_hour", memory::TOO_SHORT);
    }
    if played.info.driver == DriverChoice::Null.name() {
        run.missing("soak.drift", "the null clock is the system's own: there is nothing that could drift");
    } else if watched.drift.audio_ppm.is_none() {
        run.missing("soak.drift", "too short");
    } else if watched.drift.midi_ppm.is_none() {
        run.missing("soak.drift.midi_ppm", "JACK's MIDI counts in the frames of its audio");
    }
    run.figure("soak.xruns_per_hour", "an hour", Better::Less, Samples::by_clock(watched.xruns_per_hour));
    Ok(())
}

struct Watched {
    memory: Option<Memory>,
    drift: Drift,
    /// Of each part of the time.
    xruns_per_hour: Vec<f64>,
}

/// Looks on until it is over, or told to end.
fn watch(run: &Run, live: &mut Live, seconds: f64) -> Watched {
    let rate = live.info().rate;
    let warm_up = (seconds * WARM_UP).min(WARM_UP_AT_MOST);
    let mut clocks = Clocks::default();
    let mut sizes: Vec<(f64, u64)> = Vec::new();
    let part = seconds / PARTS;
    let (mut xruns_per_hour, mut xruns_before) = (Vec::new(), 0);
    let begun = Instant::now();
    let (mut next_clocks, mut next_memory) = (Duration::ZERO, Duration::ZERO);
    while !live.is_over() && !run.is_stopped() {
        std::thread::sleep(ATTEND);
        for message in live.attend() {
            tracing::debug!(message, "the engine says");
        }
        let elapsed = begun.elapsed();
        let is_warm = elapsed.as_secs_f64() >= warm_up;
        if is_warm && elapsed >= next_clocks {
            next_clocks = elapsed + LOOK_AT_CLOCKS;
            clocks.look(live, rate);
        }
        if elapsed.as_secs_f64() >= part * (xruns_per_hour.len() + 1) as f64 {
            let xruns = live.callbacks().overruns + live.xruns();
            xruns_per_hour.push(xruns.saturating_sub(xruns_before) as f64 * SECONDS_PER_HOUR / part);
            xruns_before = xruns;
        }
        if elapsed >= next_memory {
            next_memory = elapsed + LOOK_AT_MEMORY;
            if is_warm && let Some(bytes) = memory::resident_bytes() {
                sizes.push((elapsed.as_secs_f64(), bytes));
            }
            let faults = live.summary().faults.len();
            run.advance(elapsed.as_secs_f64() / seconds, &format!("{faults} stages failed and came back"));
        }
    }
    let drift = clocks.drift(live.info().driver);
    Watched { memory: memory::of(&sizes), drift, xruns_per_hour }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Settings, Stop};

    #[test]
    fn a_short_soak_has_every_figure() {
        let settings = Settings {
            seconds: Some(8.0),
            driver: DriverChoice::Null,
            block_frames: Some(512),
            ..Settings::default()
        };
        let mut run = Run::new(settings, Stop::default(), &());
        measure(&mut run).expect("it plays");
        let soak = &run.report.soak;
        assert!(soak.seconds.is_some_and(|seconds| (7.9..=8.1).contains(&seconds)), "{soak:?}");
        assert!(soak.faults.is_some_and(|faults| faults >= 2), "{soak:?}");
        assert_eq!(soak.recovered, soak.faults, "{soak:?}");
        // Violations are the process's: other tests plant some. `tests/bench_cost.rs` asks for none.
        assert!(soak.hung_notes == Some(0) && soak.violations.is_some(), "{soak:?}");
        let parts = &run.report.figures["soak.xruns_per_hour"].samples;
        assert!((9..=10).contains(&parts.len()) && parts.iter().all(|xruns| *xruns >= 0.0), "{parts:?}");
        assert!(soak.memory.is_some() == cfg!(target_os = "linux"), "{soak:?}");
        // Seconds tell nothing of an hour, and the null clock is the system's own.
        assert_eq!(soak.memory.and_then(|memory| memory.bytes_per_hour), None);
        assert_eq!(soak.drift, Some(Drift::default()));
        let why = &run.report.not_measured;
        assert!(why["soak.drift"].contains("system's own"), "{why:?}");
        assert!(why.contains_key("soak.memory.bytes_per_hour") == soak.memory.is_some(), "{why:?}");
    }

    #[test]
    fn one_without_time_for_faults_says_so() {
        let settings = Settings { seconds: Some(2.0), ..Settings::default() };
        let mut run = Run::new(settings, Stop::default(), &());
        let error = measure(&mut run).expect_err("it is too short");
        assert!(error.to_string().contains("make --for longer"), "{error}");
    }
}
