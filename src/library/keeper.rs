use std::time::Duration;

use super::cache::Cache;
use crate::actor::{Actor, Context, Fault, FaultKind, Outcome};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);

/// What a [`CacheKeeper`] takes: a beat of its own.
pub struct CacheMessage;

/// The actor that looks after a cache: sees what other processes did, writes down how often entries were
/// found, and removes what is too old. The cache answers with and without it, and in whatever state it is
/// killed, the next goes on.
pub struct CacheKeeper {
    cache: Cache,
}

impl CacheKeeper {
    pub(super) fn new(cache: Cache) -> CacheKeeper {
        CacheKeeper { cache }
    }

    async fn on_the_disk(&self, work: impl FnOnce(&Cache) + Send + 'static) -> Outcome {
        let cache = self.cache.clone();
        let worked = tokio::task::spawn_blocking(move || work(&cache)).await;
        worked.map_err(|error| Fault::new(FaultKind::PANIC, error.to_string()))
    }
}

impl Actor for CacheKeeper {
    type Message = CacheMessage;
    const LABELS: &'static [&'static str] = &["tidy"];

    async fn started(&mut self, context: &mut Context<CacheKeeper>) -> Outcome {
        context.every(LOOK, || CacheMessage);
        Ok(())
    }

    async fn handle(&mut self, _: CacheMessage, _: &mut Context<CacheKeeper>) -> Outcome {
        self.on_the_disk(Cache::tidy).await
    }

    async fn stopped(&mut self, _: &mut Context<CacheKeeper>) {
        let flushed = self.on_the_disk(|cache| {
            if let Err(error) = cache.flush() {
                tracing::warn!(%error, "how often entries were found could not be written down");
            }
        });
        if let Err(fault) = flushed.await {
            tracing::warn!(%fault, "the cache's last flush failed");
        }
    }
}
