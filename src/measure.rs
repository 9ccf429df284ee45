//! Measurements of this engine on this machine: what `antiphon bench` runs, the
//! report it makes of them, and what changed since an older report.
//!
//! A measurement is a function that takes a [`Run`], measures until it is done or
//! told to stop, and writes what it found into the run's [`Report`]. All of this
//! is the control world's.

mod actors;
pub mod bootstrap;
pub mod compare;
mod conditions;
pub mod html;
mod latency;
pub mod machine;
pub mod midi;
mod own_time;
pub mod reference;
mod render;
pub mod report;
mod rings;
pub mod rt;
mod run;
pub mod signal;
mod soak;
mod stand;
pub mod statistics;
pub mod summary;
mod timing;

pub use compare::Comparison;
pub use machine::Machine;
pub use report::Report;
pub use run::{Link, Run, Settings, Stop, Watch};

use crate::engine::Error;

/// Something that can be measured.
pub struct Measurement {
    /// Its name on the command line and in the report.
    pub name: &'static str,
    /// What it tells, in a line.
    pub about: &'static str,
    /// Whether it runs where nothing was named.
    pub by_default: bool,
    measure: fn(&mut Run) -> Result<(), Error>,
}

/// All that can be measured, in the order in which it is.
pub const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "latency",
        about: "how long sound and keys take to go round, and who takes how much of it",
        by_default: true,
        measure: latency::measure,
    },
    Measurement {
        name: "rt",
        about: "what the callback takes under load, and the most voices and the shortest block that hold",
        by_default: true,
        measure: rt::measure,
    },
    Measurement {
        name: "render",
        about: "how fast it renders, and what each part of a rig costs",
        by_default: true,
        measure: render::measure,
    },
    Measurement {
        name: "rings",
        about: "what the doors between the worlds cost",
        by_default: true,
        measure: rings::measure,
    },
    Measurement {
        name: "actors",
        about: "what messages between actors cost",
        by_default: true,
        measure: actors::measure,
    },
    Measurement {
        name: "midi",
        about: "what MIDI costs, and whether it is in time",
        by_default: true,
        measure: midi::measure,
    },
    Measurement {
        name: "soak",
        about: "what hours with faults come to: memory, clocks, xruns, notes",
        by_default: false,
        measure: soak::measure,
    },
];

/// Why there is no figure of a measurement that was not named.
const NOT_ASKED: &str = "not asked for";

/// Measures what is named, one after the other; what is not measured stands in
/// the report with its reason. A measurement that fails says why there and does
/// not end the others.
pub fn measure(names: &[&str], run: &mut Run) {
    for measurement in MEASUREMENTS {
        if !names.contains(&measurement.name) {
            run.missing(measurement.name, NOT_ASKED);
        } else if run.is_stopped() {
            run.missing(measurement.name, "stopped before its turn");
        } else {
            run.begin(measurement.name);
            if let Err(error) = run.under_conditions(measurement.name, measurement.measure) {
                run.failed(measurement.name, error);
            }
        }
    }
    run.finish();
}
