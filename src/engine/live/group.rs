use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::parts::{Parts, take_over};
use super::renderer::RendererMessage;
use super::stage::{StageKeeper, StageMessage};
use super::{SEED, tree};
use crate::actor::{Actor, Address, Context, Heirloom, Held, Options, Outcome};
use crate::engine::keeper::Keeper;
use crate::engine::mending::Mending;
use crate::rig::Blueprint;
use crate::stage::Role;
use crate::unit::SampleRate;

/// How long a keeper that is not needed any more may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the keeper of all instruments, or all stages, takes.
pub(super) enum GroupMessage {
    /// These are in the rig from now on.
    Set(Vec<Seat>),
}

/// One instrument or stage of a rig that was changed.
pub(super) struct Seat {
    pub(super) node: u16,
    pub(super) blueprint: Blueprint,
    /// Parameters that were changed; `None` where it was built anew.
    pub(super) kept: Option<Vec<(u16, f32)>>,
}

/// The keepers' keepings, by name.
pub(super) struct Members {
    rate: SampleRate,
    mending: Mending,
    members: BTreeMap<String, Member>,
}

struct Member {
    node: u16,
    keeper: Heirloom<Keeper>,
    address: Option<Address<StageMessage>>,
}

impl Members {
    pub(super) fn new(keepers: impl Iterator<Item = Keeper>, rate: SampleRate, mending: Mending) -> Members {
        let member = |keeper: Keeper| {
            let (name, node) = (keeper.blueprint().name().to_owned(), keeper.node());
            (name, Member { node, keeper: Heirloom::new(keeper), address: None })
        };
        Members { rate, mending, members: keepers.map(member).collect() }
    }
}

/// Supervises the keepers of all instruments, or of all stages, and starts and
/// ends them as the rig is changed.
pub(super) struct Group {
    parts: Arc<Parts>,
    members: Held<Members>,
}

impl Group {
    pub(super) fn new(parts: &Arc<Parts>, role: Role) -> Group {
        let members = match role {
            Role::Instrument => &parts.instruments,
            Role::Stage => &parts.stages,
            Role::Clip => &parts.clips,
        };
        Group { parts: Arc::clone(parts), members: take_over(members) }
    }

    fn spawn(&mut self, name: &str, context: &mut Context<Group>) {
        let Some(member) = self.members.members.get_mut(name) else { return };
        let (parts, keeper) = (Arc::clone(&self.parts), member.keeper.clone());
        match context.spawn(name, Options::new(), move || StageKeeper::new(&parts, &keeper)) {
            Ok(address) => {
                member.address = Some(address.clone());
                let route = RendererMessage::Route { node: member.node, to: Some(address) };
                self.parts.addresses.to_renderer(route);
            }
            Err(error) => {
                self.parts.board.say(format!("{error}; `{name}` cannot be brought back when it fails"))
            }
        }
    }

    async fn end(&mut self, name: &str, context: &mut Context<Group>) {
        let Some(member) = self.members.members.remove(name) else { return };
        self.parts.addresses.to_renderer(RendererMessage::Route { node: member.node, to: None });
        if let Some(child) = context.child(name) {
            self.parts.board.forget_stage(child.path());
            if let Err(error) = child.stop_and_wait(FAREWELL).await {
                tracing::warn!(%error, "a keeper does not end");
            }
        }
    }

    async fn set(&mut self, seats: Vec<Seat>, context: &mut Context<Group>) {
        let stays = |name: &str, member: &Member| {
            let mine = |seat: &&Seat| seat.blueprint.name() == name;
            seats.iter().find(mine).is_some_and(|seat| seat.node == member.node && seat.kept.is_some())
        };
        let gone = self.members.members.iter().filter(|(name, member)| !stays(name, member));
        for name in gone.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.end(&name, context).await;
        }
        for Seat { node, blueprint, kept } in seats {
            if let Some(member) = self.members.members.get(blueprint.name()) {
                if let (Some(address), Some(values)) = (&member.address, kept) {
                    // A keeper that has no room has seen no change for a thousand messages.
                    let _ = address.try_tell(StageMessage::Renew(Box::new(blueprint), values));
                }
                continue;
            }
            let name = blueprint.name().to_owned();
            let (rate, mending) = (self.members.rate, self.members.mending);
            let keeper = Heirloom::new(Keeper::new(node, blueprint, rate, mending, SEED));
            self.members.members.insert(name.clone(), Member { node, keeper, address: None });
            self.spawn(&name, context);
        }
    }
}

impl Actor for Group {
    type Message = GroupMessage;
    const LABELS: &'static [&'static str] = &["set"];

    async fn started(&mut self, context: &mut Context<Group>) -> Outcome {
        context.supervise(tree::supervision());
        for name in self.members.members.keys().cloned().collect::<Vec<_>>() {
            self.spawn(&name, context);
        }
        Ok(())
    }

    async fn handle(&mut self, message: GroupMessage, context: &mut Context<Group>) -> Outcome {
        let GroupMessage::Set(seats) = message;
        self.set(seats, context).await;
        Ok(())
    }
}
