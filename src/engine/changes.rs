use crate::render::{Command, RAMP_SECONDS, Swap};
use crate::rig::{DeployError, Deployment, Rig};
use crate::unit::{Frame, QUANTUM_FRAMES, SampleRate};

/// Takes a Renderer from one rig to the next: what is to be lent when.
pub(super) struct Changes {
    deployment: Deployment,
    rate: SampleRate,
    /// When the parcel of the change under way came back.
    done_at: Option<Frame>,
    changing: bool,
    awaited_tag: u64,
}

/// The first step of a change.
pub(super) struct Step {
    /// To be sent first.
    pub(super) commands: Vec<Command>,
    /// To be lent then.
    pub(super) swap: Swap,
    /// The places at which something else stands from now on.
    pub(super) replaced: Vec<u16>,
}

/// How a change gets on.
#[allow(clippy::large_enum_variant)] // It is passed on at once, and kept nowhere.
pub(super) enum Progress {
    /// It waits, or there is none.
    Nothing,
    /// This is to be lent next.
    Lend(Swap),
    /// The changed rig plays.
    Done,
}

impl Changes {
    pub(super) fn new(deployment: Deployment, rate: SampleRate) -> Changes {
        Changes { deployment, rate, done_at: None, changing: false, awaited_tag: 0 }
    }

    pub(super) fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    pub(super) fn is_changing(&self) -> bool {
        self.changing
    }

    /// Begins a change; the one before it must be done.
    pub(super) fn begin(&mut self, rig: Rig) -> Result<Step, DeployError> {
        let change = self.deployment.change(rig)?;
        self.changing = true;
        self.done_at = None;
        let replaced = change.swap.nodes.iter().map(|(node, _)| *node).collect();
        Ok(Step { commands: change.commands, swap: self.tagged(change.swap), replaced })
    }

    fn tagged(&mut self, swap: Swap) -> Swap {
        self.awaited_tag += 1;
        Swap { tag: self.awaited_tag, ..swap }
    }

    /// The Renderer is done with a parcel.
    pub(super) fn done(&mut self, tag: u64, frame: Frame) {
        if self.changing && tag == self.awaited_tag {
            self.done_at = Some(frame);
        }
    }

    /// Goes on where the fades of the step before are over.
    pub(super) fn go_on(&mut self, now: Frame) -> Progress {
        let Some(done_at) = self.done_at else { return Progress::Nothing };
        let fade = self.rate.frames(RAMP_SECONDS) + 2 * QUANTUM_FRAMES as Frame;
        if now < done_at + fade {
            return Progress::Nothing;
        }
        self.done_at = None;
        if let Some(swap) = self.deployment.settle() {
            return Progress::Lend(self.tagged(swap));
        }
        self.changing = false;
        tracing::info!(rig = self.deployment.rig().name, "the changed rig plays");
        Progress::Done
    }
}
