//! Other gear for a role of a rig's file, in which everything else stays as it was
//! written.

use toml_edit::{DocumentMut, TableLike, Value};

use super::problem::nearest;

/// Gear that is to fill a role.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Assignment {
    /// Its name, as `antiphon devices` shows it.
    pub name: String,
    /// Its serial number, where the name does not tell it from others.
    pub serial: Option<String>,
    /// Where it is plugged in, where not even that does.
    pub usb: Option<String>,
}

/// Why a rig's file was left as it is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AssignError {
    /// It is no TOML.
    #[error("it cannot be read: {0}; see `antiphon check`")]
    NotToml(String),
    /// No port of that name.
    #[error("there is no [midi.{role}] in it; {hint}")]
    NoRole {
        /// What was asked for.
        role: String,
        /// What there is.
        hint: String,
    },
    /// The port is one of our own.
    #[error("[midi.{0}] is a virtual port, which no gear fills; other programs connect to it")]
    Virtual(String),
}

/// The text of a rig in which other gear fills a role. Real-time: no.
///
/// # Errors
/// [`AssignError`] where there is no such role.
pub fn assign(text: &str, role: &str, gear: &Assignment) -> Result<String, AssignError> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| AssignError::NotToml(error.message().to_owned()))?;
    let ports = document.get_mut("midi").and_then(|item| item.as_table_like_mut());
    let names: Vec<String> =
        ports.iter().flat_map(|ports| ports.iter()).map(|(name, _)| name.to_owned()).collect();
    let no_role = || {
        let hint = match nearest(role, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "it has no MIDI ports".to_owned(),
            None => format!("there are {}", names.join(", ")),
        };
        AssignError::NoRole { role: role.to_owned(), hint }
    };
    let port = ports.and_then(|ports| ports.get_mut(role)).and_then(|item| item.as_table_like_mut());
    let port = port.ok_or_else(no_role)?;
    if port.get("virtual").and_then(|item| item.as_bool()) == Some(true) {
        return Err(AssignError::Virtual(role.to_owned()));
    }
    let pattern = literal(&gear.name);
    for key in ["in", "out"] {
        if port.contains_key(key) {
            set(port, key, pattern.as_str().into());
        }
    }
    for (key, text) in [("serial", &gear.serial), ("usb", &gear.usb)] {
        match text {
            Some(text) => set(port, key, text.as_str().into()),
            None => drop(port.remove(key)),
        }
    }
    port.remove("port");
    Ok(document.to_string())
}

/// Sets a key; what stands beside its old value stays there.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key).and_then(|item| item.as_value_mut()) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => drop(table.insert(key, toml_edit::Item::Value(value))),
    }
}

/// A pattern that means this name only.
fn literal(name: &str) -> String {
    name.chars().fold(String::new(), |mut pattern, c| {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}') {
            pattern.extend(['[', c, ']']);
        } else {
            pattern.push(c);
        }
        pattern
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIG: &str = "# mine\n[midi.keys] # the big one\nin = \"Old*\" # left\nusb = \"1-1\"\nport = 1\n\
                       [midi.box]\nin = 'A'\nout = 'A'\n[midi.own]\nvirtual = true\n";

    fn gear(name: &str, serial: Option<&str>, usb: Option<&str>) -> Assignment {
        Assignment { name: name.into(), serial: serial.map(Into::into), usb: usb.map(Into::into) }
    }

    #[test]
    fn other_gear_fills_a_role_and_the_comments_stay() {
        let text = assign(RIG, "keys", &gear("Other Keyboard", None, None)).expect("assigned");
        assert!(
            text.starts_with("# mine\n[midi.keys] # the big one\nin = \"Other Keyboard\" # left\n[midi.box]"),
            "{text}"
        );
        let text = assign(RIG, "box", &gear("B", Some("S1"), None)).expect("assigned");
        assert!(text.contains("[midi.box]\nin = \"B\"\nout = \"B\"\nserial = \"S1\"\n[midi.own]"), "{text}");
        let again = assign(&text, "box", &gear("B", None, Some("1-2"))).expect("assigned");
        assert!(again.contains("out = \"B\"\nusb = \"1-2\"\n[midi.own]"), "{again}");
        let inline = "midi = { keys = { in = 'a' } } # all\n";
        let text = assign(inline, "keys", &gear("K [1]", None, None)).expect("assigned");
        assert_eq!(text, "midi = { keys = { in = \"K [[]1[]]\" } } # all\n");
    }

    #[test]
    fn a_role_that_is_not_there_is_an_error_with_a_way_out() {
        let error =
            |text: &str, role: &str| assign(text, role, &gear("B", None, None)).expect_err(role).to_string();
        assert!(error(RIG, "kyes").contains("did you mean `keys`?"));
        assert!(error(RIG, "drums").contains("there are keys, box, own"));
        assert!(error("", "keys").contains("no MIDI ports"));
        assert!(error(RIG, "own").contains("virtual"));
        assert!(error("[midi", "keys").contains("cannot be read"));
    }
}
