//! Keys that we send: by a MIDI port, over its cable, to the engine; and the click back
//! by an audio input.

use std::time::{Duration, Instant};

use super::session::{Plan, Session};
use super::{Found, Strike, click, wiring};
use crate::device::audio::{DriverChoice, list_jack};
use crate::device::midi::echo;
use crate::engine::{Error, ErrorKind};
use crate::measure::Run;
use crate::measure::latency::ends::Ends;
use crate::unit::Frame;

/// How long keys are sent, unless somebody says.
const USUAL_SECONDS: f64 = 6.0;
/// From a key to the next, at least; more where sound takes longer to come back.
const APART_SECONDS: f64 = 0.35;
/// How long it may take until everything is connected: keys for that are played too.
const START_SECONDS: f64 = 30.0;
const LOOK: Duration = Duration::from_millis(10);

pub(super) fn measure(run: &mut Run, ends: &Ends) -> Result<(), Error> {
    let is_jack = match run.settings.driver {
        DriverChoice::Jack => true,
        DriverChoice::Auto => list_jack().is_ok(),
        _ => false,
    };
    let seconds = run.seconds(USUAL_SECONDS);
    let round_trip = run.report.latency.audio.round_trip_ms.unwrap_or(0.0) * 1e-3;
    let apart_seconds = APART_SECONDS.max(round_trip * 1.5);
    let (sends, hears) = if is_jack { (by_hand(), by_hand()) } else { system_midi(ends)? };
    let is_own = !is_jack && sends.is_none();
    let plan = Plan {
        sends: Some(sends),
        hears,
        channel: 1,
        connect: false,
        apart_seconds,
        strikes: ((seconds + START_SECONDS) / apart_seconds).ceil() as u64,
        output_device: ends.audio.outputs.first().or(run.settings.device.as_ref()).cloned(),
        input_device: ends.audio.inputs.first().cloned(),
    };
    // At a JACK server the names are ports, and no device.
    let plan = if is_jack { Plan { output_device: None, input_device: None, ..plan } } else { plan };
    let mut session = Session::start(run, &plan)?;
    let result = go(run, &mut session, ends, (&plan, is_own), seconds);
    session.stop();
    let (found, trouble) = result?;
    found.report(run)?;
    if let Some(trouble) = trouble {
        run.missing("latency.key_to_sound_ms", &format!("ended early: {trouble}"));
    }
    Ok(())
}

/// Gear of no name: the server's ports are connected one by one.
fn by_hand() -> Option<String> {
    Some("connected one by one".to_owned())
}

/// The ports of the system's MIDI: where keys go, and where they come from.
fn system_midi(ends: &Ends) -> Result<(Option<String>, Option<String>), Error> {
    let pairs = echo::pairs(&ends.midi.outputs, &ends.midi.inputs);
    let pairs = pairs.map_err(|error| Error::new(ErrorKind::Device, error.to_string()))?;
    let name = |end: &Option<(String, String)>| end.as_ref().map(|(name, _)| name.clone());
    Ok(pairs.first().map(|pair| (name(&pair.output), name(&pair.input))).unwrap_or_default())
}

fn go(
    run: &Run,
    session: &mut Session,
    ends: &Ends,
    (plan, is_own): (&Plan, bool),
    seconds: f64,
) -> Result<(Found, Option<String>), Error> {
    // The first callback says that there is somebody to be connected.
    let begin = Instant::now();
    while session.frame() == 0 && begin.elapsed().as_secs_f64() < START_SECONDS && !run.is_stopped() {
        session.attend()?;
        std::thread::sleep(LOOK);
    }
    let info = session.info.clone();
    let path = if info.driver == DriverChoice::Jack.name() {
        wiring::wire(run, &info.device, ends)?
    } else {
        if is_own {
            let failed =
                |error: crate::device::midi::MidiError| Error::new(ErrorKind::Device, error.to_string());
            echo::connect_own("midi_out", "midi_in").map_err(failed)?;
        }
        let midi = plan.sends.clone().flatten().zip(plan.hears.clone());
        let midi = midi.map_or_else(|| "ports of our own".to_owned(), |(to, from)| format!("{to} … {from}"));
        format!("{midi}; {} … {}", info.device, plan.input_device.as_deref().unwrap_or("its input"))
    };
    run.say(&format!("Key to sound: {path}"));
    // What is under way while cables are laid does not count.
    let settled = session.frame() + u64::from(4 * info.block_frames);
    let (begin, window) = (Instant::now(), info.rate.frames(plan.apart_seconds));
    let trouble = loop {
        std::thread::sleep(LOOK);
        if let Err(error) = session.attend() {
            break Some(error.message);
        }
        let elapsed = begin.elapsed().as_secs_f64();
        let is_over = elapsed >= seconds || run.is_stopped();
        let count = session.sent.iter().filter(|note| note.frame >= settled).count();
        run.advance((elapsed / seconds).min(1.0), &format!("{count} keys sent"));
        if is_over {
            break None;
        }
    };
    // The last keys may not have been heard yet.
    let end = session.frame().saturating_sub(window);
    let click = click::click(info.rate);
    let mut strikes = Vec::new();
    let counted = session.sent.iter().filter(|note| (settled..end).contains(&note.frame));
    let (ahead, fixed) = (session.ahead_frames(), session.midi_latency_frames());
    let mut sent = 0;
    for note in counted {
        sent += 1;
        strikes.extend(strike(session, *note, (&click, window), (ahead, fixed)));
    }
    let found = Found {
        strikes,
        sent,
        method: "sent",
        path,
        rate_hertz: info.rate.hertz(),
        midi_latency_frames: fixed,
        is_in_frames: info.driver == DriverChoice::Jack.name(),
    };
    Ok((found, trouble))
}

fn strike(
    session: &Session,
    note: super::probe::Note,
    (click, window): (&[f32], Frame),
    (ahead, fixed): (f64, u32),
) -> Option<Strike> {
    let is_it = |struck: &&super::probe::Note| {
        struck.key == note.key && (note.frame..note.frame + window).contains(&struck.frame)
    };
    let struck = session.struck.iter().find(is_it)?.frame;
    let heard =
        session.between(struck, struck + window).or_else(|| session.between(struck, session.end()))?;
    let sound = click::find(click, heard)? as f64;
    let sent = note.frame as f64 + ahead;
    let midi = struck as f64 - f64::from(fixed) - sent;
    Some(Strike { whole: struck as f64 + sound - sent, midi: Some(midi), sound })
}
