//! How clips fared that play from a disk.

use serde::Serialize;

use crate::engine::ClipRecord;

/// A clip of the rig that plays from a disk.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct ClipReport {
    /// How often the disk was late, so that the clip faded out and came back in its place.
    pub underruns: u64,
    /// Frames that were faded or silent for that.
    pub lost_frames: u64,
    /// How much memory its sound took, at most.
    pub memory_bytes: u64,
}

impl ClipReport {
    /// Under its name.
    pub(in crate::control) fn of(record: &ClipRecord) -> (String, ClipReport) {
        let ClipRecord { clip, underruns, lost_frames, memory_bytes } = record.clone();
        (clip, ClipReport { underruns, lost_frames, memory_bytes })
    }
}
