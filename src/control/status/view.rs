use crate::control::report::{TransportReport, device_name};

/// What the display shows, as plain data: the engine fills it from its snapshots.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct StatusView {
    /// The rig's name.
    pub rig: String,
    /// The driver: `jack`, `alsa`, `null`, ….
    pub driver: String,
    /// The device's name, as the driver calls it.
    pub device: String,
    /// Frames per second.
    pub rate_hertz: u32,
    /// Frames in a callback.
    pub block_frames: u32,
    /// From a key to its sound, as far as the driver knows, in seconds.
    pub latency_seconds: f64,
    /// The scheduling class that the callback thread really got.
    pub scheduler: String,
    /// Proportion of the callback's time that is used; 1 is an xrun.
    pub load: f32,
    /// The peak of each output channel since the last view, linear; 1 is 0 dBFS.
    pub peaks: Vec<f32>,
    /// The master level, in dB.
    pub master_decibels: f32,
    /// Frames in which the master limiter worked, so far.
    pub limited_frames: u64,
    /// Voices that sound.
    pub voices: u32,
    /// Callbacks that came too late or took too long, so far.
    pub xruns: u64,
    /// MIDI events that came after their frame, so far.
    pub late_events: u64,
    /// MIDI events lost, so far.
    pub dropped_events: u64,
    /// Actors that were silenced by a fault, so far.
    pub faults: u64,
    /// Allocations or frees in the callback, so far.
    pub rt_violations: u64,
    /// The MIDI gear that the rig names.
    pub gear: Vec<GearView>,
    /// The transport.
    pub transport: TransportReport,
    /// The scene that is played, where the rig has any.
    pub scene: Option<SceneView>,
    /// What a control moved last, and where to.
    pub moved: Option<String>,
    /// Time played, in seconds of the engine's frames.
    pub seconds: f64,
    /// The recording, if there is one.
    pub recording: Option<RecordView>,
}

/// The scene that is played.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct SceneView {
    /// Its name.
    pub name: String,
    /// Its place in the set list, from 1, and how many places there are.
    pub place: Option<(usize, usize)>,
    /// What comes next.
    pub next: Option<String>,
}

/// One piece of gear.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct GearView {
    /// Its name in the rig.
    pub name: String,
    /// The port that it is connected to; `None` while it is waited for.
    pub port: Option<String>,
    /// Whether notes go to it rather than come from it.
    pub is_output: bool,
}

/// The recording under way.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct RecordView {
    /// Where to.
    pub path: String,
    /// How long it is, in seconds.
    pub seconds: f64,
    /// Frames lost to a slow disk, so far.
    pub lost_frames: u64,
    /// Whether an error ended it.
    pub failed: bool,
}

impl StatusView {
    pub(super) fn device_name(&self) -> String {
        device_name(&self.driver, &self.device)
    }
}

/// h:mm:ss, or m:ss below an hour.
pub(super) fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") }
}

/// Milliseconds with one decimal.
pub(super) fn milliseconds(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1_000.0)
}
