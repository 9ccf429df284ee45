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

use crate::device::memory;
use crate::engine::{Error, ErrorKind};

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
    settle_process();
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
        Command::Task(arguments) => task::task(arguments),
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
            // One without words is for nobody: who would read them has gone.
            if !error.message.is_empty() {
                tell(&format!("antiphon: {error}"));
            }
            if error.kind == ErrorKind::Usage { 2 } else { 1 }
        }
    }
}

/// Shows the control world's log on stderr where `ANTIPHON_LOG` asks for it
/// (`info`, `antiphon::engine=debug`, …).
/// What holds for the whole process, before it has a second thread; the library leaves that to its host.
fn settle_process() {
    memory::keep_few_heaps();
    if let Err(error) = memory::keep_pages_small() {
        tracing::info!(%error, "memory may be moved into huge pages");
    }
}

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
///
/// # Errors
/// [`Error`] where it cannot be written; without words where whoever read it has gone (`| head -1`).
fn print_json(value: &impl serde::Serialize) -> Result<(), Error> {
    let unwritten = |why: String| Error::new(ErrorKind::Disk, why);
    let text = serde_json::to_string(value)
        .map_err(|error| unwritten(format!("the report cannot be written as JSON: {error}")))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => unwritten(String::new()),
        _ => unwritten(format!("the report cannot be written to stdout: {error}")),
    })
}
