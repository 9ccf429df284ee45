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
    /// Frames that they were for.
    pub frames: u64,
    /// Callbacks that came and went without being seen, because the machine kept
    /// whoever counts them waiting.
    pub unseen_callbacks: u64,
    /// Where the driver goes by a clock: callbacks that ended later than a period
    /// after they were due. A device without a second buffer drops out then.
    pub missed_deadlines: Option<u64>,
    /// Instruments and stages that failed meanwhile.
    pub faults: Option<u64>,
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
    /// How often callbacks came how late, where the driver goes by a clock.
    pub lateness_histogram: Option<Histogram>,
    /// What `cyclictest` says of the same machine in the same minutes, at the same
    /// priority, in microseconds: the median of its runs.
    pub cyclictest_us: Option<Lateness>,
    /// The callback's lateness held against `cyclictest`'s.
    pub lateness_bound: Option<LatenessBound>,
    /// The same load with nothing else to do for the processors.
    pub without_pressure: Option<WithoutPressure>,
    /// Loads that were tried, one after the other.
    pub trials: Vec<Trial>,
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

/// How late callbacks of the null clock may come, by what an independent program says
/// of the machine: 1.5 × its p99, and the callback's own p99, and 50 µs. Each figure
/// is the median of several runs that took turns, in microseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LatenessBound {
    /// Runs of each.
    pub rounds: u32,
    /// 99 % of the callbacks came no later.
    pub lateness_p99: f64,
    /// 99 % of the bare thread's wake-ups were no later.
    pub wakeup_p99: f64,
    /// 99 % of `cyclictest`'s wake-ups were no later.
    pub cyclictest_p99: f64,
    /// 99 % of the callbacks took no longer.
    pub callback_p99: f64,
    /// What comes of it.
    pub bound: f64,
    /// Whether callbacks came no later than that.
    pub holds: bool,
}

/// The same load on a machine that has nothing else to do.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct WithoutPressure {
    /// How long callbacks took, in microseconds.
    pub callback_us: Callback,
    /// How late they came, in microseconds, where the driver goes by a clock.
    pub lateness_us: Option<Lateness>,
    /// Periods that were missed, and callbacks beyond their budget.
    pub xruns: u64,
    /// How long.
    pub seconds: f64,
}

/// A load that was tried.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Trial {
    /// Voices.
    pub voices: u32,
    /// Frames of a callback, as the driver gave them.
    pub block_frames: u32,
    /// How long, or how long until it did not hold.
    pub seconds: f64,
    /// Periods that were missed, and callbacks beyond their budget.
    pub xruns: u64,
    /// Where the driver goes by a clock: callbacks that ended later than a period after
    /// they were due. They do not count against it.
    pub missed_deadlines: Option<u64>,
    /// 99.9 % of the callbacks took no longer, in microseconds.
    pub p999_us: f64,
    /// Whether all voices sounded and nothing was missed.
    pub holds: bool,
}

/// What was played.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Load {
    /// Voices that sounded at once: the fewest that were seen.
    pub voices: u32,
    /// Voices that were asked for.
    pub asked_voices: u32,
    /// Instruments that share them.
    pub instruments: u32,
    /// Stages behind them.
    pub stages: u32,
    /// What they play.
    pub sound: String,
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
