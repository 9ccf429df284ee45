//! What people and programs see: the command line, the live status, JSON.

mod actors;
mod arguments;
mod bench;
mod cache;
mod chaos;
pub mod check;
pub mod devices;
pub mod doctor;
mod files;
mod generate;
mod hang;
pub mod kinds;
mod life;
mod log;
mod midi;
pub mod monitor;
mod panic;
mod play;
pub mod progress;
mod render;
mod replay;
pub mod report;
mod respawn;
mod rig;
mod signals;
pub mod status;
mod sysex;
mod task;

use std::io::Write;

use clap::Parser;

use arguments::{Arguments, Command};

use crate::engine::ErrorKind;

/// Runs the program: reads its arguments, does what they say; gives the exit
/// status: 0 done, 1 failed, 2 wrong usage, 3 a cache that could not be verified,
/// 70 the audio thread hung.
pub fn run() -> u8 {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Asking for help is no mistake.
            let status = u8::from(error.use_stderr()) * 2;
            // Nowhere to print to: the status still tells.
            let _ = error.print();
            return status;
        }
    };
    listen_to_log();
    let kinds = crate::engine::kinds();
    let done = match &arguments.command {
        Command::Render(arguments) => render::render(arguments, &kinds),
        Command::Log { log, json } => log::log(log, *json),
        Command::Replay(arguments) => replay::replay(arguments, &kinds),
        Command::Play(arguments) if arguments.respawn => return respawn::respawn(),
        Command::Play(arguments) => play::play(arguments, &kinds),
        Command::Actors { rig, json } => actors::actors(rig.as_deref(), *json, &kinds),
        Command::Chaos(arguments) => match chaos::chaos(arguments, &kinds) {
            Ok(true) => Ok(()),
            Ok(false) => return 1,
            Err(error) => Err(error),
        },
        Command::Bench(arguments) => match bench::bench(arguments) {
            Ok(true) => Ok(()),
            Ok(false) => return 1,
            Err(error) => Err(error),
        },
        Command::Cache(arguments) => return cache::cache(arguments),
        Command::Generate(arguments) => match generate::generate(arguments) {
            Ok(generate::Ended::Done) => Ok(()),
            Ok(generate::Ended::Failed) => return 1,
            Ok(generate::Ended::Misused) => return 2,
            Err(error) => Err(error),
        },
        Command::Task(command) => task::task(command),
        Command::Midi(arguments) => midi::midi(arguments),
        Command::Sysex(command) => sysex::sysex(command),
        Command::Monitor(arguments) => monitor::monitor(arguments),
        Command::Panic(arguments) => panic::panic(arguments),
        Command::Rig(command) => rig::rig(command, &kinds),
        Command::Check { rig, json } => return check::check(rig, *json, &kinds),
        Command::Kinds { kind, json } => return kinds::kinds(kind.as_deref(), *json, &kinds),
        Command::Devices(arguments) => return devices::devices(arguments),
        Command::Doctor { json } => return doctor::doctor(*json),
    };
    match done {
        Ok(()) => 0,
        Err(error) => {
            tell(&format!("antiphon: {error}"));
            if error.kind == ErrorKind::Usage { 2 } else { 1 }
        }
    }
}

/// Shows the control world's log on stderr where `ANTIPHON_LOG` asks for it
/// (`info`, `antiphon::engine=debug`, …).
fn listen_to_log() {
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_env("ANTIPHON_LOG") {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
}

/// One line, or several, on stderr. Where whoever read it has gone (`2>&1 | head`)
/// nobody is told, and playing goes on.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// One line of JSON on stdout.
fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => {
            // Whoever asked and went away misses nothing but this.
            let _ = writeln!(std::io::stdout(), "{text}");
        }
        Err(error) => tell(&format!("antiphon: the report cannot be written as JSON: {error}")),
    }
}
