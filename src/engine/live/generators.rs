use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::parts::{Parts, take_over};
use super::renderer::RendererMessage;
use super::tree;
use crate::actor::{Actor, Context, Heirloom, Held, Options, Outcome};
use crate::engine::supplier::Supplier;

/// How often a keeper looks what is wanted. A segment lasts seconds.
const LOOK: Duration = Duration::from_millis(50);
/// After a failure nothing is asked for this long.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// How long a keeper that is not needed any more may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the keeper of all generators takes.
pub(super) enum GeneratorsMessage {
    /// These are in the rig from now on.
    Set(Vec<Supplier>),
}

/// The keepers' keepings, by name.
pub(super) struct Suppliers(BTreeMap<String, Heirloom<Supplier>>);

impl Suppliers {
    pub(super) fn new(suppliers: impl IntoIterator<Item = Supplier>) -> Suppliers {
        let kept = |supplier: Supplier| (supplier.name().to_owned(), Heirloom::new(supplier));
        Suppliers(suppliers.into_iter().map(kept).collect())
    }
}

/// Supervises the keepers of the rig's generators, and starts and ends them as the rig is changed.
pub(super) struct Generators {
    parts: Arc<Parts>,
    suppliers: Held<Suppliers>,
}

impl Generators {
    pub(super) fn new(parts: &Arc<Parts>) -> Generators {
        Generators { parts: Arc::clone(parts), suppliers: take_over(&parts.generators) }
    }

    fn spawn(&self, name: &str, context: &mut Context<Generators>) {
        let Some(supplier) = self.suppliers.0.get(name).cloned() else { return };
        let parts = Arc::clone(&self.parts);
        let keeper = move || GeneratorKeeper { parts: Arc::clone(&parts), supplier: take_over(&supplier) };
        if let Err(error) = context.spawn(name, Options::new(), keeper) {
            self.parts.board.say(format!("{error}; `{name}` gets no new material"));
        }
    }

    async fn set(&mut self, suppliers: Vec<Supplier>, context: &mut Context<Generators>) {
        let mut known: BTreeMap<String, Supplier> =
            suppliers.into_iter().map(|supplier| (supplier.name().to_owned(), supplier)).collect();
        let names: Vec<String> = self.suppliers.0.keys().cloned().collect();
        for name in names {
            let address = context.child(&name);
            // One that goes on with the same performer is left alone; it must stand still to be asked.
            if let Some(child) = address
                && let Err(error) = child.stop_and_wait(FAREWELL).await
            {
                tracing::warn!(%error, "a keeper does not end");
            }
            let old = self.suppliers.0.remove(&name).and_then(|heirloom| heirloom.take().map(Held::keep));
            if let (Some(old), Some(new)) = (old, known.get_mut(&name))
                && old.is_same(new)
            {
                *new = old;
            }
        }
        for (name, supplier) in known {
            self.suppliers.0.insert(name.clone(), Heirloom::new(supplier));
            self.spawn(&name, context);
        }
    }
}

impl Actor for Generators {
    type Message = GeneratorsMessage;
    const LABELS: &'static [&'static str] = &["set"];

    async fn started(&mut self, context: &mut Context<Generators>) -> Outcome {
        context.supervise(tree::supervision());
        for name in self.suppliers.0.keys().cloned().collect::<Vec<_>>() {
            self.spawn(&name, context);
        }
        Ok(())
    }

    async fn handle(&mut self, message: GeneratorsMessage, context: &mut Context<Generators>) -> Outcome {
        let GeneratorsMessage::Set(suppliers) = message;
        self.set(suppliers, context).await;
        Ok(())
    }
}

/// Keeps one generator: asks for its next segment ahead, and lends it. Killed in the middle, the next
/// incarnation asks again; what was lent plays on.
pub(super) struct GeneratorKeeper {
    parts: Arc<Parts>,
    supplier: Held<Supplier>,
}

/// What it takes.
pub(super) struct Look;

impl GeneratorKeeper {
    async fn look(&mut self) -> Duration {
        let board = &self.parts.board;
        let (frame, transport) = {
            let shown = board.shown();
            (shown.snapshot.frame, shown.snapshot.transport)
        };
        let Some(index) = self.supplier.wanted(frame, &transport) else { return LOOK };
        let (workshop, order) = (self.parts.workshop.clone(), self.supplier.order().clone());
        let made = tokio::task::spawn_blocking(move || workshop.segment(&order, index)).await;
        match made {
            Ok(Ok(segment)) => {
                let swap = self.supplier.lend(segment, board.frame());
                self.parts.addresses.to_renderer(RendererMessage::Lend(Box::new(swap)));
                Duration::ZERO
            }
            Ok(Err(failure)) => {
                board.say(format!("`{}` has nothing new to play: {failure}", self.supplier.name()));
                AFTER_FAILURE
            }
            Err(_) => AFTER_FAILURE,
        }
    }
}

impl Actor for GeneratorKeeper {
    type Message = Look;
    const LABELS: &'static [&'static str] = &["look"];

    async fn started(&mut self, context: &mut Context<GeneratorKeeper>) -> Outcome {
        context.after(Duration::ZERO, Look);
        Ok(())
    }

    async fn handle(&mut self, _: Look, context: &mut Context<GeneratorKeeper>) -> Outcome {
        let wait = self.look().await;
        context.after(wait, Look);
        Ok(())
    }
}
