use std::sync::{Mutex, PoisonError};

use super::probe::Probe;
use crate::stage::{Kind, Parameter, PrepareError, Processor, Role, Settings, StreamFormat};

/// How a rig names it; only the measurement's own kinds have it.
pub(super) const KIND: &str = "latency-probe";

/// The kind that puts one probe into a rig.
pub(super) struct ProbeKind(Mutex<Option<Probe>>);

impl ProbeKind {
    pub(super) fn new(probe: Probe) -> ProbeKind {
        ProbeKind(Mutex::new(Some(probe)))
    }
}

impl Kind for ProbeKind {
    fn name(&self) -> &'static str {
        KIND
    }

    fn role(&self) -> Role {
        Role::Stage
    }

    fn summary(&self) -> &'static str {
        "plays a signal and hears it come back"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }

    fn prepare(&self, _: &Settings, _: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(probe) => Ok(Box::new(probe)),
            None => Err(PrepareError("the probe is in use".to_owned())),
        }
    }
}
