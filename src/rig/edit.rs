//! Changes to a rig's file that leave everything else in it as it is: comments,
//! order and blanks.

use std::io::{self, Write};
use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::midi::registered::Parameter;
use crate::render::Listen;

/// What a `[[control]]` says.
#[derive(Clone, PartialEq, Debug)]
pub struct ControlEntry {
    /// The MIDI port that is listened to; every one where it is `None`.
    pub from: Option<String>,
    /// What is heard: one, or a pair of controllers.
    pub heard: Vec<Listen>,
    /// `set` or `do`, and its value.
    pub does: (&'static str, String),
}

/// How a rig's text was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edited {
    /// A control was added.
    Added,
    /// The control of the same parameter hears something else now.
    Replaced,
}

/// Why a rig's text cannot be changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EditError {
    /// It is not TOML.
    #[error("this is not TOML: {0}")]
    Toml(String),
    /// `control` is something else.
    #[error("`control` is not a list of tables; write [[control]], with two brackets, before each")]
    Section,
}

/// What a control hears is given by one of these keys.
const HEARD: [&str; 7] = ["controller", "rpn", "nrpn", "bend", "pressure", "note", "program"];

/// Puts a control into a rig's text: in the place of the first that does the same,
/// whose other keys stay, else after all there is.
///
/// # Errors
/// [`EditError`] where the text is no rig's.
pub fn put_control(text: &str, entry: &ControlEntry) -> Result<(String, Edited), EditError> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| EditError::Toml(error.message().to_owned()))?;
    let does_same =
        |table: &dyn TableLike| table.get(entry.does.0).and_then(Item::as_str) == Some(entry.does.1.as_str());
    let edited = match document.entry("control").or_insert(Item::ArrayOfTables(ArrayOfTables::new())) {
        Item::ArrayOfTables(tables) => {
            let place = tables.iter().position(|table| does_same(table));
            match place.and_then(|place| tables.get_mut(place)) {
                Some(table) => {
                    hear(table, entry);
                    Edited::Replaced
                }
                None => {
                    let mut table = Table::new();
                    table.decor_mut().set_prefix("\n");
                    hear(&mut table, entry);
                    table.insert(entry.does.0, entry.does.1.as_str().into());
                    tables.push(table);
                    Edited::Added
                }
            }
        }
        Item::Value(Value::Array(list)) => {
            let is_same = |value: &Value| value.as_inline_table().is_some_and(|table| does_same(table));
            let place = list.iter().position(is_same);
            match place.and_then(|place| list.get_mut(place)).and_then(Value::as_inline_table_mut) {
                Some(table) => {
                    hear(table, entry);
                    Edited::Replaced
                }
                None => {
                    let mut table = InlineTable::new();
                    hear(&mut table, entry);
                    table.insert(entry.does.0, entry.does.1.as_str().into());
                    list.push(table);
                    Edited::Added
                }
            }
        }
        _ => return Err(EditError::Section),
    };
    let mut out = document.to_string();
    if !text.is_empty() && !text.ends_with('\n') && edited == Edited::Replaced {
        // It ends as it ended.
        out.truncate(out.trim_end_matches('\n').len());
    }
    Ok((out, edited))
}

/// Says in a table what is heard, in the place of what it said before.
fn hear(table: &mut dyn TableLike, entry: &ControlEntry) {
    let (key, value) = heard(&entry.heard);
    for old in HEARD.into_iter().filter(|old| *old != key) {
        table.remove(old);
    }
    match &entry.from {
        Some(from) => put(table, "from", from.as_str().into()),
        None => drop(table.remove("from")),
    }
    put(table, key, value);
}

/// Gives a key a value, and leaves what stands beside an old one.
fn put(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => drop(table.insert(key, Item::Value(value))),
    }
}

fn heard(listens: &[Listen]) -> (&'static str, Value) {
    let integer = |number: u16| Value::from(i64::from(number));
    if let [Listen::Controller(coarse), Listen::Controller(fine)] = listens {
        let pair: Array = [i64::from(*coarse), i64::from(*fine)].into_iter().collect();
        return ("controller", Value::Array(pair));
    }
    match listens.first() {
        Some(Listen::Program(number)) => ("program", integer(u16::from(*number))),
        Some(Listen::Note(number)) => ("note", integer(u16::from(*number))),
        Some(Listen::Bend) => ("bend", true.into()),
        Some(Listen::Pressure) => ("pressure", true.into()),
        Some(Listen::Registered(Parameter::Registered(number))) => ("rpn", integer(*number)),
        Some(Listen::Registered(Parameter::NonRegistered(number))) => ("nrpn", integer(*number)),
        Some(Listen::Controller(number)) => ("controller", integer(u16::from(*number))),
        None => ("controller", integer(0)),
    }
}

/// Writes a rig's text in the place of its file, all of it or nothing: whoever reads
/// it meanwhile gets the old text or the new. A link stays one.
///
/// # Errors
/// What the system says; the file is as it was then.
pub fn save(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = folder.join(format!(".{name}.{}.new", std::process::id()));
    let write = || {
        let permissions = std::fs::metadata(&path)?.permissions();
        let mut file = std::fs::File::create(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(permissions)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &path)
    };
    let written = write();
    if written.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&fresh);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knob(number: u8, set: &str) -> ControlEntry {
        ControlEntry {
            from: Some("keys".into()),
            heard: vec![Listen::Controller(number)],
            does: ("set", set.into()),
        }
    }

    const RIG: &str = "# My rig\nname = \"a\"  # here\n\n[midi.keys]\nin = \"*\"\n\n\n[instrument.bass] # low\nkind = \"synth\"\n# the end\n";

    #[test]
    fn what_is_added_leaves_every_byte_where_it_is() {
        let (text, edited) = put_control(RIG, &knob(74, "bass.cutoff_hertz")).expect("a rig");
        assert_eq!(edited, Edited::Added);
        let added = "\n[[control]]\nfrom = \"keys\"\ncontroller = 74\nset = \"bass.cutoff_hertz\"\n";
        assert_eq!(text.replacen(added, "", 1), RIG);
        let (again, _) = put_control(&text, &knob(71, "bass.resonance")).expect("a rig");
        let second = added.replace("74", "71").replace("cutoff_hertz", "resonance");
        assert_eq!(again.replacen(&second, "", 1), text);
        assert!(again.find("= 74") < again.find("= 71"));
        for odd in [String::new(), RIG.trim_end().to_owned(), RIG.replace("# the end\n", "")] {
            let (text, _) = put_control(&odd, &knob(1, "bass.gain")).expect("a rig");
            let kept: Vec<&str> = odd.lines().collect();
            let lines: Vec<&str> = text.lines().filter(|line| kept.contains(line)).collect();
            assert_eq!(
                lines.iter().filter(|line| !line.is_empty()).count(),
                kept.iter().filter(|l| !l.is_empty()).count()
            );
        }
    }

    #[test]
    fn what_moves_the_same_is_replaced_and_keeps_its_other_keys() {
        let text = format!(
            "{RIG}\n[[control]] # the knob\nbend = true # was the wheel\nset = \"bass.gain\"\nrange = [-20, 0] # dB\n"
        );
        let pair = ControlEntry {
            heard: vec![Listen::Controller(1), Listen::Controller(33)],
            from: None,
            ..knob(0, "bass.gain")
        };
        let (out, edited) = put_control(&text, &pair).expect("a rig");
        assert_eq!(edited, Edited::Replaced);
        assert!(out.starts_with(RIG) && out.contains("range = [-20, 0] # dB"), "{out}");
        assert!(out.contains("controller = [1, 33]") && !out.contains("bend"), "{out}");
        let (same, _) = put_control(&out, &pair).expect("a rig");
        assert_eq!(same, out);
    }

    #[test]
    fn lists_of_tables_in_one_line_grow_and_what_is_no_list_is_refused() {
        let (out, _) = put_control("control = []\n", &knob(7, "a.gain")).expect("a rig");
        assert_eq!(out, "control = [{ from = \"keys\", controller = 7, set = \"a.gain\" }]\n");
        assert_eq!(put_control("control = 3", &knob(7, "a.gain")), Err(EditError::Section));
        assert!(matches!(put_control("a = ", &knob(7, "a.gain")), Err(EditError::Toml(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_saved_file_keeps_its_mode_and_its_link() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let (real, link) = (folder.path().join("real.toml"), folder.path().join("link.toml"));
        std::fs::write(&real, "a").expect("written");
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).expect("set");
        std::os::unix::fs::symlink(&real, &link).expect("linked");
        save(&link, "b").expect("saved");
        assert_eq!(std::fs::read_to_string(&real).expect("read"), "b");
        assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(std::fs::metadata(&real).expect("there").permissions().mode() & 0o777, 0o640);
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            2,
            "nothing is left beside it"
        );
    }
}
