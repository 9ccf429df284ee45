use super::lineup::Lineup;
use super::part::Energy;
use super::unmet;
use crate::theory::{Key, Mode, Style, Tone};

/// What a description's words ask for. The vocabulary:
///
/// - a style by its name or its kin ("jazz", "bossa nova", "shuffle", "rock", "groove", "lullaby");
/// - a key ("in A minor", "Eb major", "F# dorian", "in C"), or a mode alone ("minor", "dorian");
/// - a tempo ("80 bpm", "at 120", "allegro"), or a pace: slow, medium, upbeat, fast, quick, uptempo; "very"
///   before it counts;
/// - a mood: sad, dark, melancholy and their like are minor; happy, bright, cheerful and theirs major;
/// - an energy: calm, gentle, soft, mellow …; energetic, driving, powerful, intense …
///
/// - players and what they play: "no drums", "solo piano", "bass and drums only", "walking bass", "flute".
///
/// All other words are passed over; what is plainly asked for and cannot be, `unmet` says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Wish {
    pub style: Option<Style>,
    pub tonic: Option<Tone>,
    /// A mode that was named.
    pub named_mode: Option<Mode>,
    /// The mode that was named, or that the mood asks for.
    pub mode: Option<Mode>,
    pub tempo: Option<f64>,
    /// Times the style's own tempo.
    pub pace: f64,
    pub energy: Energy,
    pub lineup: Lineup,
    /// A style that is not the band's, and the band's nearest.
    pub stranger: Option<(&'static str, Style)>,
}

impl Default for Wish {
    /// No wish.
    fn default() -> Wish {
        Wish {
            style: None,
            tonic: None,
            named_mode: None,
            mode: None,
            tempo: None,
            pace: 1.0,
            energy: Energy::Even,
            lineup: Lineup::ALL,
            stranger: None,
        }
    }
}

/// Words that are read; a description has at most 4,000 bytes.
const WORDS: usize = 2_000;

impl Wish {
    pub(super) fn read(description: &str) -> Wish {
        let (words, lower): (Vec<&str>, Vec<String>) = split(description).into_iter().unzip();
        let key = (0..words.len()).find_map(|at| key(&words, &lower, at));
        let own = style(&lower);
        let stranger = if own.is_none() { unmet::stranger(&lower) } else { None };
        let mut wish = Wish {
            style: own.or(stranger.map(|(_, nearest)| nearest)),
            tonic: key.map(|(tonic, _)| tonic),
            named_mode: key.and_then(|(_, mode)| mode).or_else(|| lower.iter().find_map(|word| mode(word))),
            mode: None,
            tempo: (0..words.len()).find_map(|at| tempo(&lower, at)),
            lineup: Lineup::read(&lower),
            stranger,
            ..Wish::default()
        };
        for (at, word) in lower.iter().enumerate() {
            let very = at > 0 && matches!(lower[at - 1].as_str(), "very" | "really");
            match word.as_str() {
                "slow" | "slowly" if very => wish.pace = 0.6,
                "fast" | "quick" if very => wish.pace = 1.5,
                "slow" | "slowly" | "slower" => wish.pace = 0.75,
                "fast" | "faster" | "quick" | "uptempo" => wish.pace = 1.3,
                "upbeat" | "lively" => wish.pace = 1.12,
                "sad" | "dark" | "melancholy" | "melancholic" | "moody" | "gloomy" | "tense" | "somber"
                | "sombre" | "mournful" | "lonely" | "haunting" | "tragic" | "mysterious" => {
                    wish.mode = wish.mode.or(Some(Mode::Minor));
                }
                "happy" | "bright" | "cheerful" | "joyful" | "joyous" | "sunny" | "uplifting" | "playful"
                | "merry" => wish.mode = wish.mode.or(Some(Mode::Major)),
                "calm" | "gentle" | "soft" | "quiet" | "relaxed" | "relaxing" | "mellow" | "sleepy"
                | "peaceful" | "tender" | "intimate" | "brushes" => wish.energy = Energy::Calm,
                "energetic" | "driving" | "loud" | "powerful" | "intense" | "hard" | "hot" | "wild" => {
                    wish.energy = Energy::Driving;
                }
                _ => {}
            }
        }
        wish.mode = wish.named_mode.or(wish.mode);
        wish
    }
}

/// The words of a description, as they are written and in small letters.
pub(super) fn split(description: &str) -> Vec<(&str, String)> {
    description
        .split(|c: char| !c.is_alphanumeric() && !matches!(c, '#' | '♯' | '♭' | '.'))
        .map(|word| word.trim_matches('.'))
        .filter(|word| !word.is_empty())
        .take(WORDS)
        .map(|word| (word, word.to_lowercase()))
        .collect()
}

/// A style that the band has not, and its nearest.
pub(super) fn near_style(word: &str) -> Option<(&'static str, Style)> {
    const STRANGERS: [(&str, Style); 24] = [
        ("reggae", Style::Pop),
        ("ska", Style::Pop),
        ("punk", Style::Pop),
        ("metal", Style::Pop),
        ("polka", Style::Pop),
        ("edm", Style::Pop),
        ("bluegrass", Style::Pop),
        ("celtic", Style::Pop),
        ("techno", Style::Funk),
        ("dubstep", Style::Funk),
        ("hip", Style::Funk),
        ("hiphop", Style::Funk),
        ("rap", Style::Funk),
        ("rnb", Style::Funk),
        ("gospel", Style::Blues),
        ("ragtime", Style::Swing),
        ("lofi", Style::Swing),
        ("tango", Style::Bossa),
        ("salsa", Style::Bossa),
        ("mambo", Style::Bossa),
        ("rumba", Style::Bossa),
        ("flamenco", Style::Bossa),
        ("classical", Style::Ballad),
        ("baroque", Style::Ballad),
    ];
    STRANGERS.into_iter().find(|(name, _)| *name == word)
}

/// A ballad is one in every idiom ("jazz ballad"); else the first word decides.
fn style(words: &[String]) -> Option<Style> {
    let mut named = words.iter().filter_map(|word| Style::of_word(word));
    let first = named.next();
    if named.any(|style| style == Style::Ballad) { Some(Style::Ballad) } else { first }
}

fn mode(word: &str) -> Option<Mode> {
    // Short forms are words of their own ("min", "dur"): only with a tonic.
    matches!(word, "major" | "minor" | "dorian" | "phrygian" | "lydian" | "mixolydian")
        .then(|| format!("C {word}").parse::<Key>().ok().map(|key| key.mode))
        .flatten()
}

/// A key that begins at a word: a tonic with its mode, or, behind "in" or "of", a tonic alone.
fn key(words: &[&str], lower: &[String], at: usize) -> Option<(Tone, Option<Mode>)> {
    let next = |ahead: usize| lower.get(at + ahead).map_or("", String::as_str);
    let bent = matches!(next(1), "flat" | "sharp");
    let (name, after) =
        if bent { (format!("{} {}", words[at], next(1)), 2) } else { (words[at].to_owned(), 1) };
    if !bent && !(1..=3).contains(&name.chars().count()) {
        return None;
    }
    if let Some(mode) = mode(next(after)) {
        // "In a minor key": no key of A.
        let is_article = name == "a" && matches!(next(after + 1), "key" | "mode" | "mood" | "feel" | "scale");
        let key: Key = name.parse().ok()?;
        return (!is_article).then_some((key.tonic, Some(mode)));
    }
    let is_led = at > 0 && matches!(lower[at - 1].as_str(), "in" | "of");
    let is_capital = words[at].starts_with(|c: char| c.is_ascii_uppercase());
    if !is_led || !is_capital {
        return None;
    }
    let key: Key = name.parse().ok()?;
    Some((key.tonic, key.is_minor().then_some(key.mode)))
}

/// "80 bpm", "80bpm", "at 80" and "adagio".
fn tempo(words: &[String], at: usize) -> Option<f64> {
    /// Italian words, by their middles on a metronome's scale.
    const MARKS: [(&str, f64); 7] = [
        ("largo", 50.0),
        ("adagio", 70.0),
        ("andante", 84.0),
        ("moderato", 108.0),
        ("allegro", 138.0),
        ("vivace", 160.0),
        ("presto", 184.0),
    ];
    let word = words[at].as_str();
    if let Some((_, tempo)) = MARKS.into_iter().find(|(mark, _)| *mark == word) {
        return Some(tempo);
    }
    let is_led = at > 0 && matches!(words[at - 1].as_str(), "at" | "tempo");
    let (number, least) = match word.strip_suffix("bpm") {
        Some(number) => (number, 20.0),
        None if words.get(at + 1).is_some_and(|next| next == "bpm") => (word, 20.0),
        // A bare number is one where no other could be.
        None if is_led => (word, 40.0),
        None => return None,
    };
    number.parse().ok().filter(|tempo: &f64| (least..=400.0).contains(tempo))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(text: &str) -> Option<(String, Option<Mode>)> {
        let wish = Wish::read(text);
        wish.tonic.map(|tonic| (tonic.to_string(), wish.named_mode))
    }

    #[test]
    fn a_description_says_what_it_wants() {
        let wish = Wish::read("A slow, sad blues in A minor at 80 bpm.");
        assert_eq!((wish.style, wish.tempo, wish.pace), (Some(Style::Blues), Some(80.0), 0.75));
        assert_eq!((wish.tonic.map(|t| t.to_string()).as_deref(), wish.mode), (Some("A"), Some(Mode::Minor)));
        let wish = Wish::read("gentle jazz ballad, 66.5bpm");
        assert_eq!((wish.style, wish.tempo, wish.energy), (Some(Style::Ballad), Some(66.5), Energy::Calm));
        assert_eq!(Wish::read("a cheerful tune").mode, Some(Mode::Major));
        assert_eq!(Wish::read("something"), Wish::default());
        assert_eq!(Wish::read("swing at 180").tempo, Some(180.0));
        assert_eq!(Wish::read("look at 3").tempo, None);
        assert_eq!(Wish::read("an adagio").tempo, Some(70.0));
        assert_eq!(Wish::read("very slow").pace, 0.6);
        assert_eq!(Wish::read("a salsa").style, Some(Style::Bossa));
        assert_eq!(Wish::read("salsa, or rather swing").stranger, None);
    }

    #[test]
    fn keys_are_found_and_articles_are_not() {
        assert_eq!(key_of("swing in Eb minor"), Some(("Eb".into(), Some(Mode::Minor))));
        assert_eq!(key_of("swing in E flat major"), Some(("Eb".into(), Some(Mode::Major))));
        assert_eq!(key_of("a groove, F# dorian"), Some(("F#".into(), Some(Mode::Dorian))));
        assert_eq!(key_of("ballad in C"), Some(("C".into(), None)));
        assert_eq!(key_of("ballad in Am"), Some(("A".into(), Some(Mode::Minor))));
        assert_eq!(key_of("in the key of G"), Some(("G".into(), None)));
        for none in ["in a minor key", "a groove in a bar", "In a mood", "be good", "", "in 7", "♭ in ♭"]
        {
            assert_eq!(key_of(none), None, "{none}");
        }
        assert_eq!(Wish::read("in a minor key").named_mode, Some(Mode::Minor));
        assert_eq!(Wish::read("9999 bpm").tempo, None);
    }
}
