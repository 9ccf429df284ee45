//! The audio round trip: a signal out, over the cable, in; counted in frames of one
//! stream, in one callback. Once from the callback itself, and once through the engine.

mod kind;
mod path;
mod probe;
mod rounds;
mod session;

use super::ends::Ends;
use crate::device::audio::{AudioRequest, DriverChoice, StreamInfo, open};
use crate::engine::{Error, ErrorKind};
use crate::measure::report::{AudioLatency, Better};
use crate::measure::signal::{self, Arrival};
use crate::measure::statistics::median;
use crate::measure::{Link, Run};
use path::Path;
use rounds::{Found, Rounds};
use session::{Session, Way, of_driver};

/// How the program is called at a JACK server.
const CLIENT: &str = "antiphon-bench";
/// The longest delay that is found, in seconds.
pub(super) const RANGE_SECONDS: f64 = 2.5;

/// Measures the round trip over the ends that were named, or found.
///
/// # Errors
/// Why there is no figure.
pub(super) fn measure(run: &mut Run, ends: &Ends) -> Result<(), Error> {
    run.begin("audio");
    let request = request(run, &ends.audio)?;
    let opened = open(&request).map_err(|error| of_driver(&error))?;
    let info = opened.driver.info().clone();
    if info.driver == DriverChoice::Null.name() {
        return Err(no_device(&opened.refused));
    }
    let signal = signal::sequence();
    let most_frames = signal.len() + info.rate.frames(RANGE_SECONDS) as usize;
    let mut session = Session::start(opened.driver, &signal, most_frames, run.stop())?;
    let mut path = match info.driver {
        "jack" => Some(Path::lay(run, &info.device, &ends.audio)?),
        _ => None,
    };
    let mut rounds = Rounds::new(&signal, info.rate);
    let ended = rounds.run(run, &mut session, path.as_mut());
    let found = rounds.found();
    if found.of(Way::Device).next().is_none() {
        let path = path.map_or_else(|| devices(&info, &ends.audio), |path| path.words());
        run.report.latency.audio = AudioLatency { lost: found.lost, ..opened_on(&info, path) };
        ended?;
        let why = if run.is_stopped() { "stopped before a round was whole" } else { "no round was whole" };
        return Err(Error::new(ErrorKind::Device, why));
    }
    if let Err(error) = ended {
        run.say(&format!("The measurement of audio ended early: {error}."));
    }
    let claimed = path.as_ref().map_or_else(|| session.claimed_frames(), Path::claimed_frames);
    let path = path.map_or_else(|| devices(&info, &ends.audio), |path| path.words());
    report(run, found, &info, claimed, path);
    Ok(())
}

fn request(run: &Run, link: &Link) -> Result<AudioRequest, Error> {
    if link.outputs.len() > 1 || link.inputs.len() > 1 {
        let message = "one audio port or device for `--out` and one for `--in`: a path has two ends";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let settings = &run.settings;
    Ok(AudioRequest {
        driver: settings.driver,
        device: link.outputs.first().or(settings.device.as_ref()).cloned(),
        input_device: link.inputs.first().cloned(),
        rate: settings.rate,
        block_frames: settings.block_frames,
        output_channels: 2,
        input_channels: 1,
        connect: false,
        client_name: CLIENT.to_owned(),
    })
}

fn no_device(refused: &[(&'static str, String)]) -> Error {
    let mut message = "there is no audio device, and the null clock plays to nobody".to_owned();
    for (_, why) in refused {
        message.push_str("; ");
        message.push_str(why);
    }
    Error::new(ErrorKind::Device, message)
}

/// Where sound went, whatever came back.
fn opened_on(info: &StreamInfo, path: String) -> AudioLatency {
    AudioLatency {
        driver: Some(info.driver.to_owned()),
        path: Some(path),
        rate_hertz: Some(info.rate.hertz()),
        block_frames: Some(info.block_frames),
        ..AudioLatency::default()
    }
}

fn devices(info: &StreamInfo, link: &Link) -> String {
    match link.inputs.first() {
        Some(input) => format!("{} -> {input}", info.device),
        None => info.device.clone(),
    }
}

fn report(run: &mut Run, found: Found, info: &StreamInfo, claimed: Option<f64>, path: String) {
    let of = |value: fn(&Arrival) -> f64| -> Vec<f64> { found.of(Way::Device).map(value).collect() };
    let delays = of(|arrival| tidy(arrival.delay_frames));
    let round_trip = median(&delays);
    let most = delays.iter().copied().fold(f64::MIN, f64::max);
    let least = delays.iter().copied().fold(f64::MAX, f64::min);
    let added = found.added_frames();
    run.report.latency.audio = AudioLatency {
        round_trip_frames: round_trip,
        round_trip_ms: round_trip.map(|frames| frames * 1e3 / f64::from(info.rate.hertz())),
        spread_frames: Some(most - least),
        claimed_frames: claimed,
        engine_frames: median(&added).map(tidy),
        clarity_decibels: median(&of(|arrival| arrival.clarity_decibels)),
        gain_decibels: median(&of(|arrival| arrival.gain_decibels)),
        rounds: delays.len() as u64,
        lost: found.lost,
        ..opened_on(info, path)
    };
    if claimed.is_none() {
        run.missing("latency.audio.claimed_frames", "the driver claims nothing");
    }
    if added.is_empty() {
        let why = if found.of(Way::Engine).next().is_none() {
            "no round through the engine was whole"
        } else if !found.has_turns() {
            "too few rounds: each through the engine is held against one before it and one after it"
        } else {
            "the path itself took longer or shorter from round to round, so that nothing can be told of the engine"
        };
        run.missing("latency.audio.engine_frames", why);
    }
    run.figure("latency.audio.round_trip_frames", "frames", Better::Less, delays);
}

/// Without what the search between frames leaves behind the sixth place.
fn tidy(frames: f64) -> f64 {
    (frames * 1e6).round() / 1e6 + 0.0
}
