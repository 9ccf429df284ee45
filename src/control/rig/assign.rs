use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::device::midi::{self, Identity};
use crate::device::pattern::NamePattern;
use crate::engine::{Error, ErrorKind};
use crate::rig::{self, Assignment, Rig, edit};
use crate::stage::Kinds;

/// `antiphon rig assign`.
#[derive(Args, Debug)]
pub struct AssignArguments {
    /// The rig file
    rig: PathBuf,
    /// The role: NAME of [midi.NAME]
    role: String,
    /// The gear's name, as `antiphon devices` shows it; * stands for anything
    device: String,
    /// Only gear of this serial number, where several have the name
    #[arg(long)]
    serial: Option<String>,
    /// Only gear plugged in here, such as 1-1.2
    #[arg(long)]
    usb: Option<String>,
    /// Prints one JSON object at the end
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    role: &'a str,
    /// The gear's name, as the rig says it now.
    device: &'a str,
    serial: Option<&'a str>,
    usb: Option<&'a str>,
}

/// Writes gear that is plugged in into the rig's file.
pub(super) fn assign(arguments: &AssignArguments, kinds: &Kinds) -> Result<(), Error> {
    let path = &arguments.rig;
    let failed = |reason: String| Error::new(ErrorKind::Input, format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let now = super::super::files::load_rig(Some(path), kinds)?;
    // Who is not there is said before what gear there is.
    rig::assign(&text, &arguments.role, &Assignment::default()).map_err(|error| failed(error.to_string()))?;
    let ports = midi::list().map_err(|error| Error::new(ErrorKind::Device, error.to_string()))?;
    let there: Vec<Identity> = ports.into_iter().map(|port| port.identity).collect();
    let gear = choose(&there, &now, arguments)
        .map_err(|reason| Error::new(ErrorKind::Input, format!("{}: {reason}", arguments.device)))?;
    let changed = rig::assign(&text, &arguments.role, &gear).map_err(|error| failed(error.to_string()))?;
    if let Err(problems) = rig::parse(&changed, kinds) {
        let first = problems.first().map_or_else(String::new, |problem| problem.message.clone());
        return Err(failed(format!("it would be no rig any more: {first}")));
    }
    if std::fs::metadata(path).is_ok_and(|data| data.permissions().readonly()) {
        return Err(failed("it is write-protected".to_owned()));
    }
    edit::save(path, &changed).map_err(|error| failed(format!("it cannot be written: {error}")))?;
    if arguments.json {
        let (serial, usb) = (gear.serial.as_deref(), gear.usb.as_deref());
        super::super::print_json(&Report { role: &arguments.role, device: &gear.name, serial, usb })?;
    } else {
        super::super::tell(&format!("{}: {} ({})", arguments.role, gear.name, path.display()));
    }
    Ok(())
}

/// The gear that is meant, and what tells it from others of its name.
fn choose(there: &[Identity], rig: &Rig, arguments: &AssignArguments) -> Result<Assignment, String> {
    let pattern = NamePattern::whole(&arguments.device);
    let mut named: Vec<&Identity> = there.iter().filter(|gear| pattern.matches(&gear.name)).collect();
    if named.is_empty() {
        named = there.iter().filter(|gear| pattern.matches_part(&gear.name)).collect();
    }
    named = unique(named);
    if named.is_empty() {
        let names = unique(there.iter().collect()).iter().map(|gear| gear.name.as_str()).collect::<Vec<_>>();
        return Err(match names.as_slice() {
            [] => "no MIDI gear is there; plug it in first".to_owned(),
            names => format!("no gear is called that; there are {}", names.join(", ")),
        });
    }
    let is = |wanted: &Option<String>, found: &Option<String>| {
        wanted
            .as_ref()
            .is_none_or(|wanted| found.as_ref().is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
    };
    let asked: Vec<&Identity> = named
        .iter()
        .copied()
        .filter(|gear| is(&arguments.serial, &gear.serial) && is(&arguments.usb, &gear.usb))
        .collect();
    // Of two, the one that no other role has.
    let is_free = |gear: &&Identity| !is_taken(gear, rig, &arguments.role);
    let free: Vec<&Identity> = asked.iter().copied().filter(is_free).collect();
    let gear = match (asked.as_slice(), free.as_slice()) {
        ([only], _) | (_, [only]) => *only,
        _ => {
            let list: Vec<String> = named.iter().map(|gear| describe(gear)).collect();
            return Err(format!(
                "it may be any of {}; say which by its full name, `--serial` or `--usb`",
                list.join("; ")
            ));
        }
    };
    let twins: Vec<&&Identity> =
        named.iter().filter(|other| other.name == gear.name && **other != gear).collect();
    let same_serial = twins.iter().any(|other| other.serial == gear.serial);
    let by_serial = !twins.is_empty() && gear.serial.is_some() && !same_serial || arguments.serial.is_some();
    let by_usb = !twins.is_empty() && !by_serial || arguments.usb.is_some();
    Ok(Assignment {
        name: gear.name.clone(),
        serial: gear.serial.clone().filter(|_| by_serial),
        usb: gear.usb.clone().filter(|_| by_usb),
    })
}

/// Each piece of gear once, whichever ways it goes.
fn unique(gear: Vec<&Identity>) -> Vec<&Identity> {
    gear.into_iter().fold(Vec::new(), |mut list, gear| {
        if !list.contains(&gear) {
            list.push(gear);
        }
        list
    })
}

fn is_taken(gear: &Identity, rig: &Rig, role: &str) -> bool {
    rig.midi.iter().filter(|port| port.name != role).any(|port| {
        let says = |wanted: &Option<String>, found: &Option<String>| wanted.is_some() && wanted == found;
        says(&port.serial, &gear.serial) || says(&port.usb, &gear.usb)
    })
}

fn describe(gear: &Identity) -> String {
    let parts = [("serial", &gear.serial), ("usb", &gear.usb)];
    let parts = parts.into_iter().filter_map(|(what, text)| Some(format!("{what} {}", text.as_ref()?)));
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { gear.name.clone() } else { format!("{} ({})", gear.name, parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(serial: Option<&str>, usb: &str) -> Identity {
        Identity { name: "Keys".into(), serial: serial.map(Into::into), usb: Some(usb.into()), port: Some(0) }
    }

    fn chosen(
        there: &[Identity],
        device: &str,
        serial: Option<&str>,
        text: &str,
    ) -> Result<Assignment, String> {
        let rig = rig::parse(text, &crate::engine::kinds()).expect("a rig");
        let arguments = AssignArguments {
            rig: "rig.toml".into(),
            role: "a".into(),
            device: device.into(),
            serial: serial.map(Into::into),
            usb: None,
            json: false,
        };
        choose(there, &rig, &arguments)
    }

    #[test]
    fn one_of_two_is_told_by_its_serial_number_or_else_by_its_plug() {
        let none = "[midi.a]\nin = 'x'\n";
        let there = [keys(Some("A"), "1-1"), keys(Some("A"), "1-1")];
        let plain = Assignment { name: "Keys".into(), serial: None, usb: None };
        assert_eq!(chosen(&there, "keys", None, none), Ok(plain.clone()));
        let two = [keys(Some("A"), "1-1"), keys(Some("B"), "1-2")];
        let asked = chosen(&two, "Keys", None, none).expect_err("either");
        assert!(asked.contains("Keys (serial A, usb 1-1); Keys (serial B, usb 1-2)"), "{asked}");
        let b = Assignment { serial: Some("B".into()), ..plain.clone() };
        assert_eq!(chosen(&two, "Keys", Some("b"), none), Ok(b.clone()));
        let taken = "[midi.a]\nin = 'x'\n[midi.b]\nin = 'Keys'\nserial = 'A'\n";
        assert_eq!(chosen(&two, "Key*", None, taken), Ok(b));
        let clones = [keys(None, "1-1"), keys(None, "1-2")];
        let taken = "[midi.a]\nin = 'x'\n[midi.b]\nin = 'Keys'\nusb = '1-1'\n";
        assert_eq!(chosen(&clones, "Keys", None, taken), Ok(Assignment { usb: Some("1-2".into()), ..plain }));
    }

    #[test]
    fn gear_that_is_not_there_is_said_with_what_is() {
        let none = "[midi.a]\nin = 'x'\n";
        let error = chosen(&[keys(None, "1-1")], "Pads", None, none).expect_err("none");
        assert!(error.contains("there are Keys"), "{error}");
        assert!(chosen(&[], "Pads", None, none).expect_err("none").contains("plug it in first"));
        assert!(chosen(&[keys(None, "1-1")], "Keys", Some("Z"), none).is_err());
    }
}
