use std::time::Duration;

use super::super::{Failure, FailureKind};

/// How long to wait before a request is given to the next generator.
pub(super) fn pause(lost: u32) -> Duration {
    Duration::from_millis(20 << lost.min(5))
}

pub(super) fn failure(lost: u32) -> Failure {
    let message = format!(
        "{lost} generators failed over this request; the others go on. Ask for something else, or look at what \
         failed with ANTIPHON_LOG=info"
    );
    Failure::new(FailureKind::Fault, message).after(lost)
}
