use std::sync::{Mutex, PoisonError};

use super::error::{FaultKind, FaultLatch};
use crate::unit::HostTime;

/// A device that asks for nothing for so long is dead, whatever it says; some
/// servers die without telling their clients.
const SILENT_NANOS: u64 = 2_000_000_000;

/// Sees whether a device still calls.
#[derive(Default)]
pub(super) struct Watch(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    is_running: bool,
    calls: u64,
    changed: HostTime,
}

impl Watch {
    /// From now on the device is expected to call.
    pub(super) fn begin(&self, now: HostTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Seen { is_running: true, calls: 0, changed: now };
    }

    /// The device is expected to be quiet again.
    pub(super) fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_running = false;
    }

    /// Looks at how often the device called so far; latches a fault where it
    /// has stopped to. With `may_wait` a pause means nothing.
    pub(super) fn look(&self, calls: u64, may_wait: bool, now: HostTime, fault: &FaultLatch) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.calls != calls || may_wait {
            (seen.calls, seen.changed) = (calls, now);
        } else if seen.is_running && now.since(seen.changed) > SILENT_NANOS {
            fault.set(
                FaultKind::StreamInvalid,
                "the audio server or device has asked for nothing for 2 seconds",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_running_device_that_stops_to_call_is_dead() {
        let (watch, fault) = (Watch::default(), FaultLatch::default());
        let seconds = |seconds: u64| HostTime(seconds * 1_000_000_000);
        watch.look(0, false, seconds(100), &fault);
        watch.begin(seconds(100));
        watch.look(5, false, seconds(101), &fault);
        watch.look(5, true, seconds(110), &fault);
        watch.look(5, false, seconds(111), &fault);
        assert!(!fault.is_set());
        watch.look(5, false, seconds(113), &fault);
        assert_eq!(fault.get().map(|fault| fault.kind), Some(FaultKind::StreamInvalid));
    }
}
