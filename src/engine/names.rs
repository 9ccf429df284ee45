use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the Renderer's nodes are called, for a thread that may not wait to know. Real-time: no.
#[derive(Clone, Default)]
pub(super) struct Names(Arc<Mutex<BTreeMap<u16, Box<str>>>>);

impl Names {
    pub(super) fn set(&self, node: u16, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node, name.into());
    }

    /// The name of a node; empty where it has none.
    pub(super) fn of(&self, node: u16) -> String {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&node).map(|name| name.to_string()).unwrap_or_default()
    }

    /// The name of a node, if it has one and nobody is just changing it.
    pub(super) fn get(&self, node: u16) -> Option<String> {
        self.0.try_lock().ok()?.get(&node).map(|name| name.to_string())
    }
}
