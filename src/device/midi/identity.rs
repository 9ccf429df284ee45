use crate::device::pattern::NamePattern;

/// What tells a device from another of the same name. Numbers of clients and cards
/// are no part of it: they change with the order in which gear is plugged in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Identity {
    /// As people see it.
    pub name: String,
    /// The device's own serial number, where it has one.
    pub serial: Option<String>,
    /// Where it is plugged in, such as `1-1.2`: bus, then the ports on the way.
    pub usb: Option<String>,
    /// Which of the device's ports, counted from 0; `None` where the system does
    /// not say.
    pub port: Option<u32>,
}

impl Identity {
    /// How surely two are the same device, the higher the surer; `None` where they
    /// are not.
    fn likeness(&self, other: &Identity) -> Option<u8> {
        if self.name != other.name || self.port != other.port {
            return None;
        }
        let is_same_plug = u8::from(self.usb.is_some() && self.usb == other.usb);
        match (&self.serial, &other.serial) {
            (Some(a), Some(b)) => (a == b).then_some(4 + is_same_plug),
            (None, None) => Some(1 + is_same_plug),
            _ => None,
        }
    }
}

/// Of several that are remembered, the place of the one that this device was.
pub(in crate::device) fn find<'a>(
    remembered: impl Iterator<Item = &'a Identity>,
    now: &Identity,
) -> Option<usize> {
    let likely = remembered.enumerate().filter_map(|(place, then)| Some((then.likeness(now)?, place)));
    likely.max().map(|(_, place)| place)
}

/// What a role of the rig asks of a device.
#[derive(Clone, Debug)]
pub(in crate::device) struct Wanted {
    pub(in crate::device) pattern: NamePattern,
    pub(in crate::device) serial: Option<String>,
    pub(in crate::device) usb: Option<String>,
    pub(in crate::device) port: Option<u32>,
}

impl Wanted {
    /// Whether a device of a fitting name is the one, by what the system knows of it.
    pub(in crate::device) fn is_met_by(&self, identity: &Identity) -> bool {
        let fits = |wanted: &Option<String>, found: &Option<String>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| found.as_ref().is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
        };
        fits(&self.serial, &identity.serial)
            && fits(&self.usb, &identity.usb)
            && self.port.is_none_or(|port| identity.port == Some(port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(serial: Option<&str>, usb: &str) -> Identity {
        Identity {
            name: "Keys".into(),
            serial: serial.map(str::to_owned),
            usb: Some(usb.into()),
            port: Some(0),
        }
    }

    #[test]
    fn two_of_a_kind_stay_apart_after_a_swap_of_plugs() {
        let known = [keys(Some("A"), "1-1"), keys(Some("B"), "1-2")];
        assert_eq!(find(known.iter(), &keys(Some("A"), "1-2")), Some(0));
        assert_eq!(find(known.iter(), &keys(Some("B"), "1-1")), Some(1));
        assert_eq!(find(known.iter(), &keys(Some("C"), "1-1")), None);
        assert_eq!(find(known.iter(), &keys(None, "1-1")), None);
    }

    #[test]
    fn without_serial_numbers_the_plug_tells_and_else_the_last_that_went() {
        let known = [keys(None, "1-1"), keys(None, "1-2")];
        assert_eq!(find(known.iter(), &keys(None, "1-1")), Some(0));
        assert_eq!(find(known.iter(), &keys(None, "1-3")), Some(1));
        let other_port = Identity { port: Some(1), ..keys(None, "1-1") };
        assert_eq!(find(known.iter(), &other_port), None);
        // A serial number that several share tells nothing: then the plug does.
        let clones = [keys(Some("0001"), "1-1"), keys(Some("0001"), "1-2")];
        assert_eq!(find(clones.iter(), &keys(Some("0001"), "1-1")), Some(0));
    }

    #[test]
    fn a_role_may_ask_for_more_than_a_name() {
        let wanted = Wanted {
            pattern: NamePattern::whole("Keys"),
            serial: Some("a".into()),
            usb: None,
            port: Some(0),
        };
        assert!(wanted.is_met_by(&keys(Some("A"), "1-1")));
        assert!(!wanted.is_met_by(&keys(Some("B"), "1-1")) && !wanted.is_met_by(&keys(None, "1-1")));
        let other_plug = Wanted { serial: None, usb: Some("1-2".into()), port: None, ..wanted };
        assert!(!other_plug.is_met_by(&keys(Some("A"), "1-1")));
    }
}
