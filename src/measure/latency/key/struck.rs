//! Keys that somebody strikes before a microphone: the knock of the key, then the click
//! of the engine, both by the same ear, so that its own latency does not count.

use std::time::{Duration, Instant};

use super::probe::Note;
use super::session::{Plan, Session};
use super::{Found, Strike, click};
use crate::device::audio::DriverChoice;
use crate::engine::Error;
use crate::measure::Run;
use crate::measure::latency::ends::Ends;

/// How long keys may be struck, unless somebody says.
const USUAL_SECONDS: f64 = 30.0;
/// So many keys are enough.
const ENOUGH: usize = 12;
/// How long after the key reached the engine its click may be heard.
const SOUND_SECONDS: f64 = 0.3;
/// How long before its click the key's knock may lie, and the quiet before it in which
/// the room's noise is heard.
const KNOCK_SECONDS: f64 = 0.25;
const QUIET_SECONDS: f64 = 0.1;
const LOOK: Duration = Duration::from_millis(10);

pub(super) fn measure(run: &mut Run, ends: &Ends, channel: u16) -> Result<(), Error> {
    let seconds = run.seconds(USUAL_SECONDS);
    let plan = Plan {
        sends: None,
        hears: Some(ends.midi.inputs.first().cloned().unwrap_or_else(|| "*".to_owned())),
        channel,
        connect: true,
        apart_seconds: 1.0,
        strikes: 0,
        output_device: ends.audio.outputs.first().or(run.settings.device.as_ref()).cloned(),
        input_device: ends.audio.inputs.first().cloned(),
    };
    let mut session = Session::start(run, &plan)?;
    let trouble = listen(run, &mut session, seconds);
    let found = found(&session, channel);
    session.stop();
    let Some(trouble) = trouble else { return found.report(run) };
    if found.strikes.is_empty() {
        return Err(trouble);
    }
    found.report(run)?;
    run.missing("latency.key_to_sound_ms", &format!("ended early: {}", trouble.message));
    Ok(())
}

fn listen(run: &Run, session: &mut Session, seconds: f64) -> Option<Error> {
    let port = if session.info.driver == DriverChoice::Jack.name() {
        format!(
            " ({0}:midi_in, {0}:out_1 and the microphone's port may be connected by hand)",
            session.info.device
        )
    } else {
        String::new()
    };
    run.say(&format!("Strike {ENOUGH} keys before the microphone, one a second, short and hard{port}."));
    let begin = Instant::now();
    let rest = session.info.rate.frames(SOUND_SECONDS);
    loop {
        std::thread::sleep(LOOK);
        if let Err(error) = session.attend() {
            return Some(error);
        }
        let elapsed = begin.elapsed().as_secs_f64();
        let count = session.struck.len();
        let share = (elapsed / seconds).max(count as f64 / ENOUGH as f64).min(1.0);
        run.advance(share, &format!("{count} of {ENOUGH} keys struck"));
        let last = session.struck.last().map_or(0, |note| note.frame + 2 * rest);
        let is_enough = count >= ENOUGH && session.frame() > last;
        if is_enough || elapsed >= seconds || run.is_stopped() {
            return None;
        }
    }
}

fn found(session: &Session, channel: u16) -> Found {
    let info = &session.info;
    let click = click::click(info.rate);
    let strikes = session.struck.iter().filter_map(|note| strike(session, *note, &click)).collect();
    Found {
        strikes,
        sent: session.struck.len() as u64,
        method: "struck",
        path: format!("{}, microphone at input {channel}", info.device),
        rate_hertz: info.rate.hertz(),
        midi_latency_frames: session.midi_latency_frames(),
        // The key's own MIDI comes by another program, which the load keeps waiting.
        is_in_frames: false,
    }
}

fn strike(session: &Session, note: Note, click: &[f32]) -> Option<Strike> {
    let rate = session.info.rate;
    let heard = session.between(note.frame, note.frame + rate.frames(SOUND_SECONDS))?;
    let sound = click::find(click, heard)?;
    let clicked = note.frame + sound as u64;
    let before = rate.frames(KNOCK_SECONDS);
    let room = session.between(clicked.checked_sub(before)?, clicked)?;
    let knock = click::onset(room, rate.frames(QUIET_SECONDS) as usize)?;
    Some(Strike { whole: (before - knock as u64) as f64, midi: None, sound: sound as f64 })
}
