//! What the examples share: a melody, and the two ways to hear a rig.
#![allow(dead_code)] // Each example uses its part.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use antiphon::device::audio::AudioRequest;
use antiphon::engine::{live, offline};
use antiphon::journal::BitDepth;
use antiphon::midi::file::{Score, Transcript};
use antiphon::rig::Rig;
use antiphon::unit::SampleRate;

const RATE: SampleRate = SampleRate::DEFAULT;

/// A few notes, as a MIDI file in memory.
pub fn melody() -> Result<Score, Box<dyn Error>> {
    const NOTE_SECONDS: f64 = 0.2;
    let mut midi = Transcript::new(RATE);
    let keys = [60, 64, 67, 72, 71, 67, 62, 64];
    for (index, key) in keys.into_iter().enumerate() {
        let start = RATE.frames(index as f64 * NOTE_SECONDS);
        midi.push(start, &[0x90, key, 96]);
        midi.push(start + RATE.frames(NOTE_SECONDS * 0.9), &[0x80, key, 0]);
    }
    let end = RATE.frames(keys.len() as f64 * NOTE_SECONDS);
    Ok(Score::read(&midi.finish(end)?)?)
}

/// Renders to a WAV: to `path`, else to `name` among the system's temporary files.
pub fn render(rig: Rig, melody: Score, path: Option<&str>, name: &str) -> Result<(), Box<dyn Error>> {
    let out = path.map_or_else(|| std::env::temp_dir().join(name), PathBuf::from);
    let job = offline::Job {
        rig,
        scores: vec![antiphon::engine::NamedScore { port: None, score: melody }],
        audio: Vec::new(),
        out: out.clone(),
        stems: None,
        midi_out: None,
        rate: RATE,
        block_frames: 512,
        bits: BitDepth::Int24,
        length: None,
        tail: None,
        seed: 0,
        scene: None,
        injections: Vec::new(),
    };
    let rendered = offline::render(job, |_, _| {})?;
    println!("{:.2} s rendered to {}", RATE.seconds(rendered.frames), out.display());
    Ok(())
}

/// Plays on the system's audio device; on the null clock where there is none.
pub fn play(rig: Rig, melody: Score) -> Result<(), Box<dyn Error>> {
    const SECONDS: f64 = 2.5;
    let mut live = live::Live::start(live::Job {
        rig,
        scores: vec![antiphon::engine::NamedScore { port: None, score: melody }],
        demo: None,
        request: AudioRequest::default(),
        record: None,
        log: None,
        black_box: None,
        seconds: Some(SECONDS),
        injections: Vec::new(),
        scene: None,
        watch: None,
        mending: Default::default(),
    })?;
    let info = live.info().clone();
    println!("playing on {} {} at {}", info.driver, info.device, info.rate);
    while !live.is_over() {
        for message in live.attend() {
            println!("{message}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let played = live.stop();
    println!("{} callbacks, {} xruns", played.callbacks.callbacks, played.xruns);
    Ok(())
}
