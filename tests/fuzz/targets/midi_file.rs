//! A MIDI file of anything: a score in order, or an error with its place; and
//! written again by its sheet, the same events.
#![no_main]

use antiphon::midi::file::{Score, Sheet};
use antiphon::unit::SampleRate;
use libfuzzer_sys::fuzz_target;

/// What is written is read again as the same, and nothing is left to mend in it.
fn mend(data: &[u8]) {
    let Ok(sheet) = Sheet::read(data) else { return };
    let written = sheet.write().expect("it is far below 4 GiB");
    let again = Sheet::read(&written).expect("what we write we read");
    assert!(again.oddities.iter().all(|oddity| !oddity.kind.is_mended()), "{:?}", again.oddities);
    assert_eq!(again.tracks.len(), sheet.tracks.len());
    for (one, other) in sheet.tracks.iter().zip(&again.tracks) {
        assert_eq!(one.end_tick, other.end_tick);
        let events = |sheet: &Sheet, track: &antiphon::midi::file::SheetTrack| -> Vec<_> {
            track.events.iter().map(|e| (e.tick, e.form, sheet.bytes(e).to_vec())).collect()
        };
        assert_eq!(events(&sheet, one), events(&again, other));
    }
    assert_eq!(again.write().expect("the same"), written);
}

fuzz_target!(|data: &[u8]| {
    mend(data);
    let Ok(score) = Score::read(data) else { return };
    for hertz in [8_000, 192_000] {
        let rate = SampleRate::new(hertz).expect("both ends of the range");
        let performance = score.at(rate, 3);
        assert!(performance.events.is_sorted_by_key(|event| event.time));
        assert!(performance.events.iter().all(|event| event.time <= performance.end_frame));
    }
});
