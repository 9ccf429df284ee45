use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A thread that waits at the sequencer, and ends with whoever holds this.
pub(super) struct Worker {
    stop: Arc<AtomicBool>,
    /// Closing it wakes the thread.
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn new(stop: Arc<AtomicBool>, wake: UnixStream, thread: JoinHandle<()>) -> Worker {
        Worker { stop, wake, thread: Some(thread) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.wake.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            // Its end is what was asked for.
            let _ = thread.join();
        }
    }
}
