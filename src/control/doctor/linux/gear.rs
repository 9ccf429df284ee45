//! What lies between the machine and the gear: hubs, radios.

use std::collections::BTreeMap;

use crate::control::doctor::{Check, Status};
use crate::measure::machine::Root;

const USB: &str = "sys/bus/usb/devices";
/// USB's class of audio, and its subclasses that stream samples and MIDI.
const AUDIO_CLASS: &str = "01";
const STREAMS_AUDIO: &str = "02";
const STREAMS_MIDI: &str = "03";

/// What is behind one hub.
#[derive(Default)]
struct Behind {
    audio: Vec<String>,
    midi: Vec<String>,
}

/// Whether a sound card shares an external hub with other gear that plays MIDI.
pub(super) fn usb_hubs(root: &Root) -> Check {
    const NAME: &str = "USB hubs";
    const WANTED: &str = "no hub shared by a sound card and MIDI gear";
    const FIX: &str =
        "plug the sound card into a socket of the machine itself; `lsusb -t` shows what hangs where";
    let names = root.names(USB);
    if names.is_empty() {
        return Check::new(NAME, WANTED, "there is no USB here");
    }
    let mut hubs = BTreeMap::<&str, Behind>::new();
    for interface in &names {
        // `3-1.2:1.0` is interface 0 of the device at port 2 of the hub at port 1 of bus 3.
        let Some((device, _)) = interface.split_once(':') else { continue };
        let Some((hub, _)) = device.rsplit_once('.') else { continue };
        let read = |name: &str| root.text(&format!("{USB}/{interface}/{name}"));
        if read("bInterfaceClass").as_deref() != Some(AUDIO_CLASS) {
            continue;
        }
        let product = root.text(&format!("{USB}/{device}/product")).unwrap_or_else(|| device.to_owned());
        let behind = hubs.entry(hub).or_default();
        let kind = match read("bInterfaceSubClass").as_deref() {
            Some(STREAMS_AUDIO) => &mut behind.audio,
            Some(STREAMS_MIDI) => &mut behind.midi,
            _ => continue,
        };
        if !kind.contains(&product) {
            kind.push(product);
        }
    }
    let shared = hubs.iter().find_map(|(hub, behind)| {
        let audio = behind.audio.first()?;
        let midi = behind.midi.iter().find(|midi| !behind.audio.contains(midi))?;
        Some((hub, audio, midi))
    });
    let Some((hub, audio, midi)) = shared else {
        return Check::new(NAME, WANTED, "none is shared");
    };
    let speed = root
        .text(&format!("{USB}/{hub}/speed"))
        .map_or_else(String::new, |mbit| format!(" of {mbit} Mbit/s"));
    let costs = "not measured here: on a full-speed bus what one of them sends may wait for the other's turn, a \
         USB frame of 1 ms; `antiphon bench latency` measures it with your gear";
    Check::new(NAME, WANTED, format!("{audio} and {midi} share the hub {hub}{speed}"))
        .costing(Some(costs.to_owned()))
        .but(Status::Warn, FIX)
}

/// Whether sound goes out by radio. `sink` is where the sound server plays to.
pub(super) fn bluetooth(sink: Option<&str>) -> Check {
    const NAME: &str = "output";
    const WANTED: &str = "not Bluetooth";
    let Some(sink) = sink else {
        return Check::new(NAME, WANTED, "no sound server says where it plays to")
            .but(Status::Unknown, "nothing, where JACK or ALSA is used without a sound server");
    };
    let is_bluetooth = ["bluez_output", "bluez_sink", "bluealsa"].iter().any(|name| sink.contains(name));
    let check = Check::new(NAME, WANTED, sink);
    if !is_bluetooth {
        return check;
    }
    let costs = "not measured here: Bluetooth's codecs and buffers hold sound back for some 100 ms or more; \
         `antiphon bench latency --driver pulse` measures it with a microphone";
    check
        .costing(Some(costs.to_owned()))
        .but(Status::Fail, "`pactl list short sinks` shows the others: `pactl set-default-sink NAME`")
}

/// Whether a radio sleeps between packets. `power_save` says so of an interface.
pub(super) fn wifi(root: &Root, power_save: impl Fn(&str) -> Option<bool>) -> Check {
    const NAME: &str = "Wi-Fi power saving";
    const WANTED: &str = "off";
    let folder = "sys/class/net";
    let has_radio = |name: &String| {
        ["wireless", "phy80211"].iter().any(|part| root.path(&format!("{folder}/{name}/{part}")).exists())
    };
    let radios: Vec<String> = root.names(folder).into_iter().filter(has_radio).collect();
    let Some(first) = radios.first() else { return Check::new(NAME, WANTED, "there is no Wi-Fi here") };
    let states: Vec<(&String, Option<bool>)> = radios.iter().map(|name| (name, power_save(name))).collect();
    let costs = "not measured apart: a driver that wakes its radio may keep a processor from the callback; if so \
         it is in the wake-ups above";
    if let Some((name, _)) = states.iter().find(|(_, saves)| *saves == Some(true)) {
        return Check::new(NAME, WANTED, format!("{name}: on")).costing(Some(costs.to_owned())).but(
            Status::Warn,
            format!("`sudo iw dev {name} set power_save off`, or `sudo rfkill block wifi` on stage"),
        );
    }
    if states.iter().any(|(_, saves)| saves.is_none()) {
        return Check::new(NAME, WANTED, format!("{first}: it does not say"))
            .but(Status::Unknown, format!("install `iw`, then `iw dev {first} get power_save`"));
    }
    Check::new(NAME, WANTED, "off")
}
