use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::LibraryError;
use crate::persistence::hash_of;

/// The engine's version, and a number that goes up when the same request comes to other music.
const ENGINE: &str = concat!(env!("CARGO_PKG_VERSION"), ".1");

/// What an entry is found by: a SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of what was asked for: over the canonical JSON of all its fields and this engine's version.
    ///
    /// # Errors
    /// [`LibraryError::Key`] for what JSON cannot say.
    pub fn of(request: &impl Serialize) -> Result<Key, LibraryError> {
        #[derive(Serialize)]
        struct Whole<'a, R> {
            engine: &'static str,
            request: &'a R,
        }
        let whole = Whole { engine: ENGINE, request };
        hash_of(&whole).map(Key).map_err(|error| LibraryError::Key(error.to_string()))
    }

    /// A key or a content's name from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Key {
        Key(bytes)
    }

    /// Its bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl FromStr for Key {
    type Err = LibraryError;

    fn from_str(text: &str) -> Result<Key, LibraryError> {
        let wrong = || LibraryError::Key(format!("`{text}` is no key: 64 hexadecimal digits are"));
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Key(bytes))
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_field_makes_another_key_and_the_order_does_not() {
        let key = |value: serde_json::Value| Key::of(&value).expect("a key");
        let one = key(json!({"description": "a waltz", "seed": 1, "rate_hertz": 48_000}));
        assert_eq!(one, key(json!({"rate_hertz": 48_000, "seed": 1, "description": "a waltz"})));
        for other in [
            json!({"description": "a waltz", "seed": 2, "rate_hertz": 48_000}),
            json!({"description": "a waltz", "seed": 1, "rate_hertz": 44_100}),
            json!({"description": "a Waltz", "seed": 1, "rate_hertz": 48_000}),
            json!({"description": "a waltz", "seed": 1, "rate_hertz": 48_000, "key": null}),
        ] {
            assert_ne!(one, key(other));
        }
    }

    #[test]
    fn its_text_is_read_back() {
        let key = Key::of(&1).expect("a key");
        assert_eq!(key.to_string().parse(), Ok(key));
        for wrong in ["", "ab", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
            assert!(wrong.parse::<Key>().is_err(), "{wrong}");
        }
    }
}
