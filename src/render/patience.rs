use std::sync::Arc;

use super::chaos::Clock;
use crate::rt::pulse::Pulse;
use crate::unit::{HostTime, SampleRate};

/// The share of a block's time in which all must be done that others wait for.
const SHARE: f64 = 0.75;
/// However much is still to be done, this share is there to wait in.
const LEAST_SHARE: f64 = 0.125;
/// How fast the measure of a frame's own work follows.
const SMOOTHING: f64 = 1.0 / 16.0;
/// Looks between two at the clock.
const SPINS: u32 = 16;

/// How long a callback may wait for workers, so that what is left to do after
/// them still fits into its block. Real-time: yes.
pub(super) struct Patience {
    pulse: Arc<Pulse>,
    rate: SampleRate,
    /// Calls with a clock so far.
    block: u64,
    call: Option<Call>,
    /// What a frame costs, waiting apart.
    frame_nanos: f64,
}

struct Call {
    clock: Clock,
    entry: HostTime,
    frames: usize,
    left: usize,
    waited_nanos: u64,
}

impl Patience {
    /// Real-time: no (allocates).
    pub(super) fn new(rate: SampleRate) -> Patience {
        Patience { pulse: Arc::new(Pulse::new()), rate, block: 0, call: None, frame_nanos: 0.0 }
    }

    pub(super) fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// A call of so many frames begins; without a clock nobody waits in it.
    pub(super) fn begin(&mut self, entry: Option<HostTime>, clock: Option<Clock>, frames: usize) {
        self.call = None;
        if let (Some(entry), Some(clock)) = (entry, clock) {
            self.block += 1;
            self.pulse.begin(entry, self.nanos(frames) as u64);
            self.call = Some(Call { clock, entry, frames, left: frames, waited_nanos: 0 });
        }
    }

    /// A piece of so many frames begins.
    pub(super) fn begin_piece(&mut self, length: usize) {
        if let Some(call) = &mut self.call {
            call.left = call.left.saturating_sub(length);
        }
    }

    pub(super) fn end(&mut self) {
        let Some(call) = self.call.take() else { return };
        self.pulse.end();
        if call.frames > 0 {
            let own = (call.clock)().since(call.entry).saturating_sub(call.waited_nanos);
            self.frame_nanos += SMOOTHING * (own as f64 / call.frames as f64 - self.frame_nanos);
        }
    }

    /// The number of this call.
    pub(super) fn block(&self) -> u64 {
        self.block
    }

    /// Looks again and again until there is something, or the time is over.
    pub(super) fn wait<T>(&mut self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        if let Some(there) = look() {
            return Some(there);
        }
        let limit = self.limit();
        let call = self.call.as_mut()?;
        let begin = (call.clock)();
        let mut now = begin;
        let mut found = None;
        while now < limit && found.is_none() {
            for _ in 0..SPINS {
                found = look();
                if found.is_some() {
                    break;
                }
                std::hint::spin_loop();
            }
            now = (call.clock)();
        }
        call.waited_nanos += now.since(begin);
        found
    }

    /// Until when may be waited, that the frames after this piece can still be rendered.
    fn limit(&self) -> HostTime {
        let Some(call) = &self.call else { return HostTime(0) };
        let period = self.nanos(call.frames);
        let reserved = self.frame_nanos * call.left as f64;
        let nanos = (SHARE * period - reserved).max(LEAST_SHARE * period);
        HostTime(call.entry.nanos() + nanos as u64)
    }

    fn nanos(&self, frames: usize) -> f64 {
        frames as f64 * 1.0e9 / f64::from(self.rate.hertz())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    static NOW: AtomicU64 = AtomicU64::new(0);

    /// Each look at this clock takes a microsecond.
    fn clock() -> HostTime {
        HostTime(NOW.fetch_add(1_000, Ordering::Relaxed))
    }

    #[test]
    fn it_waits_no_longer_than_leaves_time_for_the_rest() {
        let mut patience = Patience::new(SampleRate::DEFAULT);
        let mut block = |work: u64, wait: bool| {
            let entry = HostTime(NOW.load(Ordering::Relaxed));
            patience.begin(Some(entry), Some(clock), 480);
            patience.begin_piece(32);
            let found: Option<()> = if wait { patience.wait(|| None) } else { Some(()) };
            let waited = NOW.load(Ordering::Relaxed) - entry.nanos();
            NOW.fetch_add(work, Ordering::Relaxed);
            patience.end();
            (found.is_none() && wait, waited / 1_000)
        };
        // 10 ms, of which three quarters: nothing else is known to be done.
        assert!(matches!(block(0, true), (true, 7_500..7_520)));
        // From now on the rest takes 4 ms.
        for _ in 0..200 {
            block(4_000_000, false);
        }
        let (missed, waited) = block(4_000_000, true);
        assert!(missed && (3_700..3_850).contains(&waited), "{waited}");
        // However much there is to do, an eighth is there.
        for _ in 0..200 {
            block(9_000_000, false);
        }
        assert!(matches!(block(9_000_000, true), (true, 1_250..1_280)));
        assert!(patience.block() > 400);
        assert!(!patience.pulse().is_inside());
    }

    #[test]
    fn what_is_there_is_taken_at_once_and_without_a_clock_nobody_waits() {
        let mut patience = Patience::new(SampleRate::DEFAULT);
        patience.begin(None, Some(clock), 64);
        assert_eq!((patience.wait(|| Some(7)), patience.wait(|| None::<u8>)), (Some(7), None));
        assert!(!patience.pulse().is_inside());
    }
}
