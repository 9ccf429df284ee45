use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::cache::CacheArguments;
use super::generate::GenerateArguments;
use super::life::Life;
use super::panic::PanicArguments;
use super::rig::RigCommand;
use super::task::TaskArguments;
use crate::device::audio::DriverChoice;
use crate::engine::Injection;
use crate::journal::BitDepth;
use crate::unit::SampleRate;

/// A real-time audio and MIDI engine: plug in a keyboard and play.
#[derive(Parser, Debug)]
#[command(name = "antiphon", version, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Plays a rig with your gear (without one: every keyboard plays a piano)
    Play(PlayArguments),
    /// Renders a rig and MIDI files to a WAV, faster than real time
    Render(RenderArguments),
    /// Plays a log again, to the bit what was played, into a WAV
    Replay(ReplayArguments),
    /// Shows what is in a log or a black box
    Log {
        /// The file
        log: PathBuf,
        /// Prints a JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Makes parts of a rig fail at random while it plays, and judges what came of it
    Chaos(ChaosArguments),
    /// Makes music from words, into a file
    Generate(GenerateArguments),
    /// Shows and ends what is being generated
    Task(TaskArguments),
    /// Says what is wrong with a rig, and where
    Check {
        /// The rig file
        rig: PathBuf,
        /// Prints an array of {line, column, message, hint}
        #[arg(long)]
        json: bool,
    },
    /// Changes a rig's file; what plays it takes the change at once
    #[command(subcommand)]
    Rig(RigCommand),
    /// Ends every note of every MIDI output, with no engine playing
    Panic(PanicArguments),
    /// Shows the actors that a rig makes, and how each fares
    Actors {
        /// The rig file; without one, the built-in rig
        rig: Option<PathBuf>,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Lists the kinds of instruments and stages, and every key with its range
    Kinds {
        /// One kind, or a section such as `cable`
        kind: Option<String>,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Lists audio devices and MIDI ports, and what cannot be opened and why
    Devices(DevicesArguments),
    /// Shows and empties the cache of what was generated
    Cache(CacheArguments),
    /// Describes a MIDI file, mends what is odd in it, and writes it anew
    Midi(MidiArguments),
    /// Sends SysEx dumps to gear and receives them
    #[command(subcommand)]
    Sysex(SysexCommand),
    /// Shows what comes from MIDI ports, in words and with its time
    Monitor(MonitorArguments),
    /// Measures latency, load and cost on this machine and gear
    Bench(BenchArguments),
    /// Looks at what this machine gives a real-time program, and what to mend
    Doctor {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}

/// `antiphon bench`.
#[derive(Args, Debug)]
pub struct BenchArguments {
    /// What to measure; without one, all that takes no longer than minutes
    #[arg(value_name = "WHAT", value_parser = super::bench::parse_what)]
    pub what: Vec<&'static str>,
    /// How long each measurement lasts that goes by the clock
    #[arg(long = "for", value_name = "SECONDS", allow_negative_numbers = true, value_parser = parse_seconds)]
    pub seconds: Option<f64>,
    /// Writes the report as a JSON object; `-` for stdout
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Says what changed since a report that --json wrote, without what the machine itself did
    #[arg(long, value_name = "OLD.json")]
    pub compare: Option<PathBuf>,
    /// Measures nothing, and compares this report with the older one
    #[arg(long = "with", value_name = "NEW.json", requires = "compare", conflicts_with = "what")]
    pub compare_with: Option<PathBuf>,
    /// Fails where a figure got worse by more than this, beyond all doubt; also where one is not there any more
    #[arg(long, default_value_t = crate::measure::compare::BOUND_PERCENT, value_name = "PERCENT", allow_negative_numbers = true, value_parser = parse_percent, requires = "compare")]
    pub bound: f64,
    /// Fails also where that may have been the machine: it was slower, or had more to do, in the newer run
    #[arg(long, requires = "compare")]
    pub strict: bool,
    /// Writes the report as a page with plots, for a browser; one file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// auto, jack, pulse, alsa, coreaudio, wasapi or null
    #[arg(long, default_value = "auto", value_parser = parse_driver)]
    pub driver: DriverChoice,
    /// Part of the audio device's name, as `antiphon devices` shows it
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// Frames per second, 8000 to 192000
    #[arg(long, value_name = "HZ", allow_negative_numbers = true, value_parser = parse_rate)]
    pub rate: Option<SampleRate>,
    /// Frames in a callback, 1 to 8192
    #[arg(long, value_name = "FRAMES", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub block: Option<u32>,
    /// Where what is sent goes: a port or device, audio or MIDI; may be given several times
    #[arg(long = "out", value_name = "PORT")]
    pub outputs: Vec<String>,
    /// Where it comes back
    #[arg(long = "in", value_name = "PORT")]
    pub inputs: Vec<String>,
    /// Times keys that you strike, by their knock before a microphone at this input channel
    #[arg(long, value_name = "CHANNEL", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub microphone: Option<u16>,
    /// How long the engine holds MIDI back, in frames, for the time from a key to its sound
    #[arg(long, value_name = "FRAMES", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(0..=8192))]
    pub midi_latency: Option<u32>,
    /// Voices of the load; without it, the most that hold are looked for
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub voices: Option<u32>,
    /// Threads that keep the processors busy while a load plays; without it, one for each processor
    #[arg(long, value_name = "THREADS", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(0..=1024))]
    pub busy: Option<u32>,
    /// Seeds whatever is random
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    pub seed: u64,
}

/// `antiphon devices`.
#[derive(Args, Debug)]
pub struct DevicesArguments {
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
    /// Goes on to print MIDI gear as it comes and goes, until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// Watches for so long
    #[arg(long = "for", value_name = "SECONDS", requires = "watch", allow_negative_numbers = true, value_parser = parse_seconds)]
    pub seconds: Option<f64>,
}

/// `antiphon play`.
#[derive(Args, Debug)]
pub struct PlayArguments {
    /// The rig file; without one, every MIDI input plays a piano
    pub rig: Option<PathBuf>,
    /// Plays a MIDI file from the start, into one MIDI input of the rig or all
    #[arg(long, value_name = "[NAME=]FILE")]
    pub midi: Vec<String>,
    /// The scene to begin in; without one, the first of the set list
    #[arg(long, value_name = "NAME")]
    pub scene: Option<String>,
    /// auto, jack, pulse, alsa, coreaudio, wasapi or null
    #[arg(long, default_value = "auto", value_parser = parse_driver)]
    pub driver: DriverChoice,
    /// Part of the audio device's name, as `antiphon devices` shows it
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// Frames per second, 8000 to 192000
    #[arg(long, value_name = "HZ", allow_negative_numbers = true, value_parser = parse_rate)]
    pub rate: Option<SampleRate>,
    /// Frames in a callback, 1 to 8192
    #[arg(long, value_name = "FRAMES", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub block: Option<u32>,
    /// Beats a minute, 20 to 400, or a MIDI file whose tempo map is taken; wins over the rig
    #[arg(long, value_name = "BPM|FILE", allow_negative_numbers = true)]
    pub tempo: Option<String>,
    /// Stops after so long, counted in frames
    #[arg(long = "for", value_name = "SECONDS", allow_negative_numbers = true, value_parser = parse_seconds)]
    pub seconds: Option<f64>,
    /// The configuration of backends, for clips and generators (without it: config.toml in the folder for
    /// configurations)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Makes an actor fail on purpose: panic, nan, loud, stall:MS, hang, starve:MS (a clip's disk) or kill
    #[arg(long, value_name = "ACTOR:KIND[:MS]@SECONDS")]
    pub inject: Vec<Injection>,
    /// Records what is played to a WAV
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Logs all that comes in, for `antiphon replay`
    #[arg(long, value_name = "FILE.anti")]
    pub log: Option<PathBuf>,
    /// Keeps the last minutes of what comes in here, and copies of them around each
    /// fault beside it; without one, in the folder for programs' state
    #[arg(long, value_name = "FILE.anti")]
    pub black_box: Option<PathBuf>,
    /// Starts itself again, with the same rig and arguments, when it hangs or crashes
    #[arg(long)]
    pub respawn: bool,
    /// Which life this is of a player that is started again, and how long the
    /// lives before it were: NUMBER@SECONDS
    #[arg(long, hide = true, default_value = "0@0")]
    pub life: Life,
    /// Prints one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// `antiphon render`.
#[derive(Args, Debug)]
pub struct RenderArguments {
    /// The rig file; without one, the built-in rig
    pub rig: Option<PathBuf>,
    /// Plays a MIDI file into one MIDI input of the rig, or all
    #[arg(long, value_name = "[NAME=]FILE")]
    pub midi: Vec<String>,
    /// The scene to begin in; without one, the first of the set list
    #[arg(long, value_name = "NAME")]
    pub scene: Option<String>,
    /// Plays a WAV into an audio input of the rig
    #[arg(long, value_name = "NAME=FILE.wav")]
    pub audio: Vec<String>,
    /// The WAV to write
    #[arg(short, long, value_name = "OUT.wav")]
    pub out: PathBuf,
    /// Writes each instrument's and stage's output to DIR/NAME.wav
    #[arg(long, value_name = "DIR")]
    pub stems: Option<PathBuf>,
    /// Writes what goes to each MIDI destination to DIR/NAME.mid
    #[arg(long, value_name = "DIR")]
    pub midi_out: Option<PathBuf>,
    /// Frames per second, 8000 to 192000
    #[arg(long, value_name = "HZ", allow_negative_numbers = true, value_parser = parse_rate)]
    pub rate: Option<SampleRate>,
    /// Frames in a call; changes no sample
    #[arg(long, value_name = "FRAMES", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub block: Option<u32>,
    /// Beats a minute, 20 to 400, or a MIDI file whose tempo map is taken; wins over the rig
    #[arg(long, value_name = "BPM|FILE", allow_negative_numbers = true)]
    pub tempo: Option<String>,
    /// 16, 24 or 32f
    #[arg(long, default_value = "32f", value_parser = parse_bits)]
    pub bits: BitDepth,
    /// The exact length
    #[arg(long = "for", value_name = "SECONDS", allow_negative_numbers = true, value_parser = parse_seconds)]
    pub seconds: Option<f64>,
    /// How long to go on after the last track ends; by default until it is quiet
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = parse_tail)]
    pub tail: Option<f64>,
    /// Makes an actor fail on purpose: panic, nan, loud, stall:MS, hang, starve:MS (a clip's disk) or kill
    #[arg(long, value_name = "ACTOR:KIND[:MS]@SECONDS")]
    pub inject: Vec<Injection>,
    /// Seeds whatever is random
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    pub seed: u64,
    /// The configuration of backends, for clips and generators (without it: config.toml in the folder for
    /// configurations)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Prints one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// `antiphon replay`.
#[derive(Args, Debug)]
pub struct ReplayArguments {
    /// The log, as `play --log` wrote it
    pub log: PathBuf,
    /// The WAV to write
    #[arg(short, long, value_name = "OUT.wav")]
    pub out: PathBuf,
    /// Writes each instrument's and stage's output to DIR/NAME.wav
    #[arg(long, value_name = "DIR")]
    pub stems: Option<PathBuf>,
    /// Writes what went to each MIDI destination to DIR/NAME.mid
    #[arg(long, value_name = "DIR")]
    pub midi_out: Option<PathBuf>,
    /// 16, 24 or 32f, which is what a recording has
    #[arg(long, default_value = "32f", value_parser = parse_bits)]
    pub bits: BitDepth,
    /// The configuration of backends, for clips and generators (without it: config.toml in the folder for
    /// configurations)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Prints one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// `antiphon chaos`.
#[derive(Args, Debug)]
pub struct ChaosArguments {
    /// The rig file; without one, eight instruments and three stages
    pub rig: Option<PathBuf>,
    /// How long it plays
    #[arg(long = "for", value_name = "SECONDS", allow_negative_numbers = true, value_parser = parse_seconds)]
    pub seconds: f64,
    /// Faults a second, 0.01 to 100; fewer where all that may fail is still down
    #[arg(long, value_name = "N", default_value_t = 2.0, allow_negative_numbers = true, value_parser = parse_faults)]
    pub rate: f64,
    /// Seeds the faults and the music: the same number is the same chaos
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    pub seed: u64,
    /// auto, jack, pulse, alsa, coreaudio, wasapi or null; what is injected may be loud
    #[arg(long, default_value = "null", value_parser = parse_driver)]
    pub driver: DriverChoice,
    /// Frames in a callback, 1 to 8192
    #[arg(long, value_name = "FRAMES", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub block: Option<u32>,
    /// Prints one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// Whose MIDI ports.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum MidiDriver {
    /// The system's; JACK's where it has none
    Auto,
    /// ALSA's sequencer, CoreMIDI or Windows' own
    #[value(aliases = ["alsa", "coremidi", "winmm"])]
    System,
    /// JACK's
    Jack,
}

/// `antiphon monitor`.
#[derive(Args, Debug)]
pub struct MonitorArguments {
    /// Ports whose names fit: a glob, or a part of the name; without one, all
    pub port: Option<String>,
    /// Whose ports
    #[arg(long, default_value = "auto")]
    pub driver: MidiDriver,
    /// Stops after so long
    #[arg(long = "for", value_name = "SECONDS", allow_negative_numbers = true, value_parser = parse_seconds)]
    pub seconds: Option<f64>,
    /// Counts these messages but does not show them, such as clock,active-sensing
    #[arg(long, value_name = "MESSAGES", value_delimiter = ',', value_parser = super::monitor::parse_message_name)]
    pub hide: Vec<String>,
    /// Prints a JSON object for each event, and one with the statistics at the end
    #[arg(long)]
    pub json: bool,
}

/// `antiphon midi`.
#[derive(Args, Debug)]
pub struct MidiArguments {
    /// The MIDI file to read
    pub file: PathBuf,
    /// The MIDI file to write; it may be the same
    #[arg(short, long, value_name = "OUT.mid")]
    pub out: Option<PathBuf>,
    /// Prints a JSON object that describes the file
    #[arg(long)]
    pub json: bool,
}

/// `antiphon sysex`.
#[derive(Subcommand, Debug)]
pub enum SysexCommand {
    /// Sends a .syx file, no faster than the port takes it
    Send(SysexSendArguments),
    /// Receives dumps into a .syx file, byte for byte
    Receive(SysexReceiveArguments),
}

/// `antiphon sysex send`.
#[derive(Args, Debug)]
pub struct SysexSendArguments {
    /// One or more SysEx messages, each up to 1 MiB
    pub file: PathBuf,
    /// The port: a glob, or a part of its name; without one, the only one there is
    #[arg(long, value_name = "PORT")]
    pub to: Option<String>,
    /// Whose ports
    #[arg(long, default_value = "auto")]
    pub driver: MidiDriver,
    /// Prints a JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// `antiphon sysex receive`.
#[derive(Args, Debug)]
pub struct SysexReceiveArguments {
    /// The file to write, once all is there
    pub file: PathBuf,
    /// Ports whose names fit: a glob, or a part of the name; without one, all
    #[arg(long, value_name = "PORT")]
    pub from: Option<String>,
    /// Whose ports
    #[arg(long, default_value = "auto")]
    pub driver: MidiDriver,
    /// Listens so long; without it, 60 seconds for the first byte
    #[arg(long = "for", value_name = "SECONDS", allow_negative_numbers = true, value_parser = parse_seconds)]
    pub seconds: Option<f64>,
    /// Ends when nothing more came for so long; 2 where --for is not given
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = parse_seconds)]
    pub until_silence: Option<f64>,
    /// Prints a JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// A day: longer is a slip of the finger.
const LONGEST_SECONDS: f64 = 86_400.0;

fn parse_driver(text: &str) -> Result<DriverChoice, String> {
    text.parse().map_err(|e: crate::device::audio::DriverError| e.to_string())
}

fn parse_bits(text: &str) -> Result<BitDepth, String> {
    text.parse().map_err(|e: crate::journal::BitDepthError| e.to_string())
}

pub(super) fn parse_rate(text: &str) -> Result<SampleRate, String> {
    let hertz: u32 = text.parse().map_err(|_| format!("`{text}` is not a number of Hz, such as 48000"))?;
    SampleRate::new(hertz).map_err(|e| e.to_string())
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= LONGEST_SECONDS => Ok(seconds),
        _ => Err(format!("`{text}` is not a number of seconds above 0 and up to {LONGEST_SECONDS}")),
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=1_000.0).contains(&percent) => Ok(percent),
        _ => Err(format!("`{text}` is not a number of percent from 0 to 1000")),
    }
}

fn parse_faults(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.01..=100.0).contains(&rate) => Ok(rate),
        _ => Err(format!("`{text}` is not a number of faults a second from 0.01 to 100")),
    }
}

fn parse_tail(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=LONGEST_SECONDS).contains(&seconds) => Ok(seconds),
        _ => Err(format!("`{text}` is not a number of seconds from 0 to {LONGEST_SECONDS}")),
    }
}
