use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use super::nap::nap;
use super::{AudioDriver, AudioRequest, Callback, DriverError, DriverFault, JackMidiPort, StreamInfo};
use crate::render::Silence;
use crate::unit::{HostTime, SampleRate};

/// Frames of a period where nothing was asked for.
const DEFAULT_BLOCK_FRAMES: u32 = 256;
/// The longest period: half a second at the slowest rate.
const MAX_BLOCK_FRAMES: u32 = 4_096;
/// How many periods a late clock makes good at once; what is later than that
/// is an xrun, as at a device.
const CATCH_UP_BLOCKS: u64 = 8;
/// A clock this late is none that only waited for its turn on a busy machine.
const CATCH_UP_NANOS: u64 = 50_000_000;
/// The longest sleep between two looks at the stop flag.
const NAP_NANOS: u64 = 50_000_000;

/// No device: a thread that renders a period whenever the clock says that the
/// one before would have been played.
pub(super) struct NullClock {
    info: StreamInfo,
    stopping: Arc<AtomicBool>,
    xruns: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl NullClock {
    pub(super) fn open(request: &AudioRequest) -> NullClock {
        let rate = request.rate.unwrap_or(SampleRate::DEFAULT);
        let block_frames = request.block_frames.unwrap_or(DEFAULT_BLOCK_FRAMES).clamp(1, MAX_BLOCK_FRAMES);
        NullClock {
            info: StreamInfo {
                driver: "null",
                device: "null clock".to_owned(),
                rate,
                device_rate: rate,
                block_frames,
                latency_frames: block_frames,
                output_channels: request.output_channels.max(2),
                input_channels: request.input_channels,
            },
            stopping: Arc::new(AtomicBool::new(false)),
            xruns: Arc::new(AtomicU64::new(0)),
            thread: None,
        }
    }
}

impl AudioDriver for NullClock {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn start(&mut self, mut callback: Callback, _jack_midi: Vec<JackMidiPort>) -> Result<(), DriverError> {
        self.stop();
        self.stopping = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&self.stopping);
        let xruns = Arc::clone(&self.xruns);
        let mut pace = Pace::new(self.info.rate, self.info.block_frames);
        let frames = self.info.block_frames as usize;
        let mut ports = Silence { output_channels: usize::from(self.info.output_channels) };
        let body = move || {
            pace.begin(HostTime::now());
            while !stopping.load(Relaxed) {
                let deadline = pace.deadline();
                if !wait_until(deadline, &stopping) {
                    break;
                }
                callback.expect_at(deadline);
                if pace.wake(HostTime::now()) {
                    xruns.fetch_add(1, Relaxed);
                }
                callback.run(frames, &mut ports);
            }
        };
        let spawned = std::thread::Builder::new().name("antiphon-null".to_owned()).spawn(body);
        self.thread = Some(spawned.map_err(|error| DriverError::Unavailable {
            driver: "null",
            reason: error.to_string(),
            advice: "the system allows this user no more threads",
        })?);
        Ok(())
    }

    fn fault(&self) -> Option<DriverFault> {
        None
    }

    fn xruns(&self) -> u64 {
        self.xruns.load(Relaxed)
    }

    fn stop(&mut self) {
        self.stopping.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // The loop looks at the flag every 50 ms and catches panics.
            let _ = thread.join();
        }
    }
}

impl Drop for NullClock {
    fn drop(&mut self) {
        self.stop();
    }
}

/// When each period is due: absolute, so that nothing adds up.
struct Pace {
    rate_hertz: u64,
    block_frames: u64,
    begin_nanos: u64,
    blocks: u64,
}

impl Pace {
    fn new(rate: SampleRate, block_frames: u32) -> Pace {
        Pace {
            rate_hertz: u64::from(rate.hertz()),
            block_frames: u64::from(block_frames),
            begin_nanos: 0,
            blocks: 0,
        }
    }

    fn begin(&mut self, now: HostTime) {
        (self.begin_nanos, self.blocks) = (now.nanos(), 0);
    }

    fn nanos_of(&self, blocks: u64) -> u64 {
        let frames = u128::from(blocks) * u128::from(self.block_frames);
        (frames * 1_000_000_000 / u128::from(self.rate_hertz)) as u64
    }

    fn deadline(&self) -> HostTime {
        HostTime(self.begin_nanos + self.nanos_of(self.blocks))
    }

    /// Counts the period that begins now; `true` where the clock was so late
    /// that periods were lost.
    fn wake(&mut self, now: HostTime) -> bool {
        let late_nanos = now.since(self.deadline());
        let lost = late_nanos > self.nanos_of(CATCH_UP_BLOCKS).max(CATCH_UP_NANOS);
        if lost {
            self.begin(now);
        }
        self.blocks += 1;
        lost
    }
}

/// Sleeps until then; `false` where it was told to stop.
fn wait_until(deadline: HostTime, stopping: &AtomicBool) -> bool {
    loop {
        let remaining_nanos = deadline.since(HostTime::now());
        if remaining_nanos == 0 {
            return true;
        }
        if stopping.load(Relaxed) {
            return false;
        }
        nap(remaining_nanos.min(NAP_NANOS));
    }
}

#[cfg(test)]
mod tests {
    use super::super::CallbackStats;
    use super::*;
    use crate::rt::baton::Baton;

    #[test]
    fn deadlines_do_not_drift() {
        let mut pace = Pace::new(SampleRate::new(44_100).expect("in range"), 64);
        pace.begin(HostTime(5));
        for _ in 0..44_100 {
            assert!(!pace.wake(pace.deadline()));
        }
        assert_eq!(pace.deadline(), HostTime(5 + 64_000_000_000));
    }

    #[test]
    fn a_late_clock_catches_up_and_a_stalled_one_counts_an_xrun() {
        let mut pace = Pace::new(SampleRate::DEFAULT, 480);
        pace.begin(HostTime(0));
        assert!(!pace.wake(HostTime(79_000_000)));
        assert_eq!(pace.deadline(), HostTime(10_000_000));
        assert!(pace.wake(HostTime(2_000_000_000)));
        assert_eq!(pace.deadline(), HostTime(2_010_000_000));
    }

    #[test]
    fn it_runs_by_the_clock_and_stops_when_told() {
        let request = AudioRequest { block_frames: Some(64), ..AudioRequest::default() };
        let mut clock = NullClock::open(&request);
        let stats = Arc::new(CallbackStats::new(clock.info().rate));
        let begin = HostTime::now();
        clock.start(Callback::new(Arc::new(Baton::empty()), Arc::clone(&stats)), Vec::new()).expect("starts");
        while stats.callbacks() < 150 {
            std::thread::yield_now();
        }
        let lasted = HostTime::now().since(begin);
        clock.stop();
        // 149 periods of 1.33 ms; an early clock would be wrong on any machine.
        assert!(lasted >= 149 * 64 * 1_000_000_000 / 48_000, "{lasted}");
        let after = stats.callbacks();
        std::thread::yield_now();
        assert_eq!(stats.callbacks(), after);
    }
}
