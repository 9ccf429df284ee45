use super::deploy::DeployError;
use super::model::Actor;
use crate::stage::{Processor, Role, Settings, StreamFormat};
use crate::unit::SampleRate;

/// How an instrument or a stage is built, as often as it has to be.
#[derive(Clone)]
pub struct Blueprint {
    actor: Actor,
    rate: SampleRate,
    seed: u64,
    /// Where its parameters stand in the scene that it is built for.
    scene: Vec<(u16, f32)>,
    rigs: u32,
}

impl Blueprint {
    /// Of the rig of this number among those that were deployed.
    pub(super) fn new(
        actor: Actor,
        rate: SampleRate,
        seed: u64,
        scene: Vec<(u16, f32)>,
        rigs: u32,
    ) -> Blueprint {
        Blueprint { actor, rate, seed, scene, rigs }
    }

    /// The actor of the rig.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Which rig of those that were deployed it is of, counted from 1.
    pub fn rigs(&self) -> u32 {
        self.rigs
    }

    /// Its name in the rig.
    pub fn name(&self) -> &str {
        &self.actor.name
    }

    /// Whether it is an instrument or a stage.
    pub fn role(&self) -> Role {
        self.actor.role()
    }

    /// A fresh processor, with the rig's settings but for `values`: parameters, by
    /// index, that were changed since.
    ///
    /// # Errors
    /// [`DeployError`] where its kind refuses.
    pub fn build(&self, values: impl Iterator<Item = (u16, f32)>) -> Result<Box<dyn Processor>, DeployError> {
        let Actor { name, kind, settings, .. } = &self.actor;
        let mut settings: Settings = settings.clone();
        for (index, value) in self.scene.iter().copied().chain(values) {
            if let Some(parameter) = kind.parameters().get(usize::from(index)).filter(|_| !value.is_nan()) {
                settings.set(usize::from(index), parameter.shape.value_of(value));
            }
        }
        let format = StreamFormat { rate: self.rate, seed: seed_of(name, self.seed) };
        kind.prepare(&settings, format).map_err(|reason| DeployError::Actor { actor: name.clone(), reason })
    }
}

/// FNV-1a over the actor's name, and the run's seed: so that two actors differ.
pub(super) fn seed_of(name: &str, seed: u64) -> u64 {
    name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
