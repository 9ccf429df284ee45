//! Who plays, and on what: by the style, but for what a description says.

/// A player of the band.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Comping,
    Bass,
    /// The tune, or the pad.
    Top,
    Drums,
}

/// What the third voice does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Top {
    /// As the style has it.
    Usual,
    /// A tune.
    Tune,
    /// Held chords.
    Pad,
}

/// Who plays, and on what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lineup {
    /// Whether comping, bass, tune or pad, and drums play.
    plays: [bool; 4],
    /// What the third voice does.
    pub top: Top,
    /// The General MIDI program of the comping, from 0, where it is not the style's.
    pub comping_program: Option<u8>,
    /// That of the third voice.
    pub top_program: Option<u8>,
    /// The bass walks, whatever the style.
    pub walks: bool,
}

impl Lineup {
    /// All of them, as their style has it.
    pub const ALL: Lineup =
        Lineup { plays: [true; 4], top: Top::Usual, comping_program: None, top_program: None, walks: false };

    /// Whether a player plays.
    pub(super) const fn has(&self, role: Role) -> bool {
        self.plays[role as usize]
    }

    /// What words in small letters ask for: "no drums", "without bass or piano", "solo piano", "bass and
    /// drums only", "walking bass", "saxophone".
    pub(super) fn read(words: &[String]) -> Lineup {
        let mut lineup = Lineup::ALL;
        let mut unwanted = [false; 4];
        let mut alone: Option<[bool; 4]> = None;
        let mut at = 0;
        while at < words.len() {
            match words[at].as_str() {
                "no" | "without" | "minus" => {
                    let (named, after) = roles(words, at + 1);
                    (0..4).for_each(|role| unwanted[role] |= named[role]);
                    at = after;
                    continue;
                }
                "drumless" => unwanted[Role::Drums as usize] = true,
                "solo" | "only" | "just" | "unaccompanied" => {
                    let (named, _) = roles(words, at + 1);
                    let behind = if words[at] == "only" { before(words, at) } else { [false; 4] };
                    alone = [named, behind].into_iter().find(|named| named.contains(&true)).or(alone);
                }
                "alone" => alone = Some(before(words, at)).filter(|named| named.contains(&true)).or(alone),
                "walking" => lineup.walks = true,
                _ => lineup.instrument(words, at),
            }
            at += 1;
        }
        lineup.plays = alone.unwrap_or([true; 4]);
        (0..4).for_each(|role| lineup.plays[role] &= !unwanted[role]);
        if lineup.plays == [false; 4] {
            // Music of nobody is none.
            lineup.plays = [true; 4];
        }
        // Whoever is named alone is to be heard in every style.
        if alone.is_some_and(|alone| alone[Role::Top as usize]) && lineup.top == Top::Usual {
            lineup.top = Top::Tune;
        }
        lineup
    }

    /// An instrument at a place of the words.
    fn instrument(&mut self, words: &[String], at: usize) {
        let electric = at > 0 && words[at - 1] == "electric";
        match instrument(&words[at]) {
            Some((Role::Comping, Some(0), _)) if electric => self.comping_program = Some(4),
            Some((Role::Comping, Some(24), _)) if electric => self.comping_program = Some(27),
            Some((Role::Comping, program, _)) => self.comping_program = program.or(self.comping_program),
            Some((Role::Top, program, top)) => {
                self.top = top;
                self.top_program = program.or(self.top_program);
            }
            _ => {}
        }
    }
}

/// The players named from a place on, joined by "and", "or" and "nor"; and where that ends.
fn roles(words: &[String], from: usize) -> ([bool; 4], usize) {
    let mut named = [false; 4];
    let mut at = from;
    let mut end = from;
    while let Some(word) = words.get(at) {
        match (word.as_str(), instrument(word)) {
            ("any" | "a" | "an" | "the" | "and" | "or" | "nor" | "electric" | "walking", _) => {}
            (_, Some((role, _, _))) => {
                named[role as usize] = true;
                end = at + 1;
                // Another needs a word that joins it.
                if !words.get(at + 1).is_some_and(|next| matches!(next.as_str(), "and" | "or" | "nor")) {
                    break;
                }
            }
            _ => break,
        }
        at += 1;
    }
    (named, end)
}

/// The players named right before a place.
fn before(words: &[String], until: usize) -> [bool; 4] {
    let mut named = [false; 4];
    for word in words[..until].iter().rev() {
        match (word.as_str(), instrument(word)) {
            ("and", _) => {}
            (_, Some((role, _, _))) => named[role as usize] = true,
            _ => break,
        }
    }
    named
}

/// Whose instrument a word names, its General MIDI program from 0 where it is a certain one, and what the
/// third voice does on it.
fn instrument(word: &str) -> Option<(Role, Option<u8>, Top)> {
    let comping = |program| (Role::Comping, program, Top::Usual);
    let tune = |program| (Role::Top, program, Top::Tune);
    let pad = |program| (Role::Top, program, Top::Pad);
    Some(match word {
        "drums" | "drum" | "drummer" | "percussion" | "kit" => (Role::Drums, None, Top::Usual),
        "bass" | "bassline" | "bassist" => (Role::Bass, None, Top::Usual),
        "chords" | "comping" | "harmony" | "keys" | "keyboard" | "keyboards" => comping(None),
        "piano" | "pianist" => comping(Some(0)),
        "rhodes" | "wurlitzer" => comping(Some(4)),
        "harpsichord" => comping(Some(6)),
        "clavinet" | "clav" => comping(Some(7)),
        "organ" | "hammond" => comping(Some(16)),
        "accordion" => comping(Some(21)),
        "guitar" | "guitarist" => comping(Some(24)),
        "melody" | "tune" | "lead" => tune(None),
        "vibraphone" | "vibes" => tune(Some(11)),
        "marimba" | "xylophone" => tune(Some(12)),
        "harmonica" => tune(Some(22)),
        "violin" | "fiddle" => tune(Some(40)),
        "trumpet" => tune(Some(56)),
        "trombone" => tune(Some(57)),
        "sax" | "saxophone" | "saxophonist" => tune(Some(66)),
        "clarinet" => tune(Some(71)),
        "flute" => tune(Some(73)),
        "strings" => pad(Some(48)),
        "choir" => pad(Some(52)),
        "pad" | "pads" => pad(None),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Lineup {
        Lineup::read(&text.split([' ', ',']).filter(|w| !w.is_empty()).map(str::to_owned).collect::<Vec<_>>())
    }

    /// Who plays, as letters: comping, bass, top, drums.
    fn players(text: &str) -> String {
        let plays = read(text).plays;
        "cbtd".chars().zip(plays).filter_map(|(letter, plays)| plays.then_some(letter)).collect()
    }

    #[test]
    fn who_plays_is_read() {
        for (text, who) in [
            ("a jazz trio", "cbtd"),
            ("swing, no drums", "cbt"),
            ("without any drums or bass, piano", "ct"),
            ("no melody and no drums please", "cb"),
            ("drumless pop", "cbt"),
            ("solo piano", "c"),
            ("a ballad for piano only", "c"),
            ("bass and drums only", "bd"),
            ("just drums", "d"),
            ("no bass no drums no piano no melody", "cbtd"),
            ("saxophone alone", "t"),
            ("a saxophone solo", "cbtd"),
            ("no", "cbtd"),
        ] {
            assert_eq!(players(text), who, "{text}");
        }
    }

    #[test]
    fn on_what_they_play_is_read() {
        assert_eq!(read("electric piano").comping_program, Some(4));
        assert_eq!(read("bossa with guitar and flute").comping_program, Some(24));
        let flute = read("bossa with guitar and flute");
        assert_eq!((flute.top, flute.top_program), (Top::Tune, Some(73)));
        assert!(read("blues with a walking bass").walks);
        assert_eq!(read("no piano").comping_program, None);
        assert_eq!(read("slow and sad"), Lineup::ALL);
    }
}
