use super::isolated::Missed;
use super::{FaultKind, Injected, Injection};
use crate::unit::{Frame, HostTime};

/// Reads the time: given by a driver's edge, so that a render without one has none. Real-time: yes.
pub type Clock = fn() -> HostTime;

/// Injections that may be under way at once, to all nodes.
pub(super) const INJECTIONS: usize = 64;
/// Long after whoever waits has given it up. Not for ever: hours of faults would fill the machine with such threads.
const HANG_NANOS: u64 = 10_000_000_000;
/// +30 dBFS.
const BLARE: f32 = 31.6;
/// Frames of each half wave that an injection blares.
const BLARE_FRAMES: Frame = 48;

/// What is injected into one node, and who judges it. Real-time: yes.
#[derive(Clone, Copy)]
pub(super) struct Chaos<'a> {
    pub(super) injections: &'a [Injection],
    pub(super) node: u16,
    pub(super) judge: Judge,
    /// In a log that is played again: its worker was not back in time.
    pub(super) missed: Option<Missed>,
    /// The same: lanes of its reel that were dry.
    pub(super) dry: Option<u8>,
}

/// Who says that a processor took too long. Real-time: yes.
#[derive(Clone, Copy)]
pub(super) enum Judge {
    /// Nobody: what would take long is a verdict at its frame.
    Nobody,
    /// A clock.
    Clock(Clock),
    /// A log, for the piece at hand: this, and nothing else.
    Log(Option<(Frame, FaultKind)>),
}

impl Judge {
    pub(super) fn clock(self) -> Option<Clock> {
        match self {
            Judge::Clock(clock) => Some(clock),
            Judge::Nobody | Judge::Log(_) => None,
        }
    }

    /// What the log says of a part that begins with this frame.
    pub(super) fn logged(self, frame: Frame) -> Option<FaultKind> {
        match self {
            Judge::Log(Some((at, kind))) if at == frame => Some(kind),
            _ => None,
        }
    }
}

impl Chaos<'_> {
    /// The first injection from a frame on, before another.
    pub(super) fn due(&self, from: Frame, until: Frame) -> Option<Injection> {
        let mine = |i: &&Injection| i.node == self.node && (from..until).contains(&i.frame);
        self.injections.iter().filter(mine).min_by_key(|i| i.frame).copied()
    }
}

/// Does what is injected, inside the catch of the node. Without a clock a stall
/// and a hang are verdicts, or what the log made of them.
pub(super) fn inject(what: Injected, judge: Judge) -> Option<FaultKind> {
    match (what, judge) {
        // PANIC: it was asked for; the edge of the node catches it.
        (Injected::Panic, _) => panic!("an injected panic"),
        (Injected::Stall { millis }, Judge::Clock(now)) => spin(now, u64::from(millis) * 1_000_000),
        (Injected::Hang, Judge::Clock(now)) => spin(now, HANG_NANOS),
        (Injected::Stall { .. }, Judge::Nobody) => Some(FaultKind::Stall),
        (Injected::Hang, Judge::Nobody) => Some(FaultKind::Hang),
        (Injected::Stall { .. } | Injected::Hang, Judge::Log(_)) => None,
        (Injected::NotFinite | Injected::Loud | Injected::Starve { .. }, _) => None,
    }
}

/// Keeps its thread for so long.
fn spin(now: Clock, nanos: u64) -> Option<FaultKind> {
    let begin = now();
    while now().since(begin) < nanos {
        std::hint::spin_loop();
    }
    None
}

/// A square wave far over full scale in place of what a processor put out.
pub(super) fn blare(frame: Frame, left: &mut [f32], right: &mut [f32]) {
    for (at, (l, r)) in left.iter_mut().zip(right).enumerate() {
        let is_down = (frame + at as Frame) / BLARE_FRAMES % 2 == 1;
        let level = if is_down { -BLARE } else { BLARE };
        (*l, *r) = (level, level);
    }
}
