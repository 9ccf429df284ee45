//! A MIDI file of anything: a score in order, or an error with its place.
#![no_main]

use antiphon::midi::file::Score;
use antiphon::unit::SampleRate;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(score) = Score::read(data) else { return };
    for hertz in [8_000, 192_000] {
        let rate = SampleRate::new(hertz).expect("both ends of the range");
        let performance = score.at(rate, 3);
        assert!(performance.events.is_sorted_by_key(|event| event.time));
        assert!(performance.events.iter().all(|event| event.time <= performance.end_frame));
    }
});
