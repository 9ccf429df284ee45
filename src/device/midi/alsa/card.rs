//! What the system knows of the card behind a sequencer client.

use std::path::Path;

/// The kernel's view of its devices.
pub(super) const SYSFS: &str = "/sys";
/// A file that only the folder of a whole USB device has.
const IS_USB_DEVICE: &str = "idVendor";
/// The longest serial number that is believed.
const SERIAL_LIMIT_BYTES: usize = 256;

/// What tells a card from another of its kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Card {
    pub(super) serial: Option<String>,
    pub(super) usb: Option<String>,
}

/// Looks up the card of this number; empty where it is on no USB.
pub(super) fn look_up(sysfs: &Path, number: i32) -> Card {
    let link = sysfs.join(format!("class/sound/card{number}/device"));
    let Ok(device) = link.canonicalize() else { return Card::default() };
    let Some(usb) = device.ancestors().find(|folder| folder.join(IS_USB_DEVICE).exists()) else {
        return Card::default();
    };
    let name = usb.file_name().map(|name| name.to_string_lossy().into_owned());
    let serial = std::fs::read(usb.join("serial")).ok().and_then(|bytes| plain(&bytes));
    Card { serial, usb: name }
}

/// Written by the device: shown, compared, never obeyed.
fn plain(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SERIAL_LIMIT_BYTES)]).into_owned();
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_usb_card_has_a_plug_and_perhaps_a_serial_number() {
        let sys = tempfile::tempdir().expect("a folder");
        let device = sys.path().join("devices/pci0/usb1/1-1/1-1.2");
        fs::create_dir_all(device.join("1-1.2:1.0")).expect("made");
        fs::write(device.join("idVendor"), "1d6b\n").expect("written");
        let card = sys.path().join("class/sound/card3");
        fs::create_dir_all(&card).expect("made");
        symlink(device.join("1-1.2:1.0"), card.join("device")).expect("linked");
        let without = look_up(sys.path(), 3);
        assert_eq!(without, Card { serial: None, usb: Some("1-1.2".into()) });
        fs::write(device.join("serial"), "  A\x1b77 \n").expect("written");
        assert_eq!(look_up(sys.path(), 3).serial.as_deref(), Some("A77"));
    }

    #[test]
    fn a_card_on_no_usb_and_one_that_is_not_there_have_neither() {
        let sys = tempfile::tempdir().expect("a folder");
        let card = sys.path().join("class/sound/card0");
        fs::create_dir_all(sys.path().join("devices/pci0/0000:00:1b.0")).expect("made");
        fs::create_dir_all(&card).expect("made");
        symlink(sys.path().join("devices/pci0/0000:00:1b.0"), card.join("device")).expect("linked");
        assert_eq!(look_up(sys.path(), 0), Card::default());
        assert_eq!(look_up(sys.path(), 7), Card::default());
        assert_eq!(look_up(sys.path(), -1), Card::default());
    }
}
