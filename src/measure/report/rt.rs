use serde::{Deserialize, Serialize};

use super::Histogram;

/// What the callback takes under load.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rt {
    /// How long callbacks took, in microseconds.
    pub callback_us: Option<Callback>,
    /// How late a bare timer thread of the same priority woke meanwhile, in
    /// microseconds: the machine's own limit.
    pub wakeup_us: Option<Lateness>,
    /// How late callbacks came, in microseconds, where the driver goes by a clock.
    pub lateness_us: Option<Lateness>,
    /// Periods that were missed, and callbacks beyond their budget.
    pub xruns: Option<u64>,
    /// Allocations and frees of the engine's own inside the callback.
    pub violations: Option<u64>,
    /// The most voices that held for the whole time at this block.
    pub max_voices: Option<u32>,
    /// The shortest block that held for the whole time with the load below.
    pub min_block_frames: Option<u32>,
    /// What was played.
    pub load: Option<Load>,
    /// Callbacks that were measured.
    pub callbacks: u64,
    /// What the callback's thread really ran as.
    pub scheduler: Option<String>,
    /// Waits for memory, of the callback's thread.
    pub page_faults: Option<PageFaults>,
    /// How often the callback's thread left its processor.
    pub context_switches: Option<ContextSwitches>,
    /// How often a callback took how long.
    pub histogram: Option<Histogram>,
    /// How often the bare thread was how late.
    pub wakeup_histogram: Option<Histogram>,
    /// Each second of it.
    pub timeline: Vec<Second>,
    /// The driver.
    pub driver: Option<String>,
    /// Its device.
    pub device: Option<String>,
    /// Frames per second.
    pub rate_hertz: Option<u32>,
    /// Frames of a callback.
    pub block_frames: Option<u32>,
}

/// How long callbacks took, in microseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Callback {
    /// Half took no longer.
    pub median: f64,
    /// 99 % took no longer.
    pub p99: f64,
    /// 99.9 % took no longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
    /// What one may take.
    pub budget: f64,
}

/// How late a thread woke, in microseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lateness {
    /// Half were no later.
    pub median: f64,
    /// 99 % were no later.
    pub p99: f64,
    /// 99.9 % were no later.
    pub p999: f64,
    /// The latest.
    pub max: f64,
}

/// What was played.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Load {
    /// Voices that sounded at once.
    pub voices: u32,
    /// Stages behind them.
    pub stages: u32,
    /// Threads that kept the processors busy on purpose.
    pub busy_threads: u32,
    /// How long.
    pub seconds: f64,
}

/// Waits for memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PageFaults {
    /// Without the disk.
    pub minor: u64,
    /// With the disk.
    pub major: u64,
}

/// How often a thread left its processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContextSwitches {
    /// Because it had nothing to do.
    pub voluntary: u64,
    /// Because somebody else had more right to it.
    pub involuntary: u64,
}

/// One second under load.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Second {
    /// Since the begin.
    pub second: f64,
    /// Periods missed in it.
    pub xruns: u64,
    /// The longest callback in it, in microseconds.
    pub max_us: f64,
    /// The share of the budget that callbacks took, from 0 to 1.
    pub load: f64,
}
