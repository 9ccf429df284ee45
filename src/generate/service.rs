//! The pipeline: cache, pool of generators, backends, verification, cache.
//!
//! ```text
//! request ── cache ──┬── hit: at once
//!                    └── place of the backend ── a free generator ── draft ── perform ── verify ── keep
//! ```
//!
//! Each request ends exactly once. The one who asks holds its deadline: dropping the future cancels, and what
//! a generator was doing for it is dropped with it. Where a generator dies under a request, the request is
//! given to another; when it has lost [`LOST_AT_MOST`] it fails.

mod generator;
mod kitchen;
mod lost;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

pub use generator::Generator;
use generator::Job;
use kitchen::Span;
pub use kitchen::{Backends, Kitchen};

use super::verify::DIFFERENT_AT_MOST;
use super::{Backend, Failure, FailureKind, Perform, Product, Progress, Request, Stage};
use crate::actor::{
    Backoff, Bulkhead, BulkheadError, Children, Directive, Directives, FaultKind, Options, Place, Pool,
    PoolOptions, Routing, Strategy, Supervision, Supervisor, TellError, Window,
};
use crate::library::{Cache, Key};

/// Generators in the pool where nothing is said.
pub const GENERATORS: usize = 5;
/// All of a request takes no longer where nothing is said.
pub const DEADLINE: Duration = Duration::from_secs(120);
/// So many generators may die under a request before it is given up.
pub const LOST_AT_MOST: u32 = 3;
/// Requests that may wait for a backend; one more is refused as busy.
const WAITING: usize = 20_000;
/// Messages that may wait for one generator; there are never more than generators at once.
const MAILBOX: usize = 64;

/// Hears how far a request is.
pub type Watch = Arc<dyn Fn(Progress) + Send + Sync>;

/// Hears nothing.
pub fn unwatched() -> Watch {
    Arc::new(|_| {})
}

/// How a [`Service`] is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceSettings {
    /// How many generators there are.
    pub generators: usize,
}

impl Default for ServiceSettings {
    fn default() -> ServiceSettings {
        ServiceSettings { generators: GENERATORS }
    }
}

/// What a [`Service`] works with.
pub struct Means {
    /// The backends by name.
    pub backends: Arc<dyn Backends>,
    /// Plays MIDI to sound.
    pub perform: Arc<dyn Perform>,
    /// Where products are kept.
    pub cache: Cache,
}

/// What went through a [`Service`] so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Requests.
    pub requests: u64,
    /// Those that the cache answered, also those that waited for an equal one.
    pub from_cache: u64,
    /// Those that failed.
    pub failed: u64,
    /// Generators that died under a request.
    pub lost: u64,
}

/// Generates, verifies and keeps; clones are the same.
#[derive(Clone)]
pub struct Service(Arc<Shared>);

struct Shared {
    pool: Pool<Generator>,
    kitchen: Arc<Kitchen>,
    cache: Cache,
    /// A place for each generator: who has one finds a generator that is free.
    places: Bulkhead,
    compartments: Mutex<HashMap<String, Bulkhead>>,
    settings: ServiceSettings,
    requests: AtomicU64,
    from_cache: AtomicU64,
    failed: AtomicU64,
    lost: AtomicU64,
}

impl Service {
    /// A service; it works once its [`supervisor`](Self::supervisor) has started.
    pub fn new(means: Means, settings: ServiceSettings) -> Service {
        let kitchen = Arc::new(Kitchen::new(means.backends, means.perform));
        let options = PoolOptions {
            size: settings.generators,
            // Goes round among those that are free.
            routing: Routing::LeastBusy,
            member: Options::new().capacity(MAILBOX),
            supervision: supervision(),
        };
        let at_work = Arc::clone(&kitchen);
        let pool = Pool::new(options, move || Generator::new(Arc::clone(&at_work)));
        Service(Arc::new(Shared {
            pool,
            kitchen,
            cache: means.cache,
            places: Bulkhead::new(settings.generators, WAITING),
            compartments: Mutex::new(HashMap::new()),
            settings,
            requests: AtomicU64::new(0),
            from_cache: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }))
    }

    /// What builds the pipeline's supervisor, for a place in a tree. Where the pool gives up over members that
    /// fail too often it goes on: they keep nothing from one request to the next, and starting all of them anew
    /// would lose what the others have in hand for backends that are well. Else it is started anew, later each
    /// time.
    pub fn supervisor(&self) -> impl FnMut() -> Supervisor + Send + 'static {
        let supervision = Supervision {
            strategy: Strategy::OneForOne,
            directives: Directives::all(Directive::Restart).on(FaultKind::ESCALATED, Directive::Resume),
            window: Window { restarts: u32::MAX, within: Duration::from_secs(60) },
            backoff: Backoff {
                first: Duration::from_millis(10),
                factor: 2.0,
                longest: Duration::from_secs(1),
                jitter: 0.1,
            },
        };
        Children::new(supervision).child("generator", Options::new(), self.0.pool.keeper()).supervisor()
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// What went through so far.
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let shared = &self.0;
        Counts {
            requests: read(&shared.requests),
            from_cache: read(&shared.from_cache),
            failed: read(&shared.failed),
            lost: read(&shared.lost),
        }
    }

    /// The key under which a request's product is kept: over all of the request, over what its backend is
    /// beyond its name, and over the engine's version.
    ///
    /// # Errors
    /// [`Failure`] where there is no such backend, or where it is nothing that JSON can say.
    pub fn key(&self, request: &Request) -> Result<Key, Failure> {
        let identity = self.0.kitchen.identity(request)?;
        Ok(Key::of(&(request, identity, env!("CARGO_PKG_VERSION")))?)
    }

    /// Makes what is asked for, or takes it from the cache.
    ///
    /// # Errors
    /// [`Failure`]: why there is none. Dropping the future cancels.
    pub async fn generate(
        &self,
        request: &Request,
        limit: Duration,
        watch: &Watch,
    ) -> Result<Product, Failure> {
        let shared = &self.0;
        shared.requests.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let span = Span { begun, deadline: begun + limit };
        let made = match timeout_at(span.deadline, self.made_or_kept(request, span, watch)).await {
            Ok(made) => made,
            Err(_) => Err(Failure::new(
                FailureKind::Timeout,
                format!("not done within {} s; allow it more, or ask for less", limit.as_secs_f64()),
            )),
        };
        match &made {
            Ok(product) if product.from_cache => shared.from_cache.fetch_add(1, Ordering::Relaxed),
            Ok(_) => 0,
            Err(_) => shared.failed.fetch_add(1, Ordering::Relaxed),
        };
        made
    }

    async fn made_or_kept(&self, request: &Request, span: Span, watch: &Watch) -> Result<Product, Failure> {
        request.check().map_err(|error| Failure::new(FailureKind::Usage, error.to_string()))?;
        let backend = self.0.kitchen.backend(&request.backend)?;
        let key = self.key(request)?;
        let mut fresh = None;
        let make = async || {
            let product = self.make(request, &backend, span, watch).await?;
            watch(Progress::at(Stage::Keeping));
            let entry = product.to_entry(request)?;
            let likeness = product.likeness();
            let twin = likeness.and_then(|l| self.0.cache.find_fingerprint(&l, DIFFERENT_AT_MOST));
            fresh = Some((product, twin));
            Ok::<_, Failure>(entry)
        };
        let served = self.0.cache.get_or(key, make).await?;
        match fresh {
            Some((mut product, twin)) => {
                let same = twin.map(|(key, _)| format!("it is the same music as what is kept as {key}"));
                product.warnings.extend(same);
                product.unkept = served.warning.map(|warning| warning.to_string());
                product.warnings.extend(product.unkept.clone());
                Ok(product)
            }
            None => {
                let mut product = Product::from_entry(&served.entry)?;
                product.warnings.extend(self.tag(&key, request).await);
                Ok(product)
            }
        }
    }

    /// Gives what is kept the tags that it was asked for with; gives a warning where that cannot be done.
    pub async fn tag(&self, key: &Key, request: &Request) -> Option<String> {
        let tagged = self.0.cache.add_tags(key, &request.tags).await;
        tagged.err().map(|error| format!("it has not got the tags: {error}"))
    }

    async fn make(
        &self,
        request: &Request,
        backend: &Arc<dyn Backend>,
        span: Span,
        watch: &Watch,
    ) -> Result<Product, Failure> {
        watch(Progress::at(Stage::Waiting));
        let compartment = self.compartment(&request.backend, backend);
        let mut lost = 0;
        loop {
            let _inside = enter(&compartment, span, &request.backend).await?;
            let _place = enter(&self.0.places, span, &request.backend).await?;
            let (reply, answer) = oneshot::channel();
            let job = Job {
                request: Arc::new(request.clone()),
                backend: Arc::clone(backend),
                span,
                watch: Arc::clone(watch),
                reply,
            };
            match self.0.pool.tell(job).await {
                Ok(()) => {
                    if let Ok(made) = answer.await {
                        return made;
                    }
                    // It died under the request, and its supervisor has heard of it.
                    lost += 1;
                    self.0.lost.fetch_add(1, Ordering::Relaxed);
                }
                // The pool is being started anew.
                Err(TellError::Stopped(_) | TellError::Full(_)) => lost += 1,
            }
            if lost >= LOST_AT_MOST {
                return Err(lost::failure(lost));
            }
            tokio::time::sleep(lost::pause(lost)).await;
        }
    }

    /// What of a backend may be under way: never so much that no generator is left for the others.
    fn compartment(&self, name: &str, backend: &Arc<dyn Backend>) -> Bulkhead {
        let mut compartments = self.0.compartments.lock().unwrap_or_else(PoisonError::into_inner);
        let most = self.0.settings.generators.saturating_sub(1).max(1);
        compartments
            .entry(name.to_owned())
            .or_insert_with(|| Bulkhead::new(backend.in_flight().clamp(1, most), WAITING))
            .clone()
    }
}

async fn enter(bulkhead: &Bulkhead, span: Span, backend: &str) -> Result<Place, Failure> {
    let limit = span.deadline.saturating_duration_since(Instant::now());
    bulkhead.enter(limit).await.map_err(|error| {
        let (kind, error) = match error {
            BulkheadError::Full { .. } => (FailureKind::Busy, error),
            // All that it waited, not only here.
            BulkheadError::Late(_) => (FailureKind::Timeout, BulkheadError::Late(span.begun.elapsed())),
        };
        Failure::new(kind, format!("too much is asked of `{backend}` at once ({error}); ask again later"))
    })
}

/// A server that is away or slow is no fault of the pipeline: such a generator begins anew. Whatever
/// else befalls one may be more than its own, and goes up.
fn supervision() -> Supervision {
    Supervision {
        strategy: Strategy::OneForOne,
        directives: Directives::all(Directive::Escalate)
            .on(Generator::NETWORK, Directive::Restart)
            .on(Generator::TIMEOUT, Directive::Restart)
            .on(FaultKind::KILLED, Directive::Restart),
        window: Window { restarts: 3, within: Duration::from_secs(60) },
        ..Supervision::default()
    }
}
