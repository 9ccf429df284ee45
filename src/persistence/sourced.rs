use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::DecodeError;

/// A state that is made of events, and of nothing else.
///
/// The same events come to the same state, on every machine and in every process: [`apply`](Self::apply)
/// reads no clock and draws nothing. What a state cannot know (the time, a random number) is in its events.
pub trait EventSourced: Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What happens to it.
    type Event: Serialize + DeserializeOwned + Send + 'static;

    /// What sort of stream it is; two states of different sorts never share a stream.
    const KIND: &'static str;

    /// The version in which events and snapshots are written. One higher whenever one of before would be
    /// read as something else; those of one version before go through [`upgrade`](Self::upgrade) and
    /// [`upgrade_state`](Self::upgrade_state).
    const VERSION: u32;

    /// How many events come between two snapshots. Those from before the last but one are not kept.
    const SNAPSHOT_EVERY: u64 = 500;

    /// What an event does to it. Never fails: what may not happen is refused before it is an event.
    fn apply(&mut self, event: &Self::Event);

    /// An event of the version before this one, as an event of this one.
    ///
    /// # Errors
    /// [`DecodeError`] where it is none.
    fn upgrade(version: u32, json: serde_json::Value) -> Result<Self::Event, DecodeError> {
        let _ = json;
        Err(DecodeError::Older { version, known: Self::VERSION })
    }

    /// A state of the version before this one, as one of this one.
    ///
    /// # Errors
    /// [`DecodeError`] where it is none.
    fn upgrade_state(version: u32, json: serde_json::Value) -> Result<Self, DecodeError> {
        let _ = json;
        Err(DecodeError::Older { version, known: Self::VERSION })
    }
}
