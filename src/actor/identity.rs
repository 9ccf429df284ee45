//! Who speaks: ids of actors, and what the messages they send are stamped with.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// An actor's number, never used again while the process lives. Threads that are
/// no actor have one too, so that every message has a sender.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ActorId(pub(super) u64);

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl ActorId {
    pub(super) fn fresh() -> ActorId {
        ActorId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a message is stamped with: (sender, sequence) is its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Who sent it.
    pub sender: ActorId,
    /// Counts the sender's messages, from 1.
    pub sequence: u64,
    /// The same for everything that followed from one first message.
    pub correlation: u64,
}

impl Stamp {
    /// Not stamped yet; nobody has this number.
    pub(super) const NONE: Stamp = Stamp { sender: ActorId(0), sequence: 0, correlation: 0 };
}

/// Who sends on this thread now, and how far it has counted.
#[derive(Clone, Copy)]
pub(super) struct Speaker {
    pub(super) id: ActorId,
    pub(super) sequence: u64,
    /// That of the message being handled; 0 outside.
    pub(super) correlation: u64,
}

impl Speaker {
    pub(super) fn new(id: ActorId) -> Speaker {
        Speaker { id, sequence: 0, correlation: 0 }
    }
}

thread_local! {
    /// The thread itself where the id is 0: it gets one when it first speaks.
    static SPEAKER: Cell<Speaker> = const { Cell::new(Speaker { id: ActorId(0), sequence: 0, correlation: 0 }) };
}

/// Makes `speaker` the one that sends on this thread; gives who was before.
pub(super) fn speak_as(speaker: Speaker) -> Speaker {
    SPEAKER.replace(speaker)
}

/// What is sent from now on follows from a message with this correlation.
pub(super) fn follow(correlation: u64) {
    let mut speaker = SPEAKER.get();
    speaker.correlation = correlation;
    SPEAKER.set(speaker);
}

/// The stamp of the next message sent here.
pub(super) fn stamp() -> Stamp {
    let mut speaker = SPEAKER.get();
    if speaker.id.0 == 0 {
        speaker.id = ActorId::fresh();
    }
    speaker.sequence += 1;
    SPEAKER.set(speaker);
    let Speaker { id: sender, sequence, correlation } = speaker;
    // A first message begins a correlation; sender and sequence make it its own.
    let correlation =
        if correlation == 0 { sender.0 << 40 | (sequence & 0xff_ffff_ffff) } else { correlation };
    Stamp { sender, sequence, correlation }
}
