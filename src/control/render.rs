use std::sync::Arc;

use super::arguments::RenderArguments;
use super::files::{fix_tempo, known_scene, load_rig, load_scores, named_wavs};
use super::progress::Progress;
use super::report::{
    ClipReport, EdgeReport, FaultReport, GeneratorReport, RenderReport, RunReport, SceneReport, simd,
};
use crate::engine::generation::OnDemand;
use crate::engine::offline::{self, Job};
use crate::engine::{Error, Summary, Workshop};
use crate::stage::Kinds;
use crate::unit::{Frame, SampleRate};

const BLOCK_FRAMES: u32 = 512;

/// `antiphon render`.
///
/// # Errors
/// [`Error`], of which nothing has been printed yet.
pub fn render(arguments: &RenderArguments, kinds: &Kinds) -> Result<(), Error> {
    let mut rig = load_rig(arguments.rig.as_deref(), kinds)?;
    fix_tempo(&mut rig, arguments.tempo.as_deref())?;
    if let Some(scene) = &arguments.scene {
        known_scene(&rig, scene)?;
    }
    let rate = arguments.rate.or(rig.engine.rate).unwrap_or(SampleRate::DEFAULT);
    let block_frames = arguments.block.or(rig.engine.block_frames).unwrap_or(BLOCK_FRAMES);
    let job = Job {
        rig,
        scores: load_scores(&arguments.midi)?,
        audio: named_wavs(&arguments.audio)?,
        out: arguments.out.clone(),
        stems: arguments.stems.clone(),
        midi_out: arguments.midi_out.clone(),
        rate,
        block_frames: block_frames as usize,
        bits: arguments.bits,
        length: arguments.seconds.map(|seconds| rate.frames(seconds)),
        tail: arguments.tail.map(|seconds| rate.frames(seconds)),
        seed: arguments.seed,
        scene: arguments.scene.clone(),
        injections: arguments.inject.clone(),
    };
    let mut progress = None;
    let workshop = Workshop::new(Arc::new(OnDemand::new(arguments.config.clone())));
    let rendered = offline::render_with(job, workshop, |frame, expected| {
        progress
            .get_or_insert_with(|| Progress::start(Some(expected), rate, !arguments.json))
            .advance_to(frame);
    });
    if let Some(progress) = progress {
        progress.finish();
    }
    let rendered = rendered?;
    let seconds = rate.seconds(rendered.frames);
    let report = RenderReport {
        path: arguments.out.display().to_string(),
        run: run_report(&rendered.summary, rate, block_frames, rendered.frames),
        realtime_factor: seconds / rendered.elapsed_seconds.max(1.0e-9),
    };
    if arguments.json {
        if let Some(faults) = faults_line(&rendered.summary, rate) {
            super::tell(&faults);
        }
        super::print_json(&report)?;
    } else {
        super::tell(report.to_string().trim_end());
    }
    Ok(())
}

/// What failed, in a line for whoever watches; nothing where nothing did.
fn faults_line(summary: &Summary, rate: SampleRate) -> Option<String> {
    let first = summary.faults.first()?;
    let more = match summary.faults.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let (actor, kind, seconds) = (&first.actor, first.kind.name(), rate.seconds(first.frame));
    Some(format!("antiphon: `{actor}` failed ({kind}) at {seconds:.3} s{more}; the render went on"))
}

/// What a summary comes to in a report.
pub(super) fn run_report(summary: &Summary, rate: SampleRate, block_frames: u32, frames: Frame) -> RunReport {
    let snapshot = &summary.snapshot;
    RunReport {
        rate_hertz: rate.hertz(),
        block_frames,
        frames,
        seconds: rate.seconds(frames),
        edges: summary
            .edges
            .iter()
            .map(|e| EdgeReport { from: e.from.clone(), to: e.to.clone(), late: e.late, dropped: e.dropped })
            .collect(),
        late_events: snapshot.late_events,
        dropped_events: snapshot.dropped_events,
        faults: summary
            .faults
            .iter()
            .map(|f| FaultReport {
                actor: f.actor.clone(),
                kind: f.kind.name().to_owned(),
                frame: f.frame,
                place: f.place.clone(),
                message: f.message.clone(),
            })
            .collect(),
        scenes: summary
            .scenes
            .iter()
            .map(|scene| SceneReport { name: scene.name.clone(), frame: scene.frame })
            .collect(),
        generators: summary.generators.iter().map(GeneratorReport::of).collect(),
        clips: summary.clips.iter().map(ClipReport::of).collect(),
        restarts: summary.restarts,
        quarantined: summary.quarantined.clone(),
        rt_violations: summary.rt_violations,
        fault_allocations: summary.fault_allocations,
        limited_frames: snapshot.limited_frames,
        peak_voices: snapshot.peak_voices,
        simd: simd(),
    }
}
