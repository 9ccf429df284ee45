//! An answer of a model server, and a line of a program, of anything: a draft, or an error that fits on a line.
#![no_main]

use antiphon::generate::backends::{draft_of, sound_of};
use antiphon::generate::{Draft, Failure, Request};
use antiphon::unit::SampleRate;
use libfuzzer_sys::fuzz_target;

/// No sound is much longer than the text that it was in, a sample takes at least two characters; eight bars
/// of a chart, which may be short, are a file of some kilobytes.
fn is_in_bounds(bytes: &[u8], data: &[u8]) {
    assert!(bytes.len() <= 8 * data.len() + 65_536, "{} bytes of {}", bytes.len(), data.len());
}

fn is_sayable(failure: &Failure) {
    let said = failure.to_string();
    assert!(!said.is_empty() && said.chars().count() < 2_000 && !said.contains(char::is_control), "{said:?}");
}

fuzz_target!(|data: &[u8]| {
    match sound_of(data.to_vec()) {
        Ok(bytes) => is_in_bounds(&bytes, data),
        Err(failure) => is_sayable(&failure),
    }
    let request = Request::new("a slow blues", SampleRate::DEFAULT);
    match draft_of(data, &request) {
        Ok(Some(Draft::Midi { bytes, tempo, .. })) => {
            assert!((20.0..=400.0).contains(&tempo));
            is_in_bounds(&bytes, data);
        }
        Ok(Some(Draft::Sound { bytes, .. })) => is_in_bounds(&bytes, data),
        Ok(_) => {}
        Err(failure) => is_sayable(&failure),
    }
});
