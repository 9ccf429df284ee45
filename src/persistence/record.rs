use serde::de::DeserializeOwned;

use super::sourced::EventSourced;

/// The longest event or snapshot, in bytes: longer ones are refused, not read.
pub(super) const EVENT_BYTES: usize = 1 << 20;
pub(super) const SNAPSHOT_BYTES: usize = 256 << 20;

/// Why bytes are no event or state.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a later version of the program.
    #[error(
        "it was written in version {version} by a newer Antiphon, and this one knows {known}: use the newer one"
    )]
    Newer {
        /// The version that it is in.
        version: u32,
        /// The version that is known.
        known: u32,
    },
    /// Written by a version that is too long ago.
    #[error(
        "it was written in version {version} by an older Antiphon, and this one reads {known} and the one before: move the file away, or open it once with the Antiphon in between"
    )]
    Older {
        /// The version that it is in.
        version: u32,
        /// The version that is known.
        known: u32,
    },
    /// Not what it should be.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// An event from the bytes in a file. Pure, and takes any bytes.
///
/// # Errors
/// [`DecodeError`], by the version or by the bytes.
pub fn decode_event<S: EventSourced>(version: u32, bytes: &[u8]) -> Result<S::Event, DecodeError> {
    if bytes.len() > EVENT_BYTES {
        return Err(DecodeError::Damaged(format!("an event of {} bytes", bytes.len())));
    }
    if version == S::VERSION {
        parse(bytes)
    } else if version > S::VERSION {
        Err(DecodeError::Newer { version, known: S::VERSION })
    } else if version + 1 == S::VERSION {
        S::upgrade(version, parse(bytes)?)
    } else {
        Err(DecodeError::Older { version, known: S::VERSION })
    }
}

/// A state from the bytes of a snapshot. Pure, and takes any bytes.
///
/// # Errors
/// [`DecodeError`], by the version or by the bytes.
pub fn decode_snapshot<S: EventSourced>(version: u32, bytes: &[u8]) -> Result<S, DecodeError> {
    if bytes.len() > SNAPSHOT_BYTES {
        return Err(DecodeError::Damaged(format!("a snapshot of {} bytes", bytes.len())));
    }
    if version == S::VERSION {
        parse(bytes)
    } else if version > S::VERSION {
        Err(DecodeError::Newer { version, known: S::VERSION })
    } else if version + 1 == S::VERSION {
        S::upgrade_state(version, parse(bytes)?)
    } else {
        Err(DecodeError::Older { version, known: S::VERSION })
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(bytes).map_err(|error| DecodeError::Damaged(error.to_string()))
}

/// Tells a row that changed on the disk from the one that was written: CRC-32 over where it
/// stands and what it says.
pub(super) fn checksum(stream: &str, number: u64, version: u32, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(stream.as_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(&version.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}
