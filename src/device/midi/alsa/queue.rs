//! The sequencer's queue: the clock by which the kernel stamps what comes in, and
//! lets go of what goes out without waiting for us to wake.
//!
//! Source: Linux kernel, `include/uapi/sound/asequencer.h`.

use std::os::fd::RawFd;
use std::time::Duration;

use alsa::seq::{EventType, Seq};

use super::describe;
use crate::unit::HostTime;

/// How often the kernel looks for what is due, in Hz: the most it allows. Until then
/// an event waits, 160 µs at most.
const SENDING_HERTZ: u32 = 6_250;
/// Where nothing goes out: stamps are exact at any rate.
const STAMPING_HERTZ: u32 = 100;
/// How often the queue's time is compared with ours.
const MEASURE_INTERVAL: Duration = Duration::from_millis(250);
/// A comparison that took longer says less than the one before.
const MEASURE_WITHIN: Duration = Duration::from_micros(100);
const MEASURE_TRIES: usize = 8;
/// How long the MIDI thread may take to wake without its being heard: an event counts as
/// having come this much after its stamp, all of them alike.
const WAKE_ALLOWANCE: Duration = Duration::from_millis(1);
/// A stamp further back than this is none.
const OLDEST: Duration = Duration::from_millis(500);

/// `struct snd_seq_queue_timer`.
#[repr(C)]
struct QueueTimer {
    queue: libc::c_int,
    kind: libc::c_int,
    class: libc::c_int,
    subclass: libc::c_int,
    card: libc::c_int,
    device: libc::c_int,
    subdevice: libc::c_int,
    hertz: libc::c_uint,
    reserved: [u8; 64],
}

const _: () = assert!(size_of::<QueueTimer>() == 96);

/// `_IOW('S', 0x46, struct snd_seq_queue_timer)`.
const SET_QUEUE_TIMER: libc::Ioctl =
    (1 << 30 | (size_of::<QueueTimer>() as u32) << 16 | (b'S' as u32) << 8 | 0x46) as libc::Ioctl;
const CLASS_GLOBAL: libc::c_int = 1;
const GLOBAL_HRTIMER: libc::c_int = 3;

/// A running queue of ours.
pub(super) struct Queue {
    number: i32,
    /// Our time when the queue's was 0, in nanoseconds.
    zero_nanos: i64,
    measured: HostTime,
    last_stamp: HostTime,
}

impl Queue {
    /// Makes a queue and starts it. `descriptor` is the sequencer's own.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn start(seq: &Seq, descriptor: RawFd, sends: bool) -> Result<Queue, String> {
        let number = seq.alloc_named_queue(c"Antiphon").map_err(describe)?;
        let timer = QueueTimer {
            queue: number,
            kind: 0,
            class: CLASS_GLOBAL,
            subclass: 0,
            card: -1,
            device: GLOBAL_HRTIMER,
            subdevice: 0,
            hertz: if sends { SENDING_HERTZ } else { STAMPING_HERTZ },
            reserved: [0; 64],
        };
        // SAFETY: the struct is the kernel's own, and is only read during the call.
        if unsafe { libc::ioctl(descriptor, SET_QUEUE_TIMER, &raw const timer) } < 0 {
            // The default timer looks a thousand times a second: it does too.
            tracing::info!(error = %std::io::Error::last_os_error(), "no fine timer for the MIDI queue");
        }
        seq.control_queue(number, EventType::Start, 0, None).map_err(describe)?;
        seq.drain_output().map_err(describe)?;
        let mut queue = Queue { number, zero_nanos: 0, measured: HostTime(0), last_stamp: HostTime(0) };
        queue.measure(seq)?;
        Ok(queue)
    }

    pub(super) fn number(&self) -> i32 {
        self.number
    }

    /// Compares the queue's time with ours, where that was long ago.
    pub(super) fn follow(&mut self, seq: &Seq, now: HostTime) {
        if now.since(self.measured) >= MEASURE_INTERVAL.as_nanos() as u64 {
            // Where it fails what was measured before holds.
            let _ = self.measure(seq);
        }
    }

    fn measure(&mut self, seq: &Seq) -> Result<(), String> {
        let mut shortest = u64::MAX;
        for _ in 0..MEASURE_TRIES {
            let before = HostTime::now();
            let status = seq.get_queue_status(self.number).map_err(describe)?;
            let after = HostTime::now();
            let took = after.since(before);
            if took < shortest {
                shortest = took;
                let middle = before.nanos() + took / 2;
                self.zero_nanos = middle as i64 - status.get_real_time().as_nanos() as i64;
            }
            if shortest <= MEASURE_WITHIN.as_nanos() as u64 {
                break;
            }
        }
        self.measured = HostTime::now();
        Ok(())
    }

    /// When an event came in, by the kernel's stamp and the allowance; `now` where that
    /// cannot be.
    pub(super) fn stamp(&mut self, stamp: Option<Duration>, now: HostTime) -> HostTime {
        let time = stamp.and_then(|stamp| {
            let nanos = u64::try_from(self.zero_nanos + stamp.as_nanos() as i64).ok()?;
            let is_sound = nanos <= now.nanos() && now.nanos() - nanos <= OLDEST.as_nanos() as u64;
            is_sound.then_some(HostTime(nanos + WAKE_ALLOWANCE.as_nanos() as u64))
        });
        // What came later is never earlier.
        self.last_stamp = time.unwrap_or(now).max(self.last_stamp);
        self.last_stamp
    }

    /// The queue's time at a time of ours.
    pub(super) fn time_of(&self, time: HostTime) -> Duration {
        Duration::from_nanos((time.nanos() as i64 - self.zero_nanos).max(0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue { number: 0, zero_nanos: -500, measured: HostTime(0), last_stamp: HostTime(0) }
    }

    #[test]
    fn stamps_are_the_kernels_and_never_go_back_or_ahead() {
        let (mut queue, now) = (queue(), HostTime(2_000_000_000));
        let at = |nanos| Some(Duration::from_nanos(nanos));
        assert_eq!(queue.stamp(at(1_998_000_500), now), HostTime(1_999_000_000));
        assert_eq!(queue.stamp(at(1_997_000_500), now), HostTime(1_999_000_000));
        assert_eq!(queue.stamp(at(2_000_000_501), now), now, "from the future");
        assert_eq!(queue.stamp(None, HostTime(2_000_000_007)), HostTime(2_000_000_007));
        let later = HostTime(9_000_000_000);
        assert_eq!(queue.stamp(at(2_500), later), later, "too old");
    }

    #[test]
    fn our_time_becomes_the_queues() {
        assert_eq!(queue().time_of(HostTime(1_500)), Duration::from_nanos(2_000));
        let late = Queue { zero_nanos: 5_000, ..queue() };
        assert_eq!(late.time_of(HostTime(1_500)), Duration::ZERO);
    }
}
