//! The primitives that the model checker exchanges for its own.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{Ordering, fence};
#[cfg(loom)]
pub(super) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{Ordering, fence};
#[cfg(not(loom))]
pub(super) use std::sync::{Mutex, MutexGuard, OnceLock};

/// Locks; a panic of somebody who held it leaves nothing half done in this room,
/// because nothing that can panic is called under a lock.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// As the standard library's, which orders no more than this: set with release, got with acquire.
#[cfg(loom)]
pub(super) struct OnceLock<T> {
    inner: std::sync::OnceLock<T>,
    is_set: loom::sync::atomic::AtomicBool,
}

#[cfg(loom)]
impl<T> OnceLock<T> {
    pub(super) fn new() -> OnceLock<T> {
        OnceLock { inner: std::sync::OnceLock::new(), is_set: loom::sync::atomic::AtomicBool::new(false) }
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.is_set.load(Ordering::Acquire).then(|| self.inner.get()).flatten()
    }

    /// For the one that sets it; it never sees another's.
    pub(super) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        let value = self.inner.get_or_init(make);
        self.is_set.store(true, Ordering::Release);
        value
    }
}

/// A waker for a thread of the model, which ends as a deadlock where it is never woken.
#[cfg(all(test, loom))]
pub(super) mod alarm {
    use std::sync::Arc;
    use std::task::{Wake, Waker};

    pub(in super::super) struct Alarm(Arc<Inner>);

    struct Inner(loom::sync::Notify);

    impl Wake for Inner {
        fn wake(self: Arc<Inner>) {
            self.0.notify();
        }
    }

    impl Alarm {
        pub(in super::super) fn new() -> Alarm {
            Alarm(Arc::new(Inner(loom::sync::Notify::new())))
        }

        pub(in super::super) fn waker(&self) -> Waker {
            Waker::from(Arc::clone(&self.0))
        }

        pub(in super::super) fn wait(&self) {
            self.0.0.wait();
        }
    }
}
