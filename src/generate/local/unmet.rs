//! What a description asks for and the band cannot do.

use super::settings::Settings;
use super::words::{Wish, near_style, split};
use crate::generate::Request;
use crate::theory::Style;

/// Words quoted in a remark.
const QUOTED: usize = 3;

/// What is done otherwise than it was said, in a musician's words; nothing where all of it is met, or where
/// what is not known changes nothing.
pub(super) fn remarks(request: &Request) -> Vec<String> {
    let wish = Wish::read(&request.description);
    let Ok(settings) = Settings::of(request) else { return Vec::new() };
    let words = split(&request.description);
    let mut remarks = Vec::new();
    let found = |is: &dyn Fn(&str) -> bool| -> Vec<&str> {
        words.iter().map(|word| word.1.as_str()).filter(|word| is(word)).take(QUOTED).collect()
    };
    if let Some(metre) = metre(&request.description) {
        remarks.push(format!("all music of this band is in 4/4: \"{metre}\" is played in four"));
    }
    if !found(&is_voice).is_empty() {
        remarks.push("nobody sings in this band: it plays".to_owned());
    }
    let styles = Style::ALL.map(Style::name).join(", ");
    if let (Some((word, _)), None) = (wish.stranger, &request.style) {
        remarks.push(format!(
            "\"{word}\" is no style of this band's: {} is the nearest; its styles are {styles}",
            settings.style
        ));
    }
    let is_said = request.style.is_some() || request.key.is_some() || request.tempo.is_some();
    if !is_said && remarks.is_empty() && wish == Wish::default() && !request.is_loop() {
        remarks.push(format!(
            "the band knows none of these words, so the seed chose: {} in {} at {} BPM. It knows its styles \
             ({styles}), keys, tempos, moods and instruments",
            settings.style, settings.key, settings.tempo
        ));
    }
    remarks
}

/// A time signature that is not 4/4, as it was written.
fn metre(description: &str) -> Option<&str> {
    const METRES: [&str; 14] = [
        "waltz",
        "waltzes",
        "3/4",
        "6/8",
        "9/8",
        "12/8",
        "5/4",
        "5/8",
        "7/4",
        "7/8",
        "2/4",
        "6/4",
        "three-four",
        "3-4",
    ];
    description
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '.' | '(' | ')' | '"'))
        .find(|word| METRES.contains(&word.to_lowercase().as_str()))
}

fn is_voice(word: &str) -> bool {
    matches!(word, "vocals" | "vocal" | "singer" | "singers" | "singing" | "sung" | "lyrics" | "rapper")
}

/// A word that names a style which is not the band's, and the band's nearest.
pub(super) fn stranger(lower: &[String]) -> Option<(&'static str, Style)> {
    lower.iter().find_map(|word| near_style(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::SampleRate;

    fn of(text: &str) -> String {
        remarks(&Request::new(text, SampleRate::DEFAULT)).join("; ")
    }

    #[test]
    fn what_is_not_done_is_said_and_what_is_done_is_not() {
        for good in [
            "slow blues in F minor",
            "a happy song for piano, no drums",
            "latin",
            "fast",
            "in 4/4, swing",
            "at 90 bpm",
            "a loop",
            "allegro",
        ] {
            assert_eq!(of(good), "", "{good}");
        }
        assert!(of("a waltz in C").contains("\"waltz\" is played in four"));
        assert!(of("bossa in 3/4").contains("\"3/4\""));
        assert!(of("reggae").contains("\"reggae\" is no style"), "{}", of("reggae"));
        assert!(of("pop with vocals").contains("nobody sings"));
        assert!(of("qwertz").contains("none of these words"));
        let request = Request { style: Some("swing".into()), ..Request::new("qwertz", SampleRate::DEFAULT) };
        assert_eq!(remarks(&request), Vec::<String>::new());
    }
}
