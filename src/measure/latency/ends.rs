use crate::device::audio::{Direction, DriverChoice, System, has_device, list_jack, list_system};
use crate::device::midi;
use crate::device::pattern::NamePattern;
use crate::engine::{Error, ErrorKind};
use crate::measure::{Link, Settings};

/// The ends that were named, told apart by what goes through them. A pattern that
/// means ports of both sorts is in both.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Ends {
    /// Audio ports of JACK, or audio devices.
    pub(super) audio: Link,
    /// MIDI ports, of JACK or of the system.
    pub(super) midi: Link,
}

impl Ends {
    /// Looks each name up among the ports and devices that there are now.
    ///
    /// # Errors
    /// A name that none of them has, with the names that there are.
    pub(super) fn of(settings: &Settings) -> Result<Ends, Error> {
        let link = &settings.link;
        if link.outputs.is_empty() && link.inputs.is_empty() {
            return Ok(Ends::default());
        }
        let known = Known::now(settings.driver);
        let (mut audio, mut midi) = (Link::default(), Link::default());
        sort(&link.outputs, &known.outputs, "--out", &mut audio.outputs, &mut midi.outputs)?;
        sort(&link.inputs, &known.inputs, "--in", &mut audio.inputs, &mut midi.inputs)?;
        Ok(Ends { audio, midi })
    }
}

fn sort(
    names: &[String],
    known: &Names,
    option: &str,
    audio: &mut Vec<String>,
    midi: &mut Vec<String>,
) -> Result<(), Error> {
    for name in names {
        let pattern = NamePattern::whole(name);
        let is_among = |known: &[String]| known.iter().any(|known| pattern.matches_part(known));
        let is_spelled = |system: &System| has_device(*system, name, known.direction);
        let is_audio = is_among(&known.audio) || known.systems.iter().any(is_spelled);
        let is_midi = is_among(&known.midi);
        if is_audio {
            audio.push(name.clone());
        }
        if is_midi {
            midi.push(name.clone());
        }
        if !is_audio && !is_midi {
            let message = format!(
                "no port or device for `{option} {name}`; audio: {}; MIDI: {}",
                listed(&known.audio),
                listed(&known.midi)
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
    }
    Ok(())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[derive(Debug)]
struct Names {
    direction: Direction,
    /// Where devices may be called otherwise than they are listed: ALSA's `hw:1,0`.
    systems: Vec<System>,
    audio: Vec<String>,
    midi: Vec<String>,
}

impl Names {
    fn of(direction: Direction) -> Names {
        Names { direction, systems: Vec::new(), audio: Vec::new(), midi: Vec::new() }
    }
}

/// What there is to play to, and to hear.
#[derive(Debug)]
struct Known {
    outputs: Names,
    inputs: Names,
}

impl Known {
    /// What cannot be asked has no names.
    fn now(driver: DriverChoice) -> Known {
        let (outputs, inputs) = (Names::of(Direction::Output), Names::of(Direction::Input));
        let mut known = Known { outputs, inputs };
        let is_jack = known.add_jack(driver);
        let systems: &[System] = match driver {
            DriverChoice::Auto if is_jack => &[],
            DriverChoice::Auto if cfg!(target_os = "linux") => &[System::Pulse, System::Alsa],
            DriverChoice::Auto if cfg!(target_os = "macos") => &[System::CoreAudio],
            DriverChoice::Auto if cfg!(windows) => &[System::Wasapi],
            DriverChoice::Pulse => &[System::Pulse],
            DriverChoice::Alsa => &[System::Alsa],
            DriverChoice::CoreAudio => &[System::CoreAudio],
            DriverChoice::Wasapi => &[System::Wasapi],
            _ => &[],
        };
        for system in systems {
            known.add_devices(*system);
        }
        for port in midi::list().unwrap_or_default() {
            let names = match port.direction {
                midi::Direction::Out => &mut known.outputs.midi,
                midi::Direction::In => &mut known.inputs.midi,
            };
            names.extend([port.name, port.id]);
        }
        for names in [
            &mut known.outputs.audio,
            &mut known.outputs.midi,
            &mut known.inputs.audio,
            &mut known.inputs.midi,
        ] {
            names.sort();
            names.dedup();
        }
        known
    }

    /// Ports of a JACK server; `false` where none is asked for or running.
    fn add_jack(&mut self, driver: DriverChoice) -> bool {
        if !matches!(driver, DriverChoice::Auto | DriverChoice::Jack) {
            return false;
        }
        let Ok(ports) = list_jack() else { return false };
        self.outputs.audio.extend(ports.audio_destinations);
        self.inputs.audio.extend(ports.audio_sources);
        self.outputs.midi.extend(ports.midi_destinations);
        self.inputs.midi.extend(ports.midi_sources);
        true
    }

    fn add_devices(&mut self, system: System) {
        self.outputs.systems.push(system);
        self.inputs.systems.push(system);
        for device in list_system(system).unwrap_or_default() {
            let names = match device.direction {
                Direction::Output => &mut self.outputs.audio,
                Direction::Input => &mut self.inputs.audio,
            };
            names.extend([device.name, device.id]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_go_where_ports_have_them_and_others_are_refused_with_what_there_is() {
        let known = Names {
            direction: Direction::Output,
            systems: Vec::new(),
            audio: names(&["system:playback_1", "antiphon:in_1"]),
            midi: names(&["antiphon:keys", "USB Keys MIDI 1"]),
        };
        let (mut audio, mut midi) = (Vec::new(), Vec::new());
        let asked = names(&["playback_1", "usb keys*", "antiphon:*"]);
        sort(&asked, &known, "--out", &mut audio, &mut midi).expect("all are known");
        assert_eq!(
            (audio, midi),
            (names(&["playback_1", "antiphon:*"]), names(&["usb keys*", "antiphon:*"]))
        );
        let refused = sort(&names(&["hdmi"]), &known, "--in", &mut Vec::new(), &mut Vec::new());
        assert_eq!(
            refused.expect_err("there is none").message,
            "no port or device for `--in hdmi`; audio: system:playback_1, antiphon:in_1; MIDI: \
             antiphon:keys, USB Keys MIDI 1"
        );
    }
}
