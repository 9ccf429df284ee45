//! The pipeline put together: configuration, cache, backends, band, tasks; in a tree of actors.

mod supply;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::band::Band;
use super::error::{Error, ErrorKind};
pub use supply::OnDemand;

use crate::actor::{ActorReport, AnyAddress, Options, Settings, System};
use crate::generate::client::Secrets;
use crate::generate::local::Local;
use crate::generate::service::{Backends, Counts, Means, Service, ServiceSettings, Watch};
use crate::generate::tasks::Tasks;
use crate::generate::{
    CHART_PART, Config, Failure, FailureKind, Form, MIDI_PART, Product, Progress, Request, SOUND_PART,
};
use crate::library::Cache;

/// The pipeline's place in the tree.
pub(crate) const GENERATION: &str = "generation";
/// The roots of the pipeline's trees.
pub(super) const ROOTS: [&str; 4] = [GENERATION, MODEL, "cache", "tasks"];
/// That of the clients of model servers.
const MODEL: &str = "model";

/// Where music is generated; clones are the same.
#[derive(Clone)]
pub struct Studio(Arc<Inner>);

struct Inner {
    service: Service,
    config: Arc<Config>,
    secrets: Secrets,
    tasks: Option<Tasks>,
    /// Said once to whoever generates.
    warning: Option<String>,
    /// Where the studio has a tree of its own.
    system: Mutex<Option<System>>,
}

impl Studio {
    /// A studio with a tree of its own, by the configuration named or that of the user.
    ///
    /// # Errors
    /// [`Error`] where the configuration or the cache cannot be used.
    pub async fn open(config: Option<&Path>) -> Result<Studio, Error> {
        let system = System::new(Settings { supervision: super::live::supervision(), ..Settings::default() });
        let studio = Studio::within(config, &system).await?;
        *studio.own() = Some(system);
        Ok(studio)
    }

    /// A studio whose actors stand in a tree that is there: `/generation`, `/cache`, `/model` and `/tasks`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn within(config: Option<&Path>, system: &System) -> Result<Studio, Error> {
        let config = Config::load(config)?.with_local(Arc::new(Local));
        let folder = config.cache_folder()?;
        let cache = Cache::open_or_memory(&folder, config.cache_limits());
        system
            .spawn("cache", Options::new(), cache.keeper())
            .map_err(|error| Error::new(ErrorKind::Device, error.to_string()))?;
        system
            .spawn(MODEL, Options::new(), config.clients())
            .map_err(|error| Error::new(ErrorKind::Device, error.to_string()))?;
        // Without its journal music is made all the same; only nobody else hears of it.
        let (tasks, warning) = match Tasks::open(&folder, system).await {
            Ok(tasks) => (Some(tasks), None),
            Err(failure) => (None, Some(format!("tasks are not written down: {failure}"))),
        };
        let secrets = config.secrets().clone();
        let config = Arc::new(config);
        let backends = Arc::clone(&config) as Arc<dyn Backends>;
        let means = Means { backends, perform: Arc::new(Band::new()?), cache };
        let service = Service::new(means, ServiceSettings { generators: config.generators() });
        system
            .spawn_started(GENERATION, Options::new(), service.supervisor())
            .await
            .map_err(|error| Error::new(ErrorKind::Device, error.to_string()))?;
        let system = Mutex::new(None);
        Ok(Studio(Arc::new(Inner { service, config, secrets, tasks, warning, system })))
    }

    /// Makes what is asked for, or takes it from the cache; a task while it is at it, which anybody may
    /// cancel.
    ///
    /// # Errors
    /// [`Failure`]: why there is none. Dropping the future cancels.
    pub async fn generate(
        &self,
        request: &Request,
        limit: Duration,
        watch: &Watch,
    ) -> Result<Product, Failure> {
        let Inner { tasks, warning, .. } = &*self.0;
        let Some(tasks) = tasks else {
            let mut made = self.made(request, limit, watch).await?;
            made.warnings.extend(warning.clone());
            return Ok(made);
        };
        // What is there already is no task.
        if self.path_of(request).is_some() {
            return self.made(request, limit, watch).await;
        }
        let mut ticket = match tasks.begin(request).await {
            Ok(ticket) => ticket,
            Err(failure) => {
                let mut made = self.made(request, limit, watch).await?;
                made.warnings.push(format!("the task was not written down: {failure}"));
                return Ok(made);
            }
        };
        let (watch, note) = (Arc::clone(watch), ticket.noting());
        let watch: Watch = Arc::new(move |progress: Progress| {
            note(progress.stage);
            watch(progress);
        });
        let made = tokio::select! {
            biased;
            () = ticket.cancelled() => Err(Failure::new(FailureKind::Cancelled, "the task was cancelled")),
            made = self.made(request, limit, &watch) => made,
        };
        ticket.end(&made);
        made
    }

    /// As the service makes it. Backends say no key; should another part quote one, it is held back here,
    /// before it is answered or written down.
    async fn made(&self, request: &Request, limit: Duration, watch: &Watch) -> Result<Product, Failure> {
        let Inner { service, config, secrets, .. } = &*self.0;
        let mut made =
            service.generate(request, limit, watch).await.map_err(|failure| secrets.clear(failure))?;
        made.warnings.iter_mut().for_each(|warning| *warning = secrets.redact(warning));
        if !made.from_cache {
            made.warnings.extend(config.cramped(&request.backend));
        }
        Ok(made)
    }

    fn own(&self) -> MutexGuard<'_, Option<System>> {
        self.0.system.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An actor of its own tree, by its path.
    pub fn find(&self, actor: &str) -> Option<AnyAddress> {
        self.own().as_ref()?.find(&format!("/{}", actor.trim_start_matches('/')))
    }

    /// The actors of its own tree.
    pub fn snapshot(&self) -> Vec<ActorReport> {
        self.own().as_ref().map(System::snapshot).unwrap_or_default()
    }

    /// The file that the cache keeps for a request, where it does: found without decoding anything, and its
    /// content taken into memory only for who needs it.
    pub async fn kept(&self, request: &Request, needs_bytes: bool) -> Option<Kept> {
        let service = &self.0.service;
        let path = self.path_of(request)?;
        let key = service.key(request).ok()?;
        let cache = service.cache();
        let entry = if needs_bytes { cache.get(&key).await? } else { cache.glance(&key).await? };
        let bytes = entry.parts.get(part_of(request)).cloned();
        let warnings = entry.meta["warnings"].as_array().into_iter().flatten();
        let warnings = warnings.filter_map(|warning| warning.as_str().map(str::to_owned));
        let untagged = service.tag(&key, request).await;
        Some(Kept {
            // The cache's files are named by what is in them, and were read by this process.
            sha256: path.file_name()?.to_string_lossy().into_owned(),
            chart: entry.parts.get(CHART_PART).and_then(|chart| String::from_utf8(chart.to_vec()).ok()),
            frames: entry.meta["frames"].as_u64(),
            warnings: warnings.chain(untagged).collect(),
            path,
            bytes,
        })
    }

    /// The pipeline without tasks.
    pub fn service(&self) -> &Service {
        &self.0.service
    }

    /// What went through so far.
    pub fn counts(&self) -> Counts {
        self.0.service.counts()
    }

    /// The file in which the cache keeps what a request came to.
    pub fn path_of(&self, request: &Request) -> Option<PathBuf> {
        let service = &self.0.service;
        service.cache().part_path(&service.key(request).ok()?, part_of(request))
    }

    /// Ends what was begun to be written, and the tree where it is the studio's own.
    pub async fn close(&self) {
        if let Some(tasks) = &self.0.tasks {
            tasks.close().await;
        }
        let own = self.own().take();
        if let Some(system) = own {
            system.stop().await;
        }
    }
}

/// A file of the cache.
pub struct Kept {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it, where that was needed.
    pub bytes: Option<Arc<[u8]>>,
    /// The hash of its content, in hex.
    pub sha256: String,
    /// Of sound.
    pub frames: Option<u64>,
    /// The chord chart that it was arranged from, where there is one.
    pub chart: Option<String>,
    /// What verification found.
    pub warnings: Vec<String>,
}

fn part_of(request: &Request) -> &'static str {
    if request.form == Form::Midi { MIDI_PART } else { SOUND_PART }
}

/// The tasks of a cache's folder, for whoever looks or cancels; with the system that keeps them.
///
/// # Errors
/// [`Error`] where the folder or the journal cannot be used.
pub async fn tasks(folder: &Path) -> Result<(Tasks, System), Error> {
    let system = System::new(Settings { supervision: super::live::supervision(), ..Settings::default() });
    let tasks = Tasks::open(folder, &system).await?;
    Ok((tasks, system))
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        let kind = match failure.kind {
            FailureKind::Usage | FailureKind::Config => ErrorKind::Usage,
            FailureKind::Refused | FailureKind::Unfit | FailureKind::Cancelled | FailureKind::Fault => {
                ErrorKind::Input
            }
            FailureKind::Network | FailureKind::Timeout | FailureKind::Unavailable | FailureKind::Busy => {
                ErrorKind::Device
            }
            FailureKind::Storage => ErrorKind::Disk,
        };
        Error::new(kind, failure.message)
    }
}
