use std::fmt;
use std::str::FromStr;

use super::error::DriverError;
use crate::unit::SampleRate;

/// Which driver to open, as in `--driver`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DriverChoice {
    /// The first of this system's that works; the null clock where none does.
    #[default]
    Auto,
    /// A JACK server, PipeWire's included.
    Jack,
    /// A PulseAudio server, PipeWire's included.
    Pulse,
    /// The Linux kernel's devices.
    Alsa,
    /// macOS.
    CoreAudio,
    /// Windows.
    Wasapi,
    /// No device: time by the system's clock, heard by nobody.
    Null,
}

impl DriverChoice {
    /// All of them, in the order in which they are shown.
    pub const ALL: [DriverChoice; 7] = [
        DriverChoice::Auto,
        DriverChoice::Jack,
        DriverChoice::Pulse,
        DriverChoice::Alsa,
        DriverChoice::CoreAudio,
        DriverChoice::Wasapi,
        DriverChoice::Null,
    ];

    /// The name as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            DriverChoice::Auto => "auto",
            DriverChoice::Jack => "jack",
            DriverChoice::Pulse => "pulse",
            DriverChoice::Alsa => "alsa",
            DriverChoice::CoreAudio => "coreaudio",
            DriverChoice::Wasapi => "wasapi",
            DriverChoice::Null => "null",
        }
    }
}

impl fmt::Display for DriverChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DriverChoice {
    type Err = DriverError;

    fn from_str(name: &str) -> Result<DriverChoice, DriverError> {
        DriverChoice::ALL
            .into_iter()
            .find(|choice| choice.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| DriverError::UnknownDriver(name.to_owned()))
    }
}

/// What to open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioRequest {
    /// Which driver.
    pub driver: DriverChoice,
    /// Part of the device's name, or a glob; `None` for the system's default.
    pub device: Option<String>,
    /// The same of the input; `None` for the one that belongs to the output. JACK has no such
    /// thing.
    pub input_device: Option<String>,
    /// The rate that the engine shall run at; `None` for the device's own.
    pub rate: Option<SampleRate>,
    /// Frames of a callback, as far as the device can.
    pub block_frames: Option<u32>,
    /// The highest output channel that the rig names.
    pub output_channels: u16,
    /// The highest input channel that the rig names; 0 for no input.
    pub input_channels: u16,
    /// Whether JACK ports are connected to physical ones and named gear.
    pub connect: bool,
    /// What the program is called at the server.
    pub client_name: String,
}

impl Default for AudioRequest {
    fn default() -> AudioRequest {
        AudioRequest {
            driver: DriverChoice::Auto,
            device: None,
            input_device: None,
            rate: None,
            block_frames: None,
            output_channels: 2,
            input_channels: 0,
            connect: true,
            client_name: "antiphon".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_understood_and_others_are_refused() {
        for choice in DriverChoice::ALL {
            assert_eq!(choice.to_string().parse::<DriverChoice>().ok(), Some(choice));
        }
        assert_eq!("JACK".parse::<DriverChoice>().ok(), Some(DriverChoice::Jack));
        let message = "asio".parse::<DriverChoice>().map_err(|error| error.to_string());
        assert!(message.is_err_and(|message| message.contains("asio") && message.contains("jack")));
    }
}
