//! Plays while it kills its own parts, and says what was heard: `cargo run --example unkillable`.
//!
//! The same piece twice, on the null clock, so that it runs anywhere: once in peace,
//! and once while the processor of the lead panics and every actor of the engine is
//! killed in turn, the recorder and the keeper of the audio device among them. The
//! lead has channels of its own, so that the others can be compared to the bit.

mod support;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use antiphon::device::audio::{AudioRequest, DriverChoice};
use antiphon::engine::live::{Job, Live, Played};
use antiphon::engine::{Injection, Mending, NamedScore};
use antiphon::rig::parse;

const RIG: &str = r#"
[midi.keys]
in = "nothing of this name"
[instrument.bass]
kind = "synth"
preset = "round-bass"
[instrument.lead]
kind = "pluck"
[stage.room]
kind = "reverb"
[output.solo]
channels = [3, 4]
[[cable]]
from = "keys"
to = "bass"
[[cable]]
from = "keys"
to = "lead"
[[cable]]
from = "bass"
to = "room"
[[cable]]
from = "room"
to = "out"
[[cable]]
from = "lead"
to = "solo"
"#;

const SECONDS: f64 = 1.8;
/// When what fails; the notes of the melody begin every 0.2 s.
const ACCIDENTS: [&str; 11] = [
    "bass:kill@0.2",
    "renderer:kill@0.3",
    "lead:kill@0.4",
    "lead:panic@0.5",
    "room:kill@0.6",
    "device/audio:kill@0.7",
    "journal/recorder:kill@0.8",
    "rig:kill@0.9",
    "instrument:kill@1.0",
    "device/midi:kill@1.1",
    "engine:kill@1.2",
];
const CHANNELS: usize = 4;
const RATE: f64 = 48_000.0;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("antiphon-unkillable-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let calm_path = folder.join("calm.wav");
    let wild_path = folder.join("wild.wav");
    println!("playing in peace …");
    play(&calm_path, &[])?;
    println!("playing while its parts are killed …");
    let played = play(&wild_path, &ACCIDENTS)?;
    let (calm, wild) = (samples(&calm_path)?, samples(&wild_path)?);
    std::fs::remove_dir_all(&folder)?;

    for actor in played.actors.iter().filter(|actor| actor.restarts > 0) {
        println!("  {:<28} killed, {}, {} restarts", actor.path, actor.state, actor.restarts);
    }
    for fault in &played.summary.faults {
        println!("  {:<28} {} at {:.3} s", fault.actor, fault.kind.name(), fault.frame as f64 / RATE);
    }
    let survivors =
        |channel: usize| calm[channel].iter().zip(&wild[channel]).all(|(a, b)| a.to_bits() == b.to_bits());
    let are_identical = calm[0].len() == wild[0].len() && survivors(0) && survivors(1);
    println!(
        "bass and room: {:.2} s, peak {:.3}; {}",
        wild[0].len() as f64 / RATE,
        peak(&wild[0]),
        if are_identical { "identical to the peaceful run, to the bit" } else { "NOT the same as in peace" }
    );
    let quiet = wild[2].iter().zip(&calm[2]).filter(|(wild, calm)| **wild == 0.0 && **calm != 0.0).count();
    let after = peak(&wild[2][(0.7 * RATE) as usize..]);
    println!(
        "lead: peak {:.3} before its panic, silent for {:.0} ms, peak {after:.3} from its next notes on",
        peak(&wild[2][..(0.5 * RATE) as usize]),
        quiet as f64 / RATE * 1_000.0
    );
    println!("allocations in the callback: {}", played.summary.rt_violations);
    let recovered = played.actors.iter().all(|actor| actor.state == "running") && after > 0.01;
    if are_identical && recovered && played.summary.rt_violations == 0 {
        println!("it kept playing");
        return Ok(());
    }
    Err("something was heard that should not have been".into())
}

fn play(path: &Path, accidents: &[&str]) -> Result<Played, Box<dyn Error>> {
    let kinds = antiphon::engine::kinds();
    let rig = parse(RIG, &kinds).map_err(|problems| format!("{problems:?}"))?;
    let injections = accidents.iter().map(|text| text.parse::<Injection>()).collect::<Result<_, _>>()?;
    let mut live = Live::start(Job {
        rig,
        scores: vec![NamedScore { port: None, score: support::melody()? }],
        demo: None,
        request: AudioRequest { driver: DriverChoice::Null, ..AudioRequest::default() },
        record: Some(path.to_owned()),
        log: None,
        black_box: None,
        seconds: Some(SECONDS),
        injections,
        scene: None,
        watch: None,
        mending: Mending::default(),
    })?;
    while !live.is_over() {
        for message in live.attend() {
            println!("  {message}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(live.stop())
}

fn samples(path: &Path) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    let mut reader = hound::WavReader::open(path)?;
    let interleaved = reader.samples::<f32>().collect::<Result<Vec<_>, _>>()?;
    let channel = |channel: usize| interleaved.iter().skip(channel).step_by(CHANNELS).copied().collect();
    Ok((0..CHANNELS).map(channel).collect())
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}
