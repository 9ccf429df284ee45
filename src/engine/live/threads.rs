use tokio::runtime::{EnterGuard, Runtime};

use crate::engine::{Error, ErrorKind};

/// The threads that the tree runs on, beside those that devices and files have of
/// their own: one may wait for a device while the other goes on.
const THREADS: usize = 2;

/// A runtime of the engine's own, so that nobody who shows or asks holds it up.
pub(super) struct Threads(Option<Runtime>);

impl Threads {
    pub(super) fn start() -> Result<Threads, Error> {
        let built = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("antiphon-engine")
            .enable_time()
            .build();
        let cannot = |e| Error::new(ErrorKind::Device, format!("the engine's threads cannot start: {e}"));
        built.map(|runtime| Threads(Some(runtime))).map_err(cannot)
    }

    pub(super) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.as_ref().map(Runtime::enter)
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn(work);
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Whoever drops this may be in a runtime of its own, where none may wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
