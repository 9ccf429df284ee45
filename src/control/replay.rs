use std::sync::Arc;

use super::arguments::ReplayArguments;
use super::progress::Progress;
use super::render::run_report;
use super::report::ReplayReport;
use crate::engine::generation::OnDemand;
use crate::engine::replay::{self, Job};
use crate::engine::{Error, Workshop};
use crate::stage::Kinds;

/// `antiphon replay`.
///
/// # Errors
/// [`Error`], of which nothing has been printed yet.
pub fn replay(arguments: &ReplayArguments, kinds: &Kinds) -> Result<(), Error> {
    let job = Job {
        log: arguments.log.clone(),
        out: arguments.out.clone(),
        stems: arguments.stems.clone(),
        midi_out: arguments.midi_out.clone(),
        bits: arguments.bits,
        kinds: kinds.clone(),
    };
    let mut progress = None;
    let workshop = Workshop::new(Arc::new(OnDemand::new(arguments.config.clone())));
    let replayed = replay::replay_with(&job, workshop, |frame, expected, rate| {
        progress
            .get_or_insert_with(|| Progress::start(Some(expected), rate, !arguments.json))
            .advance_to(frame);
    });
    if let Some(progress) = progress {
        progress.finish();
    }
    let replayed = replayed?;
    let (rate, extent) = (replayed.rate, replayed.extent);
    let report = ReplayReport {
        path: arguments.out.display().to_string(),
        log: arguments.log.display().to_string(),
        run: run_report(&replayed.summary, rate, replayed.block_frames, replayed.frames),
        realtime_factor: rate.seconds(replayed.frames) / replayed.elapsed_seconds.max(1.0e-9),
        breaks_off: extent.breaks_off,
        foreign: extent.is_foreign,
    };
    if arguments.json {
        super::print_json(&report)?;
    } else {
        super::tell(report.to_string().trim_end());
    }
    Ok(())
}
