use std::path::PathBuf;
use std::sync::Arc;

use super::streams::ClipRecord;
use super::supplier::GeneratorRecord;
use crate::render::{CableCount, FaultKind, Snapshot};
use crate::unit::Frame;

/// Faults that are told one by one; later ones are only counted.
pub(super) const FAULTS_KEPT: usize = 10_000;

/// Changes of scene that are told one by one; later ones are not.
pub(super) const SCENES_KEPT: usize = 10_000;

/// A processor that failed, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultRecord {
    /// The actor's name in the rig.
    pub actor: String,
    /// How it failed.
    pub kind: FaultKind,
    /// The frame from which it was silenced.
    pub frame: Frame,
    /// Where in the source it panicked, `FILE:LINE`.
    pub place: Option<String>,
    /// What it said when it panicked.
    pub message: Option<String>,
}

/// A scene that was come to, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SceneRecord {
    /// Its name.
    pub name: String,
    /// The frame from which it was played.
    pub frame: Frame,
}

/// What a MIDI cable lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CableLoss {
    /// Where it comes from.
    pub from: String,
    /// Where it goes.
    pub to: String,
    /// Events that came after their frame.
    pub late: u64,
    /// Events it lost.
    pub dropped: u64,
}

impl CableLoss {
    pub(super) fn of((from, to, count): (&str, &str, &Arc<CableCount>)) -> CableLoss {
        CableLoss { from: from.to_owned(), to: to.to_owned(), late: count.late(), dropped: count.dropped() }
    }
}

/// How an isolated actor fared with its workers.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct IsolationRecord {
    /// The actor's name in the rig.
    pub actor: String,
    /// Workers it had, one after the other; 0 where it could not be isolated.
    pub workers: u64,
    /// Blocks for which it was not back in time.
    pub missed: u64,
    /// Workers that were given up.
    pub abandoned: u64,
}

/// What a log came to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LogSummary {
    /// Somebody asked for one; there may be a black box only.
    pub is_wanted: bool,
    /// The file; `None` where it broke off.
    pub path: Option<PathBuf>,
    /// Frames that it holds.
    pub frames: Frame,
    /// Its length in bytes.
    pub bytes: u64,
    /// Records that found no room: it cannot be played beyond the first of them.
    pub lost_records: u64,
    /// Why its end is missing, if it is.
    pub error: Option<String>,
}

/// What happened in a run, live or offline.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The Renderer's own counts.
    pub snapshot: Snapshot,
    /// Each MIDI cable's losses.
    pub edges: Vec<CableLoss>,
    /// Faults of processors, the first ten thousand.
    pub faults: Vec<FaultRecord>,
    /// The scenes, as they were come to: the first ten thousand.
    pub scenes: Vec<SceneRecord>,
    /// How the rig's generators stand.
    pub generators: Vec<GeneratorRecord>,
    /// How the clips fare that play from a disk.
    pub clips: Vec<ClipRecord>,
    /// Processors built anew after a fault.
    pub restarts: u64,
    /// Actors that failed too often, and are silent until they are tried again.
    pub quarantined: Vec<String>,
    /// Actors that play on threads of their own.
    pub isolated: Vec<IsolationRecord>,
    /// Allocations and frees inside the callback.
    pub rt_violations: u64,
    /// Allocations and frees of unwinding.
    pub fault_allocations: u64,
}
