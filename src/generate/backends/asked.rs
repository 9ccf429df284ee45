//! What backends make of a request.

use crate::generate::{Failure, FailureKind, Form, Length, Request};

/// The tempo that bars are counted in where nobody says one.
pub(super) const TEMPO: f64 = 120.0;

/// How long it shall be, in seconds: bars in the request's tempo, or in [`TEMPO`].
pub(in crate::generate) fn seconds(request: &Request) -> f64 {
    request.length.seconds(request.tempo.unwrap_or(TEMPO))
}

/// The description with what else is asked for, for a model that takes words only.
pub(super) fn in_words(request: &Request) -> String {
    let mut words = request.description.trim().to_owned();
    let mut add = |what: String| {
        words.push_str(", ");
        words.push_str(&what);
    };
    if let Some(style) = &request.style {
        add(format!("{style} style"));
    }
    if let Some(key) = &request.key {
        add(format!("in {key}"));
    }
    let tempo = match request.length {
        Length::Bars(_) => Some(request.tempo.unwrap_or(TEMPO)),
        Length::Seconds(_) => request.tempo,
    };
    if let Some(tempo) = tempo {
        add(format!("{tempo} BPM"));
    }
    words
}

/// Refuses to make MIDI.
pub(super) fn sound_only(request: &Request, name: &str) -> Result<(), Failure> {
    match request.form {
        Form::Audio => Ok(()),
        Form::Midi => Err(Failure::new(
            FailureKind::Usage,
            format!("the backend `{name}` makes sound and no MIDI: ask for sound, or take another backend"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::SampleRate;

    #[test]
    fn bars_are_counted_in_the_tempo_that_the_words_name() {
        let mut request = Request::new(" warm pads ", SampleRate::DEFAULT);
        assert_eq!((seconds(&request), in_words(&request).as_str()), (16.0, "warm pads, 120 BPM"));
        request.tempo = Some(90.0);
        request.key = Some("Eb minor".to_owned());
        request.length = Length::Bars(3);
        assert_eq!((seconds(&request), in_words(&request).as_str()), (8.0, "warm pads, in Eb minor, 90 BPM"));
        request.length = Length::Seconds(2.5);
        assert_eq!(seconds(&request), 2.5);
    }
}
