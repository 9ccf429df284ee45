use std::collections::BTreeMap;

use super::conductor::Happening;
use super::doors::AHEAD_SECONDS;
use super::mending::{Cure, History, Mending};
use super::summary::FaultRecord;
use crate::render::{Account, Fault, Remains, Swap};
use crate::rig::Blueprint;
use crate::rt::guard::Place;
use crate::unit::{Frame, SampleRate};

/// How an instrument or a stage fares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StageState {
    /// It sounds, or could.
    #[default]
    Playing,
    /// It failed, and a fresh one is on its way.
    Rebuilding,
    /// It failed too often: silent until it is tried again.
    Quarantined,
    /// It cannot be built any more.
    GivenUp,
}

impl StageState {
    /// The word used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            StageState::Playing => "playing",
            StageState::Rebuilding => "rebuilding",
            StageState::Quarantined => "quarantined",
            StageState::GivenUp => "given up",
        }
    }
}

/// Keeps one instrument or stage: knows how to build it with its last good
/// parameters, what it has been through, and when a fresh one is due.
pub(super) struct Keeper {
    node: u16,
    blueprint: Blueprint,
    rate: SampleRate,
    mending: Mending,
    seed: u64,
    history: History,
    /// Parameters that were changed since it was built from the rig.
    values: BTreeMap<u16, f32>,
    due: Option<Frame>,
    state: StageState,
}

impl Keeper {
    pub(super) fn new(
        node: u16,
        blueprint: Blueprint,
        rate: SampleRate,
        mending: Mending,
        seed: u64,
    ) -> Keeper {
        Keeper {
            node,
            blueprint,
            rate,
            mending,
            seed: seed ^ u64::from(node) << 32,
            history: History::default(),
            values: BTreeMap::new(),
            due: None,
            state: StageState::Playing,
        }
    }

    pub(super) fn node(&self) -> u16 {
        self.node
    }

    pub(super) fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    pub(super) fn rate(&self) -> SampleRate {
        self.rate
    }

    pub(super) fn state(&self) -> StageState {
        self.state
    }

    pub(super) fn set_mending(&mut self, mending: Mending) {
        self.mending = mending;
    }

    /// A parameter was changed: a fresh one gets it too.
    pub(super) fn set(&mut self, index: u16, value: f32) {
        self.values.insert(index, value);
    }

    /// The rig was changed; it plays on.
    pub(super) fn renew(&mut self, blueprint: Blueprint) {
        self.blueprint = blueprint;
    }

    /// What there is to keep of a fault.
    pub(super) fn record(&self, fault: &Fault) -> FaultRecord {
        let place = (fault.place != Place::NONE).then(|| fault.place.to_string());
        let actor = self.blueprint.name().to_owned();
        FaultRecord { actor, kind: fault.kind, frame: fault.frame, place, message: None }
    }

    /// It failed: gives the parcel that asks for its remains, marked so, and what
    /// the musician should hear of.
    pub(super) fn fault(&mut self, fault: &Fault, mark: u64) -> (Swap, Happening) {
        let Fault { node, kind, frame, place } = *fault;
        let actor = self.blueprint.name().to_owned();
        tracing::warn!(actor, fault = kind.name(), frame, %place, "a processor failed");
        let swap = Swap { remains: vec![Remains { node, mark, ..Remains::default() }], ..Swap::default() };
        let Cure { back_at, is_quarantine } = self.history.fault(frame, &self.mending, self.seed, self.rate);
        self.due = Some(back_at);
        let fault = kind.name();
        if !is_quarantine {
            self.state = StageState::Rebuilding;
            return (swap, Happening::Rebuilding { actor, fault });
        }
        self.state = StageState::Quarantined;
        let seconds = self.rate.seconds(back_at.saturating_sub(frame));
        (swap, Happening::Quarantined { actor, fault, seconds })
    }

    /// How many frames from now on a fresh one is to be built, if one is due.
    pub(super) fn due_in(&self, now: Frame) -> Option<Frame> {
        self.due.map(|due| due.saturating_sub(now + self.rate.frames(AHEAD_SECONDS)))
    }

    /// Builds a fresh one where that is due: the parcel to be lent, or why there
    /// is none.
    pub(super) fn rebuild(&mut self, now: Frame) -> Option<Result<Swap, Happening>> {
        if self.due_in(now)? > 0 {
            return None;
        }
        let not_before = self.due.take();
        let values: Vec<(u16, f32)> = self.values.iter().map(|(index, value)| (*index, *value)).collect();
        Some(match self.blueprint.build(values.iter().copied()) {
            Ok(fresh) => {
                self.state = StageState::Playing;
                let account = Account::Revival { rigs: self.blueprint.rigs(), values };
                let revived = vec![(self.node, Some(fresh.into()))];
                Ok(Swap { not_before, revived, account: Some(Box::new(account)), ..Swap::default() })
            }
            Err(error) => {
                self.state = StageState::GivenUp;
                let actor = self.blueprint.name().to_owned();
                Err(Happening::GivenUp { actor, reason: error.to_string() })
            }
        })
    }
}
