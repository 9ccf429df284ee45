use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::task::block_in_place;

use super::parts::{Parts, send};
use super::rig::RigMessage;
use crate::actor::{Actor, Context, Outcome};
use crate::engine::sounds;
use crate::rig::{Rig, Watch};
use crate::stage::Kinds;

/// How often the watch is asked.
const LOOK: Duration = Duration::from_millis(20);

/// A rig file that is loaded again when it is saved.
pub(super) struct Loading {
    path: PathBuf,
    kinds: Kinds,
    /// The saved state that plays, or was refused.
    seen: Mutex<Option<SystemTime>>,
}

impl Loading {
    pub(super) fn new(path: PathBuf, kinds: Kinds) -> Loading {
        let seen = Mutex::new(modified(&path));
        Loading { path, kinds, seen }
    }

    /// Whether the file was saved since it was last seen: it is seen now.
    fn is_new(&self) -> bool {
        let now = modified(&self.path);
        let before = std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), now);
        before != now && now.is_some()
    }
}

fn modified(path: &PathBuf) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// Watches the rig's file, and loads it when it was saved.
pub(super) struct Loader {
    parts: Arc<Parts>,
    loading: Arc<Loading>,
    watch: Option<(Watch, mpsc::Receiver<()>)>,
}

/// What it takes.
pub(super) struct Look;

impl Loader {
    pub(super) fn new(parts: &Arc<Parts>, loading: &Arc<Loading>) -> Loader {
        Loader { parts: Arc::clone(parts), loading: Arc::clone(loading), watch: None }
    }

    fn change(&self, mut rig: Rig) {
        let board = &self.parts.board;
        let rate = board.shown().info.rate;
        let workshop = &self.parts.workshop;
        if let Err(error) = block_in_place(|| sounds::load_all(&mut rig, rate, workshop)) {
            return board.say(format!("{error}; the old rig plays on"));
        }
        send(&self.parts.addresses.rig, RigMessage::Change(Box::new(rig)));
    }

    /// A saved rig that cannot be played leaves the old one playing.
    fn load(&self) {
        self.loading.is_new();
        match block_in_place(|| crate::rig::load(&self.loading.path, &self.loading.kinds)) {
            Ok(rig) => self.change(rig),
            Err(error) => {
                error.to_string().lines().for_each(|line| self.parts.board.say(line));
                self.parts.board.say("the old rig plays on");
            }
        }
    }
}

impl Actor for Loader {
    type Message = Look;
    const LABELS: &'static [&'static str] = &["look"];

    async fn started(&mut self, context: &mut Context<Loader>) -> Outcome {
        let board = &self.parts.board;
        match block_in_place(|| Watch::new(&self.loading.path)) {
            Ok((watch, saved)) => {
                if let Some(reason) = watch.fallback() {
                    board.say(reason);
                }
                self.watch = Some((watch, saved));
            }
            Err(error) => {
                board.say(format!("changes to {} will not be seen: {error}", self.loading.path.display()));
            }
        }
        // Saved while nobody watched.
        if self.loading.is_new() {
            self.load();
        }
        context.every(LOOK, || Look);
        Ok(())
    }

    async fn handle(&mut self, _: Look, _: &mut Context<Loader>) -> Outcome {
        if let Some((_, saved)) = &mut self.watch
            && saved.try_recv().is_ok()
        {
            self.load();
        }
        Ok(())
    }
}
