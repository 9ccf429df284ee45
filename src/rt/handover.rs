//! One boxed unit of work, to a thread of its own and back, so that what keeps
//! that thread cannot keep the callback.
//!
//! There is one unit, and a place for it on each way: so neither way can be full,
//! nobody waits, and nobody frees. The caller looks whether the unit is back as
//! long as it likes, and may give it up: then it never touches it again, and the
//! unit stays with the worker for good.

#[cfg(not(loom))]
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

#[cfg(loom)]
use loom::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::baton::Baton;

/// What a worker does with a unit. Real-time: yes.
pub trait Work: Send + 'static {
    /// Does it. A panic must not leave it. Real-time: yes.
    fn work(&mut self);
}

struct Shared<T> {
    there: Baton<T>,
    back: Baton<T>,
    /// Nobody will send any more.
    closed: AtomicBool,
    /// The unit was missed, and is not back yet.
    late: AtomicBool,
    /// The caller was told to give up.
    condemned: AtomicBool,
    /// The caller gave up.
    abandoned: AtomicBool,
    sent: AtomicU64,
    returned: AtomicU64,
    missed: AtomicU64,
}

/// Makes the two ends, and one for whoever looks after them. Real-time: no (allocates).
pub fn handover<T: Work>() -> (Caller<T>, Worker<T>, Overseer<T>) {
    let shared = Arc::new(Shared {
        there: Baton::empty(),
        back: Baton::empty(),
        closed: AtomicBool::new(false),
        late: AtomicBool::new(false),
        condemned: AtomicBool::new(false),
        abandoned: AtomicBool::new(false),
        sent: AtomicU64::new(0),
        returned: AtomicU64::new(0),
        missed: AtomicU64::new(0),
    });
    let caller = Caller { shared: Arc::clone(&shared) };
    let worker = Worker { shared: Arc::clone(&shared) };
    (caller, worker, Overseer { shared })
}

/// The callback's end. Dropped in the control world, it ends the worker. Real-time: yes.
pub struct Caller<T: Work> {
    shared: Arc<Shared<T>>,
}

impl<T: Work> Caller<T> {
    /// Sends the unit. It must be the one that [`handover`]'s caller began with or
    /// [`take_back`](Self::take_back) gave. Real-time: yes.
    pub fn send(&mut self, unit: Box<T>) {
        self.shared.sent.fetch_add(1, Ordering::Relaxed);
        self.shared.there.put(unit);
    }

    /// The unit, if it is back; never again once it was given up. Real-time: yes.
    pub fn take_back(&mut self) -> Option<Box<T>> {
        if self.shared.abandoned.load(Ordering::Relaxed) {
            return None;
        }
        let unit = self.shared.back.take()?;
        self.shared.late.store(false, Ordering::Relaxed);
        Some(unit)
    }

    /// Counts a block for which the unit was not back in time. Real-time: yes.
    pub fn count_miss(&mut self) {
        self.shared.missed.fetch_add(1, Ordering::Relaxed);
        self.shared.late.store(true, Ordering::Relaxed);
    }

    /// Whether the overseer wants it given up. Real-time: yes.
    pub fn is_condemned(&self) -> bool {
        self.shared.condemned.load(Ordering::Relaxed)
    }

    /// Gives up the worker, and the unit with it. Real-time: yes.
    pub fn abandon(&mut self) {
        self.shared.abandoned.store(true, Ordering::Release);
    }
}

impl<T: Work> Drop for Caller<T> {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
    }
}

/// The worker's end. Real-time: yes.
pub struct Worker<T: Work> {
    shared: Arc<Shared<T>>,
}

impl<T: Work> Worker<T> {
    /// The unit, if it was sent. Real-time: yes.
    pub fn take(&mut self) -> Option<Box<T>> {
        self.shared.there.take()
    }

    /// Gives it back. There is always room: see the module. Real-time: yes.
    pub fn give_back(&mut self, unit: Box<T>) {
        self.shared.returned.fetch_add(1, Ordering::Relaxed);
        self.shared.back.put(unit);
    }

    /// Whether nothing will be sent any more. Real-time: yes.
    pub fn is_over(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire) || self.shared.abandoned.load(Ordering::Acquire)
    }
}

/// The control world's look at both. Real-time: yes.
pub struct Overseer<T: Work> {
    shared: Arc<Shared<T>>,
}

impl<T: Work> Overseer<T> {
    /// How often the unit was sent, while it is out; `None` while it is home. Real-time: yes.
    pub fn out(&self) -> Option<u64> {
        // In this order: what is sent meanwhile only makes it look out.
        let returned = self.shared.returned.load(Ordering::Relaxed);
        let sent = self.shared.sent.load(Ordering::Relaxed);
        (sent != returned).then_some(sent)
    }

    /// Blocks for which the unit was not back in time. Real-time: yes.
    pub fn missed(&self) -> u64 {
        self.shared.missed.load(Ordering::Relaxed)
    }

    /// Whether one of them is that of the unit that is out. Real-time: yes.
    pub fn is_late(&self) -> bool {
        self.shared.late.load(Ordering::Relaxed)
    }

    /// Has the caller give up at its next look. Real-time: yes.
    pub fn condemn(&self) {
        self.shared.condemned.store(true, Ordering::Relaxed);
    }

    /// Whether the caller gave up. Real-time: yes.
    pub fn is_abandoned(&self) -> bool {
        self.shared.abandoned.load(Ordering::Acquire)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Add(u64);

    impl Work for Add {
        fn work(&mut self) {
            self.0 += 1;
        }
    }

    #[test]
    fn the_unit_goes_there_and_back() {
        let (mut caller, mut worker, overseer) = handover::<Add>();
        let count = if cfg!(miri) { 50 } else { 20_000 };
        let thread = std::thread::spawn(move || {
            while !worker.is_over() {
                match worker.take() {
                    Some(mut unit) => {
                        unit.work();
                        worker.give_back(unit);
                    }
                    None => std::thread::yield_now(),
                }
            }
        });
        let mut unit = Box::new(Add(0));
        for _ in 0..count {
            caller.send(unit);
            unit = loop {
                match caller.take_back() {
                    Some(unit) => break unit,
                    None => std::thread::yield_now(),
                }
            };
        }
        assert_eq!((unit.0, overseer.out()), (count, None));
        caller.count_miss();
        caller.send(unit);
        while caller.take_back().is_none() {
            std::thread::yield_now();
        }
        assert!(!overseer.is_late(), "it came, though late");
        drop(caller);
        thread.join().expect("it ends with the caller");
    }

    #[test]
    fn one_that_was_given_up_is_not_taken_back() {
        let (mut caller, mut worker, overseer) = handover::<Add>();
        caller.send(Box::new(Add(0)));
        assert_eq!(overseer.out(), Some(1));
        let unit = worker.take().expect("sent");
        caller.count_miss();
        overseer.condemn();
        assert!(caller.is_condemned() && !worker.is_over());
        caller.abandon();
        worker.give_back(unit);
        assert!(caller.take_back().is_none() && worker.is_over() && overseer.is_abandoned());
        assert_eq!((overseer.missed(), overseer.is_late()), (1, true));
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::atomic::AtomicUsize;
    use loom::thread;

    /// Counts its work without synchronising, and its drops.
    struct Probe {
        worked: u32,
        drops: Arc<AtomicUsize>,
    }

    impl Work for Probe {
        fn work(&mut self) {
            self.worked += 1;
        }
    }

    impl Drop for Probe {
        fn drop(&mut self) {
            self.drops.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A worker that looks so often, and then goes.
    fn serve(mut worker: Worker<Probe>, looks: usize) -> thread::JoinHandle<()> {
        thread::spawn(move || {
            for _ in 0..looks {
                if let Some(mut unit) = worker.take() {
                    unit.work();
                    worker.give_back(unit);
                }
                thread::yield_now();
            }
        })
    }

    /// Every interleaving: the unit is worked on before it is back, is in one place
    /// only, and is dropped once.
    #[test]
    fn no_interleaving_loses_or_doubles_the_unit() {
        loom::model(|| {
            let drops = Arc::new(AtomicUsize::new(0));
            let (mut caller, worker, overseer) = handover();
            let thread = serve(worker, 3);
            caller.send(Box::new(Probe { worked: 0, drops: Arc::clone(&drops) }));
            let mut held = None;
            for expected in 1..=2 {
                if let Some(unit) = caller.take_back() {
                    assert!(unit.worked >= 1 && unit.worked <= expected);
                    if expected == 1 { caller.send(unit) } else { held = Some(unit) }
                }
            }
            thread.join().unwrap();
            assert_eq!(drops.load(Ordering::Relaxed), 0);
            let left = held.is_none();
            drop(held);
            drop(caller);
            drop(overseer);
            assert_eq!(drops.load(Ordering::Relaxed), 1, "left behind: {left}");
        });
    }

    /// The caller gives up while the worker gives back: it never sees the unit
    /// again, and whoever goes last drops it, once.
    #[test]
    fn a_unit_that_was_given_up_is_dropped_once_and_never_taken() {
        loom::model(|| {
            let drops = Arc::new(AtomicUsize::new(0));
            let (mut caller, worker, overseer) = handover();
            caller.send(Box::new(Probe { worked: 0, drops: Arc::clone(&drops) }));
            let thread = serve(worker, 1);
            if caller.take_back().is_none() {
                caller.abandon();
                assert!(caller.take_back().is_none());
            }
            drop(caller);
            drop(overseer);
            thread.join().unwrap();
            assert_eq!(drops.load(Ordering::Relaxed), 1);
        });
    }
}
