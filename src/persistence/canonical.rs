use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// JSON of which there is only one for a value: no blanks, keys in the order of their bytes.
///
/// # Errors
/// Where a map has keys that are no text, or its own `Serialize` fails.
pub fn canonical_json(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    write(&serde_json::to_value(value)?, &mut bytes)?;
    Ok(bytes)
}

/// SHA-256 over [`canonical_json`].
///
/// # Errors
/// As there.
pub fn hash_of(value: &impl Serialize) -> Result<[u8; 32], serde_json::Error> {
    Ok(Sha256::digest(canonical_json(value)?).into())
}

/// Whether a `Value` sorts its keys is up to whoever else is linked into the program: so it is done here.
fn write(value: &Value, to: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match value {
        Value::Array(items) => {
            to.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    to.push(b',');
                }
                write(item, to)?;
            }
            to.push(b']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            to.push(b'{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    to.push(b',');
                }
                serde_json::to_writer(&mut *to, key)?;
                to.push(b':');
                write(&map[key], to)?;
            }
            to.push(b'}');
        }
        plain => serde_json::to_writer(to, plain)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let one: Value = serde_json::from_str(r#"{ "b": [1, 2.5, {"z": null, "a": "\u00e9"}], "a": 1 }"#)
            .expect("it is JSON");
        let other: Value =
            serde_json::from_str(r#"{"a":1,"b":[1,2.5,{"a":"é","z":null}]}"#).expect("it is JSON");
        assert_eq!(canonical_json(&one).expect("written"), canonical_json(&other).expect("written"));
        assert_eq!(hash_of(&one).expect("hashed"), hash_of(&other).expect("hashed"));
        assert_ne!(hash_of(&one).expect("hashed"), hash_of(&json!({"a": 2})).expect("hashed"));
    }

    /// `printf '{"a":1}' | sha256sum`
    #[test]
    fn the_hash_is_that_of_the_text() {
        let hash = hash_of(&json!({"a": 1})).expect("hashed");
        assert_eq!(hash[..4], [0x01, 0x5a, 0xbd, 0x7f]);
    }

    #[test]
    fn a_number_reads_back_as_the_one_that_was_written() {
        for number in [-3.520_197_466_855_279_3e-9, -14.032_817_840_576_172, 0.1 + 0.2, f64::MIN_POSITIVE] {
            let text = canonical_json(&number).expect("written");
            assert_eq!(serde_json::from_slice::<f64>(&text).expect("read"), number);
            assert_eq!(serde_json::from_slice::<Value>(&text).expect("read").as_f64(), Some(number));
        }
    }
}
