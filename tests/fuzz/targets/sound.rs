//! A sound file, and a MIDI file, of anything, as a backend may send it: sound that can be played at the
//! engine's rate, or an error that fits on a line.
#![no_main]

use std::panic;
use std::sync::Once;

use antiphon::generate::verify::{decode, midi, verify};
use antiphon::generate::{Failure, Request};
use antiphon::unit::SampleRate;
use libfuzzer_sys::fuzz_target;

/// Looking at more would only cost time.
const SECONDS: f64 = 0.05;
const FRAMES: usize = 20_000;
const TYPES: [Option<&str>; 4] = [None, Some("audio/mpeg"), Some("audio/wav"), Some("audio/ogg")];

fn is_sayable(failure: &Failure) {
    let said = failure.to_string();
    assert!(!said.is_empty() && said.chars().count() < 2_000 && !said.contains(char::is_control), "{said:?}");
}

/// What the crates that read files do not survive (here with checks for overflow, which a release lacks) is
/// answered with an error, which is looked at like any other. The fuzzer would end at the panic itself.
fn let_readers_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let end = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            let place = what.location().map_or("", |at| at.file());
            if !["/symphonia-", "/midly-"].iter().any(|reader| place.contains(reader)) {
                end(what);
            }
        }));
    });
}

fuzz_target!(|data: &[u8]| {
    let_readers_panic();
    let Some((&kind, bytes)) = data.split_first() else { return };
    let request = Request::new("a slow blues", SampleRate::DEFAULT);
    if let Err(failure) = midi(bytes, &request) {
        is_sayable(&failure);
    }
    match decode(bytes, TYPES[usize::from(kind) % TYPES.len()], SECONDS) {
        Ok(decoded) => {
            assert!((1..=2).contains(&decoded.channels.len()));
            let frames = decoded.channels[0].len();
            assert!(frames > 0 && decoded.channels.iter().all(|channel| channel.len() == frames));
            assert!(frames as f64 <= SECONDS * f64::from(decoded.rate_hertz) + 70_000.0, "{frames} frames");
            if frames > FRAMES {
                return;
            }
            match verify(decoded, &request, 1) {
                Ok(verified) => {
                    let audio = &verified.audio;
                    assert_eq!(audio.rate, request.rate);
                    assert!(audio.channels.iter().flatten().all(|sample| sample.is_finite()));
                }
                Err(failure) => is_sayable(&failure),
            }
        }
        Err(failure) => is_sayable(&failure),
    }
});
