//! How long it takes for sound and keys to go round on the user's own gear, and
//! who takes how much of it.

mod audio;
mod budget;
mod ends;
mod key;
mod midi;

use super::Run;
use crate::engine::Error;
use ends::Ends;

/// A part of the measurement, with the ends that were named for it.
type Part = fn(&mut Run, &Ends) -> Result<(), Error>;

/// The parts in the order in which they are measured, each with the path in the report
/// where it says why there is no figure. The budget comes last: it adds up what
/// the others found.
const PARTS: &[(&str, Part)] = &[
    ("latency.audio", audio::measure),
    ("latency.midi", midi::measure),
    ("latency.key_to_sound_ms", key::measure),
    ("latency.budget", budget::measure),
];

/// Measures each part; one that fails does not keep the others from it.
pub(super) fn measure(run: &mut Run) -> Result<(), Error> {
    let ends = Ends::of(&run.settings)?;
    for (path, part) in PARTS {
        if run.is_stopped() {
            run.missing(path, "stopped before its turn");
        } else if let Err(error) = part(run, &ends) {
            run.failed(path, error);
        }
    }
    Ok(())
}
