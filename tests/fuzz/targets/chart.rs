//! A chord chart, and a chord's, a key's and a numeral's name, of anything: read and written back as the same,
//! or an error with its place.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use antiphon::theory::{BARS_AT_MOST, CHORDS_PER_BAR_AT_MOST, Chart, Chord, Key, Roman, Style};
use libfuzzer_sys::fuzz_target;

/// What was read is written so that it is read again.
fn is_its_name<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        let written = read.to_string();
        assert_eq!(written.parse::<T>().expect("its own name"), read, "{text:?} was written {written:?}");
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    is_its_name::<Chord>(text);
    is_its_name::<Key>(text);
    is_its_name::<Style>(text);
    if let (Ok(roman), Ok(key)) = (text.parse::<Roman>(), "Eb minor".parse::<Key>()) {
        let _ = Roman::of(roman.in_key(key), key).to_string();
    }
    match Chart::from_json(text) {
        Ok(chart) => {
            assert!((1..=BARS_AT_MOST).contains(&chart.bars.len()));
            assert!(chart.bars.iter().all(|bar| (1..=CHORDS_PER_BAR_AT_MOST).contains(&bar.len())));
            assert_eq!(Chart::from_json(&chart.to_json()).expect("its own text"), chart);
            let bars = chart.length_bars() + 3;
            let mut eighth = 0;
            for placed in chart.placed(bars) {
                assert_eq!(placed.eighth, eighth, "a gap in {chart:?}");
                eighth += placed.eighths;
            }
            assert_eq!(eighth, 8 * bars, "{chart:?}");
        }
        Err(error) => {
            let said = error.to_string();
            assert!(!said.is_empty() && said.len() < 4_000 && !said.contains(char::is_control), "{said:?}");
        }
    }
});
