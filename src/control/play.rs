use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::actors::{self, ActorLine};
use super::arguments::PlayArguments;
use super::files::{fix_tempo, known_scene, load_rig, load_scores};
use super::render::run_report;
use super::report::{CallbackTimes, GapReport, IsolationReport, LogReport, PlayReport, TransportReport};
use super::signals::Signals;
use super::status::{GearView, RecordView, SceneView, Status, StatusCommand, StatusView};
use crate::device::audio::AudioRequest;
use crate::engine::generation::OnDemand;
use crate::engine::live::{Job, Live, Played, SceneTurn, Watched};
use crate::engine::{Error, ErrorKind, IsolationRecord, LogSummary, Mending, Workshop};
use crate::journal::RecordGap;
use crate::midi::file::Score;
use crate::render::TransportView;
use crate::stage::Kinds;
use crate::transport::{Beats, Order};
use crate::unit::Frame;

/// How often the control world looks after the audio world.
const ATTEND: Duration = Duration::from_millis(5);
/// How often the display is brought up to date.
const SHOW: Duration = Duration::from_millis(40);
/// A device whose first callback does not come in this time is reported.
const FIRST_CALLBACK: Duration = Duration::from_secs(5);
const MASTER_STEP_DECIBELS: f32 = 1.0;

/// `antiphon play`.
///
/// # Errors
/// [`Error`], of which nothing has been printed yet.
pub fn play(arguments: &PlayArguments, kinds: &Kinds) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Device, format!("the control thread cannot start: {e}")))?;
    let played = runtime.block_on(session(arguments, kinds))?;
    finish(arguments, played)
}

async fn session(arguments: &PlayArguments, kinds: &Kinds) -> Result<(Played, &'static str), Error> {
    // Taken hold of first, so that a Ctrl-C while devices open still ends cleanly.
    let mut stop = Signals::stop()?;
    let mut show = Signals::show_actors()?;
    let mut rig = load_rig(arguments.rig.as_deref(), kinds)?;
    fix_tempo(&mut rig, arguments.tempo.as_deref())?;
    if let Some(scene) = &arguments.scene {
        known_scene(&rig, scene)?;
    }
    let scores = load_scores(&arguments.midi)?;
    let request = AudioRequest {
        driver: arguments.driver,
        device: arguments.device.clone(),
        rate: arguments.rate,
        block_frames: arguments.block,
        ..AudioRequest::default()
    };
    let demo = (arguments.rig.is_none() && scores.is_empty()).then(demo).flatten();
    let workshop = Workshop::new(Arc::new(OnDemand::new(arguments.config.clone())));
    let job = Job {
        rig,
        scores,
        demo,
        scene: arguments.scene.clone(),
        request,
        black_box: arguments.black_box.clone().or_else(black_box),
        log: arguments.log.as_deref().map(|path| arguments.life.recording(path)),
        record: arguments.record.as_deref().map(|path| arguments.life.recording(path)),
        seconds: arguments.seconds.map(|seconds| arguments.life.left_of(seconds)),
        injections: arguments.life.still_to_come(&arguments.inject),
        mending: Mending::default(),
        watch: arguments.rig.clone().map(|path| Watched { path, kinds: kinds.clone() }),
    };
    let mut live = Live::start_with(job, workshop)?;
    live.on_hang(super::hang::end_process(arguments.life));

    let mut status = None;
    let mut ticks = tokio::time::interval(ATTEND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let started = Instant::now();
    let mut shown = started;
    let mut complained = false;
    let stopped_by = loop {
        tokio::select! {
            biased;
            () = stop.came() => break "signal",
            () = show.came() => {
                say(status.as_mut(), &actors::tree(&live.actors()));
            }
            _ = ticks.tick() => {}
        }
        for message in live.attend() {
            say(status.as_mut(), &message);
        }
        if status.is_none() && live.callbacks().callbacks > 0 {
            let (info, scheduling) = (live.info(), live.callbacks().scheduling);
            super::tell(&format!(
                "ready driver={} rate={} block={} scheduler={scheduling}",
                info.driver,
                info.rate.hertz(),
                info.block_frames
            ));
            if info.driver == "null" {
                super::tell(
                    "no audio device is used: nothing can be heard, but it can be recorded with --record",
                );
            }
            status = Some(Status::start());
        }
        if !complained && status.is_none() && started.elapsed() > FIRST_CALLBACK {
            complained = true;
            super::tell("antiphon: the device does not ask for sound; is it in use, or suspended?");
        }
        if live.is_over() {
            break "for";
        }
        let Some(status) = &mut status else { continue };
        match status.poll() {
            Some(StatusCommand::Quit) => break "quit",
            Some(StatusCommand::Panic) => live.panic(),
            Some(StatusCommand::Louder) => live.change_master(MASTER_STEP_DECIBELS),
            Some(StatusCommand::Actors) => status.say(&actors::tree(&live.actors())),
            Some(StatusCommand::StartOrStop) => {
                let now = live.snapshot().transport;
                let moves = now.state.is_rolling() || now.counts_in;
                live.transport(if moves { Order::Stop } else { Order::Start });
            }
            Some(StatusCommand::Continue) => live.transport(Order::Continue),
            Some(StatusCommand::Arm) => live.transport(Order::Arm),
            Some(StatusCommand::Back) => go_bars(&mut live, -1),
            Some(StatusCommand::Forward) => go_bars(&mut live, 1),
            Some(StatusCommand::Tap) => live.transport(Order::Tap),
            Some(StatusCommand::NextScene) => drop(live.turn(&SceneTurn::Next)),
            Some(StatusCommand::PreviousScene) => drop(live.turn(&SceneTurn::Previous)),
            Some(StatusCommand::SceneKey(key)) => {
                if let Some(scene) = live.rig().scenes.iter().find(|scene| scene.keys.contains(&key)) {
                    live.turn(&SceneTurn::To(scene.name.clone()));
                }
            }
            Some(StatusCommand::Softer) => live.change_master(-MASTER_STEP_DECIBELS),
            None => {}
        }
        if shown.elapsed() >= SHOW {
            shown = Instant::now();
            status.update(&view(&live));
        }
    };
    if let Some(status) = status {
        status.finish();
    }
    Ok((live.stop(), stopped_by))
}

/// Where the black box is, where nothing is said of it.
fn black_box() -> Option<PathBuf> {
    Some(super::hang::state_folder()?.join("black-box.anti"))
}

fn say(status: Option<&mut Status>, message: &str) {
    match status {
        Some(status) => status.say(message),
        None => super::tell(message),
    }
}

fn demo() -> Option<Score> {
    Score::read(&crate::feed::demo::piece()).ok()
}

fn view(live: &Live) -> StatusView {
    let snapshot = live.snapshot();
    let callbacks = live.callbacks();
    let summary = live.summary();
    let info = live.info();
    let rig = live.rig();
    let outputs = rig.outputs.len().min(snapshot.meters.len());
    let latency_frames = live.midi_latency_frames() + info.latency_frames;
    let connected = live.gear();
    let mut gear: Vec<GearView> = connected
        .iter()
        .map(|c| GearView { name: c.role.clone(), port: Some(c.device.name.clone()), is_output: c.is_output })
        .collect();
    for port in &rig.midi {
        for is_output in [false, true] {
            let wanted = if is_output { port.is_destination() } else { port.is_source() };
            if wanted && !connected.iter().any(|c| c.role == port.name && c.is_output == is_output) {
                gear.push(GearView { name: port.name.clone(), port: None, is_output });
            }
        }
    }
    StatusView {
        rig: rig.name.clone(),
        driver: info.driver.to_owned(),
        device: info.device.clone(),
        rate_hertz: info.rate.hertz(),
        block_frames: info.block_frames,
        latency_seconds: info.rate.seconds(Frame::from(latency_frames)),
        scheduler: callbacks.scheduling.to_string(),
        load: callbacks.load_smoothed,
        peaks: snapshot.meters[..outputs].iter().flat_map(|m| [m.left, m.right]).collect(),
        master_decibels: live.master_decibels(),
        limited_frames: snapshot.limited_frames,
        voices: snapshot.voices,
        xruns: live.xruns(),
        late_events: snapshot.late_events,
        dropped_events: snapshot.dropped_events,
        faults: summary.faults.len() as u64,
        rt_violations: summary.rt_violations,
        gear,
        transport: transport_report(&snapshot.transport),
        scene: live.scene().map(|scene| SceneView { name: scene.name, place: scene.place, next: scene.next }),
        moved: live.moved(),
        seconds: info.rate.seconds(snapshot.frame),
        recording: live.recording().map(|recording| RecordView {
            path: recording.path.display().to_string(),
            seconds: info.rate.seconds(recording.frames),
            lost_frames: recording.lost_frames,
            failed: recording.failed,
        }),
    }
}

fn finish(arguments: &PlayArguments, (played, stopped_by): (Played, &'static str)) -> Result<(), Error> {
    let Played { info, summary, frames, callbacks, xruns, recording, log, actors } = played;
    let report = PlayReport {
        driver: info.driver.to_owned(),
        device: info.device.clone(),
        run: run_report(&summary, info.rate, info.block_frames, frames),
        callbacks: callbacks.callbacks,
        xruns,
        callback_us: CallbackTimes {
            median: callbacks.median_micros,
            p99: callbacks.p99_micros,
            p999: callbacks.p999_micros,
            max: callbacks.max_micros,
            budget: info.rate.seconds(Frame::from(info.block_frames)) * 1.0e6,
        },
        isolated: summary.isolated.iter().map(isolation_report).collect(),
        record_gaps: recording.iter().flat_map(|r| &r.gaps).map(gap_report).collect(),
        log: log.map(log_report),
        record_lost_frames: recording.as_ref().map_or(0, |r| r.lost_frames),
        transport: transport_report(&summary.snapshot.transport),
        scheduler: callbacks.scheduling.to_string(),
        stopped_by: stopped_by.to_owned(),
        actors: actors.iter().map(ActorLine::of).collect(),
    };
    let said = if arguments.json {
        super::print_json(&report)
    } else {
        super::tell(report.to_string().trim_end());
        Ok(())
    };
    match recording.and_then(|r| r.error) {
        Some(error) => Err(error.into()),
        None => said,
    }
}

/// Goes to the beginning of a bar, counted from the one the song stands in.
fn go_bars(live: &mut Live, bars: i64) {
    let bar = i64::from(live.snapshot().transport.bar) - 1 + bars;
    let beats = bar.max(0) as u64 * u64::from(live.rig().transport.beats_per_bar);
    live.transport(Order::Locate(Beats(beats << 32)));
}

fn transport_report(view: &TransportView) -> TransportReport {
    TransportReport {
        state: view.state.name().to_owned(),
        counts_in: view.counts_in,
        bar: view.bar,
        beat: view.beat,
        // What nobody set finer than this is rounding.
        tempo_bpm: (view.tempo.beats_per_minute() * 1.0e6).round() / 1.0e6,
        clock: view.lock.name().to_owned(),
        clock_losses: view.clock_losses,
    }
}

fn log_report(log: LogSummary) -> LogReport {
    let LogSummary { path, frames, bytes, lost_records, error, is_wanted: _ } = log;
    LogReport { path: path.map(|path| path.display().to_string()), frames, bytes, lost_records, error }
}

fn gap_report(gap: &RecordGap) -> GapReport {
    GapReport { path: gap.path.display().to_string(), at_frame: gap.at_frame, frames: gap.frames }
}

fn isolation_report(record: &IsolationRecord) -> IsolationReport {
    IsolationReport {
        actor: record.actor.clone(),
        workers: record.workers,
        missed_blocks: record.missed,
        abandoned: record.abandoned,
    }
}
