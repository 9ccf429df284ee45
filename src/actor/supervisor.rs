use std::convert::Infallible;

use super::behave::Actor;
use super::context::Context;
use super::error::SpawnError;
use super::fault::{Fault, FaultKind, Outcome};
use super::supervision::{Options, Supervision};

type Spawn = Box<
    dyn for<'a> FnMut(
            &'a mut Context<Supervisor>,
        ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), SpawnError>> + Send + 'a>>
        + Send,
>;

/// An actor that does nothing but supervise: it starts its children in order, each
/// when the one before has started, and takes no messages.
pub struct Supervisor {
    supervision: Supervision,
    children: std::sync::Arc<std::sync::Mutex<Vec<Spawn>>>,
}

/// What a [`Supervisor`] is made of: how, and which children.
#[derive(Default)]
pub struct Children {
    supervision: Supervision,
    spawns: Vec<Spawn>,
}

impl Children {
    /// None yet.
    pub fn new(supervision: Supervision) -> Children {
        Children { supervision, spawns: Vec::new() }
    }

    /// One more, to be started after those before it.
    #[must_use]
    pub fn child<C: Actor>(
        mut self,
        name: &str,
        options: Options,
        build: impl FnMut() -> C + Send + 'static,
    ) -> Children {
        let name = name.to_owned();
        let build = std::sync::Arc::new(std::sync::Mutex::new(build));
        self.spawns.push(Box::new(move |context| {
            let build = std::sync::Arc::clone(&build);
            let build = move || {
                let mut build = super::sync::lock(&build);
                (*build)()
            };
            let started = context.spawn_started(&name, options.clone(), build);
            Box::pin(async move { started.await.map(drop) })
        }));
        self
    }

    /// What builds the supervisor: for [`System::spawn`](super::System::spawn) and
    /// [`Context::spawn`].
    pub fn supervisor(self) -> impl FnMut() -> Supervisor + Send + 'static {
        let children = std::sync::Arc::new(std::sync::Mutex::new(self.spawns));
        let supervision = self.supervision;
        move || Supervisor { supervision: supervision.clone(), children: std::sync::Arc::clone(&children) }
    }
}

impl Actor for Supervisor {
    type Message = Infallible;

    async fn started(&mut self, context: &mut Context<Supervisor>) -> Outcome {
        context.supervise(self.supervision.clone());
        let count = super::sync::lock(&self.children).len();
        for index in 0..count {
            let spawned = {
                let mut children = super::sync::lock(&self.children);
                match children.get_mut(index) {
                    Some(spawn) => spawn(context),
                    None => break,
                }
            };
            if let Err(error) = spawned.await {
                return Err(Fault::new(FaultKind::START, error.to_string()));
            }
        }
        Ok(())
    }

    async fn handle(&mut self, message: Infallible, _: &mut Context<Supervisor>) -> Outcome {
        match message {}
    }
}
