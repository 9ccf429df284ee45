use std::path::Path;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::control::signals::Signals;
use crate::device::audio::AudioRequest;
use crate::engine::live::{Job, Live};
use crate::engine::{BAND_RIG, Error, ErrorKind, Mending, NamedScore};
use crate::feed::wav::WavInput;
use crate::midi::file::Score;
use crate::rig::{self, Rig};
use crate::unit::SampleRate;

const ATTEND: Duration = Duration::from_millis(5);
/// After the last frame or note, for what still sounds.
const REST_SECONDS: f64 = 1.0;

/// Plays a WAV or a MIDI file through the device, to its end or until Ctrl-C.
pub(super) async fn play(path: &Path, stop: &mut Signals) -> Result<(), Error> {
    let is_midi =
        path.extension().is_some_and(|e| e.eq_ignore_ascii_case("mid") || e.eq_ignore_ascii_case("midi"));
    let (rig, scores, seconds) = if is_midi { notes(path)? } else { sound(path)? };
    let mut live = Live::start(Job {
        rig,
        scores,
        demo: None,
        scene: None,
        request: AudioRequest::default(),
        black_box: None,
        log: None,
        record: None,
        seconds: Some(seconds + REST_SECONDS),
        injections: Vec::new(),
        mending: Mending::default(),
        watch: None,
    })?;
    if live.info().driver == "null" {
        crate::control::tell("no audio device is used: nothing can be heard");
    }
    let mut ticks = interval(ATTEND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !live.is_over() {
        tokio::select! {
            biased;
            () = stop.came() => break,
            _ = ticks.tick() => {}
        }
        for message in live.attend() {
            crate::control::tell(&message);
        }
    }
    live.stop();
    Ok(())
}

/// A rig whose only clip is the file.
fn sound(path: &Path) -> Result<(Rig, Vec<NamedScore>, f64), Error> {
    let input =
        |why: String| Error::new(ErrorKind::Input, format!("{} cannot be played: {why}", path.display()));
    let path = path.canonicalize().map_err(|error| input(error.to_string()))?;
    let rate = SampleRate::DEFAULT;
    let wav = WavInput::open(&path, rate).map_err(|error| input(error.to_string()))?;
    let file = toml_edit::Value::from(path.to_string_lossy().into_owned());
    let text = format!(
        "[transport]\nstart = true\n[clip.made]\nfile = {file}\nautoplay = true\nsync = \"none\"\nloop = false\n\
         [[cable]]\nfrom = \"made\"\nto = \"out\"\n"
    );
    Ok((parsed(&text)?, Vec::new(), rate.seconds(wav.frames())))
}

/// The built-in band, with the file as its notes.
fn notes(path: &Path) -> Result<(Rig, Vec<NamedScore>, f64), Error> {
    let score = Score::open(path)?;
    let seconds = SampleRate::DEFAULT.seconds(score.at(SampleRate::DEFAULT, 0).end_frame);
    Ok((parsed(BAND_RIG)?, vec![NamedScore { port: None, score }], seconds))
}

fn parsed(text: &str) -> Result<Rig, Error> {
    rig::parse(text, &crate::engine::kinds()).map_err(|problems| {
        let first = problems.first().map_or_else(String::new, |problem| problem.message.clone());
        Error::new(ErrorKind::Input, format!("the rig to play it on is wrong: {first}"))
    })
}
