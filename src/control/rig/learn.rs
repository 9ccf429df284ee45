use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior};

use super::{Learned, Learner};
use crate::control::arguments::MidiDriver;
use crate::control::files::load_rig;
use crate::control::monitor;
use crate::control::signals::Signals;
use crate::device::midi::listen::Listening;
use crate::device::pattern::NamePattern;
use crate::engine::{Error, ErrorKind};
use crate::midi::Message;
use crate::midi::codec::Parsed;
use crate::render::Listen;
use crate::rig::edit::{self, ControlEntry, Edited};
use crate::rig::{self, Rig};
use crate::stage::Kinds;

/// How often the tape is read.
const READ_INTERVAL: Duration = Duration::from_millis(5);
/// Events read in one go.
const BATCH: usize = 16_384;
/// The longest that anybody waits, in seconds.
const LONGEST_SECONDS: f64 = 3_600.0;

/// `antiphon rig learn`.
#[derive(Args, Debug)]
pub struct LearnArguments {
    /// The rig file
    pub rig: PathBuf,
    /// What it is to move, such as bass.cutoff_hertz; or an action, such as next-scene
    pub target: String,
    /// The rig's MIDI port to listen to; without one, every port of the system
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// Whose ports
    #[arg(long, default_value = "auto")]
    pub driver: MidiDriver,
    /// How long to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, allow_negative_numbers = true, value_parser = parse_patience)]
    pub timeout: f64,
    /// Prints one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

fn parse_patience(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= LONGEST_SECONDS => Ok(seconds),
        _ => Err(format!("`{text}` is not a number of seconds above 0 and up to {LONGEST_SECONDS}")),
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    target: String,
    /// The port that was moved, as the system calls it.
    port: String,
    /// Its name in the rig, where it has one.
    from: Option<String>,
    /// In words.
    heard: String,
    /// Another control of the same target was replaced.
    replaced: bool,
}

pub(super) fn learn(arguments: &LearnArguments, kinds: &Kinds) -> Result<(), Error> {
    let rig = load_rig(Some(&arguments.rig), kinds)?;
    let does = does(&arguments.target);
    // What is wrong with the target is told before anybody moves a knob.
    changed(arguments, &example(&does), kinds)?;
    let pattern = match &arguments.from {
        Some(name) => Some(pattern_of(&rig, name)?),
        None => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Device, format!("the control thread cannot start: {e}")))?;
    let Some((learned, port)) = runtime.block_on(listen(arguments, pattern.as_deref(), does.0 == "do"))?
    else {
        return Err(Error::new(
            ErrorKind::Device,
            format!(
                "nothing was moved within {} s; `antiphon monitor` shows what comes from which port",
                arguments.timeout
            ),
        ));
    };
    let from = arguments.from.clone().or_else(|| role_of(&rig, &port));
    if from.is_none() && !rig.midi.iter().any(|port| port.is_virtual && port.is_source()) {
        super::super::tell(&format!(
            "warning: `{port}` is none of the rig's MIDI ports; add a [midi.NAME] whose `in` fits it"
        ));
    }
    let entry = ControlEntry { from: from.clone(), heard: learned.heard.clone(), does };
    let (text, edited) = changed(arguments, &entry, kinds)?;
    edit::save(&arguments.rig, &text).map_err(|error| {
        Error::new(ErrorKind::Disk, format!("{} cannot be written: {error}", arguments.rig.display()))
    })?;
    let heard = words(&learned.heard);
    if arguments.json {
        let target = arguments.target.clone();
        let replaced = edited == Edited::Replaced;
        super::super::print_json(&Report { target, port, from, heard, replaced })?;
    } else {
        let how = if edited == Edited::Replaced { " now" } else { "" };
        super::super::tell(&format!("{heard} of {port}{how} moves {}", arguments.target));
    }
    Ok(())
}

/// `set` for a parameter, `do` for anything else.
fn does(target: &str) -> (&'static str, String) {
    let is_parameter = target.contains('.') && !target.starts_with("scene:");
    (if is_parameter { "set" } else { "do" }, target.to_owned())
}

fn example(does: &(&'static str, String)) -> ControlEntry {
    ControlEntry { from: None, heard: vec![Listen::Controller(1)], does: does.clone() }
}

/// The rig's text with the control in it, which is a rig; from the file as it is now.
fn changed(
    arguments: &LearnArguments,
    entry: &ControlEntry,
    kinds: &Kinds,
) -> Result<(String, Edited), Error> {
    let path = &arguments.rig;
    let input = |message: String| Error::new(ErrorKind::Input, message);
    let text = std::fs::read_to_string(path).map_err(|e| input(format!("{}: {e}", path.display())))?;
    let (text, edited) =
        edit::put_control(&text, entry).map_err(|e| input(format!("{}: {e}", path.display())))?;
    match rig::parse(&text, kinds) {
        Ok(_) => Ok((text, edited)),
        Err(problems) => {
            let said = problems.first().map_or_else(String::new, |problem| {
                let hint = problem.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
                format!("{}{hint}", problem.message)
            });
            Err(Error::new(ErrorKind::Usage, said))
        }
    }
}

/// The pattern of a role's ports.
fn pattern_of(rig: &Rig, name: &str) -> Result<String, Error> {
    let usage = |message: String| Error::new(ErrorKind::Usage, message);
    let Some(port) = rig.midi.iter().find(|port| port.name == name) else {
        let names = rig.midi.iter().map(|port| port.name.as_str());
        let hint =
            rig::nearest(name, names).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(usage(format!("the rig has no MIDI port `{name}`{hint}")));
    };
    port.input.clone().ok_or_else(|| usage(format!("MIDI port `{name}` has no `in`: nothing comes from it")))
}

/// The first role that a port of the system fills.
fn role_of(rig: &Rig, port: &str) -> Option<String> {
    let fits = |pattern: &String| NamePattern::whole(pattern).matches(port);
    rig.midi.iter().find(|role| role.input.as_ref().is_some_and(fits)).map(|role| role.name.clone())
}

/// Waits until something is moved; `None` after the time.
async fn listen(
    arguments: &LearnArguments,
    pattern: Option<&str>,
    is_action: bool,
) -> Result<Option<(Learned, String)>, Error> {
    let mut stop = Signals::stop()?;
    let mut listening = monitor::open(arguments.driver, pattern)?;
    let mut learner = Learner::new(is_action);
    let mut ticks = tokio::time::interval(READ_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let until = Instant::now() + Duration::from_secs_f64(arguments.timeout);
    let what =
        if is_action { "press a pad, a key or a footswitch" } else { "move a knob, a fader or a wheel" };
    super::super::tell(&format!("ready driver={}: {what} for {}", listening.driver, arguments.target));
    loop {
        tokio::select! {
            biased;
            () = stop.came() => return Err(Error::new(ErrorKind::Usage, "interrupted; the rig is as it was")),
            _ = ticks.tick() => {}
        }
        if let Some(learned) = read(&mut listening, &mut learner) {
            let ports = listening.ports();
            let port =
                ports.get(usize::from(learned.port)).map_or_else(String::new, |port| port.name.clone());
            return Ok(Some((learned, port)));
        }
        if let Some(reason) = listening.ended() {
            return Err(Error::new(ErrorKind::Device, reason));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
    }
}

fn read(listening: &mut Listening, learner: &mut Learner) -> Option<Learned> {
    for _ in 0..BATCH {
        let mut learned = None;
        let there_was = listening.tape.next(|heard| {
            if let Some(Parsed::Message(bytes)) = heard.content {
                let mut wire = [0; 3];
                let length = bytes.len().min(3);
                wire[..length].copy_from_slice(&bytes[..length]);
                learned = Message::decode(wire).and_then(|message| learner.hear(heard.port, message));
            }
        });
        if learned.is_some() || !there_was {
            return learned;
        }
    }
    None
}

fn words(heard: &[Listen]) -> String {
    use crate::midi::registered::Parameter;
    match heard {
        [Listen::Controller(coarse), Listen::Controller(fine)] => format!("controllers {coarse} and {fine}"),
        [Listen::Controller(number), ..] => format!("controller {number}"),
        [Listen::Program(number), ..] => format!("program {number}"),
        [Listen::Note(number), ..] => format!("key {number}"),
        [Listen::Bend, ..] => "the pitch wheel".to_owned(),
        [Listen::Pressure, ..] => "pressure".to_owned(),
        [Listen::Registered(Parameter::Registered(number)), ..] => format!("RPN {number}"),
        [Listen::Registered(Parameter::NonRegistered(number)), ..] => format!("NRPN {number}"),
        [] => String::new(),
    }
}
