use std::path::PathBuf;

use super::ActorState;
use crate::device::audio::{AudioRequest, CallbackReport, StreamInfo};
use crate::engine::{Injection, LogSummary, Mending, NamedScore, Summary};
use crate::journal::RecordSummary;
use crate::rig::Rig;
use crate::stage::Kinds;
use crate::unit::Frame;

/// What to play, and on what.
pub struct Job {
    /// The rig, checked.
    pub rig: Rig,
    /// MIDI files, from the first frame on.
    pub scores: Vec<NamedScore>,
    /// Where there is nothing to play on, this plays, over and over, until
    /// somebody does.
    pub demo: Option<crate::midi::file::Score>,
    /// The scene to go to at the first frame.
    pub scene: Option<String>,
    /// The device; its rate, block and channels are filled in from the rig.
    pub request: AudioRequest,
    /// Records what is played.
    pub record: Option<PathBuf>,
    /// Logs what comes in, to be played again.
    pub log: Option<PathBuf>,
    /// Where the black box is, which the rig may want none of; beside it a copy is
    /// kept of what came before each fault.
    pub black_box: Option<PathBuf>,
    /// Plays for so long, counted in frames.
    pub seconds: Option<f64>,
    /// Faults to happen on purpose.
    pub injections: Vec<Injection>,
    /// The rig's file, to be loaded again when it is saved.
    pub watch: Option<Watched>,
    /// How stages that fail are brought back.
    pub mending: Mending,
}

/// A rig's file, and the kinds that it may name.
pub struct Watched {
    /// The file.
    pub path: PathBuf,
    /// The kinds.
    pub kinds: Kinds,
}

/// How a recording stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recording {
    /// The file.
    pub path: PathBuf,
    /// Frames in it.
    pub frames: Frame,
    /// Frames that a slow or failing disk cost.
    pub lost_frames: Frame,
    /// Whether the disk takes nothing now.
    pub failed: bool,
}

/// What came of it.
pub struct Played {
    /// The driver at the end.
    pub info: StreamInfo,
    /// Counts and faults.
    pub summary: Summary,
    /// Frames played; the few in which the last notes end after the time was
    /// over are not counted, nor recorded.
    pub frames: Frame,
    /// How long callbacks took.
    pub callbacks: CallbackReport,
    /// Periods the devices missed.
    pub xruns: u64,
    /// The recording, if there was one.
    pub recording: Option<RecordSummary>,
    /// The log, if there was one.
    pub log: Option<LogSummary>,
    /// The actors at the end, parents first.
    pub actors: Vec<ActorState>,
}
