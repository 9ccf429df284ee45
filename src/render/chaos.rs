use super::{FaultKind, Injected, Injection};
use crate::unit::{Frame, HostTime};

/// Reads the time: given by a driver's edge, so that a render without one has none. Real-time: yes.
pub type Clock = fn() -> HostTime;

/// Injections that may be under way at once, to all nodes.
pub(super) const INJECTIONS: usize = 64;
/// +30 dBFS.
const BLARE: f32 = 31.6;
/// Frames of each half wave that an injection blares.
const BLARE_FRAMES: Frame = 48;

/// What is injected into one node, and the clock where there is one. Real-time: yes.
#[derive(Clone, Copy)]
pub(super) struct Chaos<'a> {
    pub(super) injections: &'a [Injection],
    pub(super) node: u16,
    pub(super) clock: Option<Clock>,
}

impl Chaos<'_> {
    /// The first injection from a frame on, before another.
    pub(super) fn due(&self, from: Frame, until: Frame) -> Option<Injection> {
        let mine = |i: &&Injection| i.node == self.node && (from..until).contains(&i.frame);
        self.injections.iter().filter(mine).min_by_key(|i| i.frame).copied()
    }
}

/// Does what is injected, inside the catch of the node. Without a clock a stall
/// and a hang are verdicts.
pub(super) fn inject(what: Injected, clock: Option<Clock>) -> Option<FaultKind> {
    match (what, clock) {
        // PANIC: it was asked for; the edge of the node catches it.
        (Injected::Panic, _) => panic!("an injected panic"),
        (Injected::Stall { millis }, Some(now)) => {
            let begin = now();
            while now().since(begin) < u64::from(millis) * 1_000_000 {
                std::hint::spin_loop();
            }
            None
        }
        (Injected::Hang, Some(_)) => loop {
            std::hint::spin_loop();
        },
        (Injected::Stall { .. }, None) => Some(FaultKind::Stall),
        (Injected::Hang, None) => Some(FaultKind::Hang),
        (Injected::NotFinite | Injected::Loud, _) => None,
    }
}

/// A square wave far over full scale in place of what a processor put out.
pub(super) fn blare(frame: Frame, left: &mut [f32], right: &mut [f32]) {
    for (at, (l, r)) in left.iter_mut().zip(right).enumerate() {
        let is_down = (frame + at as Frame) / BLARE_FRAMES % 2 == 1;
        let level = if is_down { -BLARE } else { BLARE };
        (*l, *r) = (level, level);
    }
}
