use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::Studio;
use crate::actor::{ActorReport, AnyAddress};
use crate::engine::Supply;
use crate::generate::service::unwatched;
use crate::generate::{Failure, FailureKind, Product, Request};

/// Threads of the pipeline, beside those that compute for it.
const THREADS: usize = 2;
/// What opening it and answering may take beyond what was granted.
const GRACE: Duration = Duration::from_secs(5);

/// A [`Studio`] for whoever waits on a thread: opened when music is first asked for, on threads of
/// its own. A rig that asks for nothing costs nothing.
pub struct OnDemand {
    config: Option<PathBuf>,
    open: Mutex<Option<Open>>,
}

struct Open {
    studio: Studio,
    runtime: Option<Runtime>,
}

impl OnDemand {
    /// By the configuration named, or that of the user.
    pub fn new(config: Option<PathBuf>) -> OnDemand {
        OnDemand { config, open: Mutex::new(None) }
    }

    /// The studio and where it runs, opened where it is not.
    fn open(&self) -> Result<(Studio, tokio::runtime::Handle), Failure> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Open { studio, runtime: Some(runtime) }) = &*open {
            return Ok((studio.clone(), runtime.handle().clone()));
        }
        let fault =
            |why: String| Failure::new(FailureKind::Fault, format!("no music can be generated: {why}"));
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("generation")
            .enable_all()
            .build()
            .map_err(|error| fault(error.to_string()))?;
        let handle = runtime.handle().clone();
        let config = self.config.clone();
        let opened = wait(&handle, GRACE, async move { Studio::open(config.as_deref()).await });
        let studio = opened
            .ok_or_else(|| fault("the pipeline did not start in time".to_owned()))?
            .map_err(|error| Failure::new(FailureKind::Config, error.to_string()))?;
        *open = Some(Open { studio: studio.clone(), runtime: Some(runtime) });
        Ok((studio, handle))
    }

    fn opened(&self) -> Option<Studio> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().map(|open| open.studio.clone())
    }
}

/// What comes of a future on a runtime, from a thread that may be another runtime's; nothing where it takes
/// too long: then it is dropped.
fn wait<T: Send + 'static>(
    handle: &tokio::runtime::Handle,
    limit: Duration,
    future: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = sync_channel(1);
    let task = handle.spawn(async move {
        // Nobody may wait any more.
        let _ = sender.send(future.await);
    });
    match receiver.recv_timeout(limit) {
        Ok(value) => Some(value),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            task.abort();
            None
        }
    }
}

impl Supply for OnDemand {
    fn supply(&self, request: &Request, patience: Duration) -> Result<Product, Failure> {
        let (studio, handle) = self.open()?;
        let request = request.clone();
        let made = async move { studio.generate(&request, patience, &unwatched()).await };
        wait(&handle, patience + GRACE, made).unwrap_or_else(|| {
            Err(Failure::new(FailureKind::Fault, "generating failed; it was started anew: try again"))
        })
    }

    fn find(&self, actor: &str) -> Option<AnyAddress> {
        self.opened()?.find(actor)
    }

    fn snapshot(&self) -> Vec<ActorReport> {
        self.opened().map(|studio| studio.snapshot()).unwrap_or_default()
    }
}

impl Drop for OnDemand {
    fn drop(&mut self) {
        let open = self.open.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(Open { studio, runtime }) = open {
            let runtime = runtime.take();
            if let Some(runtime) = runtime {
                let studio = studio.clone();
                // Tasks get to write their last words; then whatever computes for nobody is left behind.
                let _ = wait(runtime.handle(), GRACE, async move { studio.close().await });
                runtime.shutdown_background();
            }
        }
    }
}
