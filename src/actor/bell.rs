//! How an actor's task is woken: whoever put something down rings, and the task, once it
//! has hung up its waker, looks whether something was put down before.

use std::task::Waker;

use super::sync::{OnceLock, Ordering, fence};

pub(super) struct Bell {
    waker: OnceLock<Waker>,
}

impl Bell {
    pub(super) fn new() -> Bell {
        Bell { waker: OnceLock::new() }
    }

    /// To be called after something was put down.
    pub(super) fn ring(&self) {
        // Pairs with the fence in `hang`: either the waker is seen here, or what was put
        // down before is seen there.
        fence(Ordering::SeqCst);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// To be called when the task is polled first, before it looks: its waker never changes.
    pub(super) fn hang(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
        fence(Ordering::SeqCst);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::super::sync::alarm::Alarm;
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicBool;

    #[test]
    fn no_interleaving_leaves_the_task_asleep() {
        loom::model(|| {
            let (bell, attention) = (Arc::new(Bell::new()), Arc::new(AtomicBool::new(false)));
            let (other, flag) = (Arc::clone(&bell), Arc::clone(&attention));
            let side = loom::thread::spawn(move || {
                flag.store(true, Ordering::Relaxed);
                other.ring();
            });
            let alarm = Alarm::new();
            bell.hang(&alarm.waker());
            while !attention.load(Ordering::Relaxed) {
                alarm.wait();
            }
            side.join().unwrap();
        });
    }
}
