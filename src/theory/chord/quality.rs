/// The steps above a root on the line of fifths.
const SECOND: i8 = 2;
const MINOR_THIRD: i8 = -3;
const THIRD: i8 = 4;
const FOURTH: i8 = -1;
const FLAT_FIFTH: i8 = -6;
const FIFTH: i8 = 1;
const SHARP_FIFTH: i8 = 8;
const SIXTH: i8 = 3;
const DIMINISHED_SEVENTH: i8 = -9;
const MINOR_SEVENTH: i8 = -2;
const SEVENTH: i8 = 5;
const FLAT_NINTH: i8 = -5;
const NINTH: i8 = 2;
const SHARP_NINTH: i8 = 9;
const ELEVENTH: i8 = -1;
const SHARP_ELEVENTH: i8 = 6;
const FLAT_THIRTEENTH: i8 = -4;
const THIRTEENTH: i8 = 3;

/// What stands above a chord's root; its steps are counted on the line of fifths.
pub(in crate::theory) struct Spec {
    /// As it is printed after the root.
    pub symbol: &'static str,
    /// What else is read as it.
    aliases: &'static [&'static str],
    /// The third, or what is suspended in its place.
    pub third: Option<i8>,
    /// The fifth.
    pub fifth: Option<i8>,
    /// The seventh, or the sixth in its place.
    pub seventh: Option<i8>,
    /// Ninths, elevenths and thirteenths.
    pub tensions: &'static [i8],
}

macro_rules! qualities {
    ($($name:ident $symbol:literal $aliases:expr, $third:expr, $fifth:expr, $seventh:expr, $tensions:expr;)*) => {
        /// The vocabulary of what may stand above a root.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[allow(missing_docs)] // The names say it; the table below gives symbol and tones.
        pub enum Quality { $($name),* }

        impl Quality {
            /// All of them.
            pub const ALL: [Quality; [$(stringify!($name)),*].len()] = [$(Quality::$name),*];
        }

        const SPECS: [Spec; Quality::ALL.len()] = [$(Spec {
            symbol: $symbol,
            aliases: &$aliases,
            third: $third,
            fifth: $fifth,
            seventh: $seventh,
            tensions: &$tensions,
        }),*];
    };
}

qualities! {
    Major "" ["maj", "M", "ma", "major"], Some(THIRD), Some(FIFTH), None, [];
    Minor "m" ["min", "-", "mi", "minor"], Some(MINOR_THIRD), Some(FIFTH), None, [];
    Diminished "dim" ["o", "°"], Some(MINOR_THIRD), Some(FLAT_FIFTH), None, [];
    Augmented "aug" ["+", "#5"], Some(THIRD), Some(SHARP_FIFTH), None, [];
    Power "5" [], None, Some(FIFTH), None, [];
    Sus2 "sus2" ["2"], Some(SECOND), Some(FIFTH), None, [];
    Sus4 "sus4" ["sus"], Some(FOURTH), Some(FIFTH), None, [];
    Add9 "add9" ["add2"], Some(THIRD), Some(FIFTH), None, [NINTH];
    MinorAdd9 "madd9" ["minadd9", "-add9", "madd2"], Some(MINOR_THIRD), Some(FIFTH), None, [NINTH];
    Sixth "6" ["maj6", "M6", "add6"], Some(THIRD), Some(FIFTH), Some(SIXTH), [];
    SixNine "6/9" ["69", "6add9"], Some(THIRD), Some(FIFTH), Some(SIXTH), [NINTH];
    MinorSixth "m6" ["min6", "-6"], Some(MINOR_THIRD), Some(FIFTH), Some(SIXTH), [];
    MinorSixNine "m6/9" ["m69", "-69", "-6/9"], Some(MINOR_THIRD), Some(FIFTH), Some(SIXTH), [NINTH];
    Major7 "maj7" ["M7", "ma7", "Δ", "Δ7", "^7", "^", "j7"], Some(THIRD), Some(FIFTH), Some(SEVENTH), [];
    Major9 "maj9" ["M9", "ma9", "Δ9", "^9"], Some(THIRD), Some(FIFTH), Some(SEVENTH), [NINTH];
    Major13 "maj13" ["M13", "ma13", "Δ13"], Some(THIRD), Some(FIFTH), Some(SEVENTH), [NINTH, THIRTEENTH];
    Major7Sharp11 "maj7#11" ["M7#11", "Δ#11", "Δ7#11", "maj9#11"], Some(THIRD), Some(FIFTH), Some(SEVENTH), [SHARP_ELEVENTH];
    Major7Sharp5 "maj7#5" ["M7#5", "Δ#5", "+maj7", "augmaj7"], Some(THIRD), Some(SHARP_FIFTH), Some(SEVENTH), [];
    Minor7 "m7" ["min7", "-7", "mi7"], Some(MINOR_THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [];
    Minor9 "m9" ["min9", "-9", "mi9"], Some(MINOR_THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [NINTH];
    Minor11 "m11" ["min11", "-11"], Some(MINOR_THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [NINTH, ELEVENTH];
    Minor13 "m13" ["min13", "-13"], Some(MINOR_THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [NINTH, THIRTEENTH];
    MinorMajor7 "m(maj7)" ["mM7", "mmaj7", "minmaj7", "-maj7", "-M7", "-Δ", "-Δ7", "mΔ", "mΔ7"], Some(MINOR_THIRD), Some(FIFTH), Some(SEVENTH), [];
    HalfDiminished "m7b5" ["ø", "ø7", "min7b5", "-7b5", "m7-5"], Some(MINOR_THIRD), Some(FLAT_FIFTH), Some(MINOR_SEVENTH), [];
    Diminished7 "dim7" ["o7", "°7"], Some(MINOR_THIRD), Some(FLAT_FIFTH), Some(DIMINISHED_SEVENTH), [];
    Dominant7 "7" ["dom7"], Some(THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [];
    Dominant9 "9" [], Some(THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [NINTH];
    Dominant11 "11" [], Some(FOURTH), Some(FIFTH), Some(MINOR_SEVENTH), [NINTH];
    Dominant13 "13" [], Some(THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [NINTH, THIRTEENTH];
    Dominant7Flat9 "7b9" ["7-9"], Some(THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [FLAT_NINTH];
    Dominant7Sharp9 "7#9" ["7+9"], Some(THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [SHARP_NINTH];
    Dominant7Sharp11 "7#11" ["7+11", "9#11"], Some(THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [SHARP_ELEVENTH];
    Dominant7Flat13 "7b13" [], Some(THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [FLAT_THIRTEENTH];
    Dominant7Flat9Flat13 "7b9b13" ["7b13b9"], Some(THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [FLAT_NINTH, FLAT_THIRTEENTH];
    Dominant13Flat9 "13b9" [], Some(THIRD), Some(FIFTH), Some(MINOR_SEVENTH), [FLAT_NINTH, THIRTEENTH];
    Dominant7Flat5 "7b5" ["7-5"], Some(THIRD), Some(FLAT_FIFTH), Some(MINOR_SEVENTH), [];
    Dominant7Sharp5 "7#5" ["7+5", "aug7", "+7", "7+"], Some(THIRD), Some(SHARP_FIFTH), Some(MINOR_SEVENTH), [];
    Altered "7alt" ["alt"], Some(THIRD), Some(SHARP_FIFTH), Some(MINOR_SEVENTH), [FLAT_NINTH, SHARP_NINTH];
    Dominant7Sus4 "7sus4" ["7sus"], Some(FOURTH), Some(FIFTH), Some(MINOR_SEVENTH), [];
    Dominant9Sus4 "9sus4" ["9sus"], Some(FOURTH), Some(FIFTH), Some(MINOR_SEVENTH), [NINTH];
    Dominant13Sus4 "13sus4" ["13sus"], Some(FOURTH), Some(FIFTH), Some(MINOR_SEVENTH), [NINTH, THIRTEENTH];
}

impl Quality {
    /// Its symbol and tones.
    pub(in crate::theory) fn spec(self) -> &'static Spec {
        &SPECS[self as usize]
    }

    /// The quality that a suffix names, brackets, commas and blanks aside.
    pub(super) fn of_suffix(suffix: &str) -> Option<Quality> {
        let bare: String = suffix
            .chars()
            .filter(|c| !matches!(c, '(' | ')' | ',' | ' '))
            .map(|c| match c {
                '♭' => 'b',
                '♯' => '#',
                '−' | '–' => '-',
                other => other,
            })
            .collect();
        let named = |text: &str| {
            Quality::ALL.into_iter().find(|quality| {
                let spec = quality.spec();
                let plain: String = spec.symbol.chars().filter(|c| !matches!(c, '(' | ')')).collect();
                plain == text || spec.aliases.contains(&text)
            })
        };
        // "Maj7" and "MIN7" are as good; "M7" and "m7" are two things.
        named(&bare).or_else(|| {
            let is_word = bare.len() > 3 && bare.chars().take(3).all(|c| c.is_ascii_alphabetic());
            is_word.then(|| named(&bare.to_lowercase())).flatten()
        })
    }

    /// Whether its third is minor.
    pub fn is_minor(self) -> bool {
        self.spec().third == Some(MINOR_THIRD)
    }

    /// Whether it has a major third (or a fourth in its place) and a minor seventh.
    pub fn is_dominant(self) -> bool {
        let spec = self.spec();
        spec.seventh == Some(MINOR_SEVENTH) && matches!(spec.third, Some(THIRD | FOURTH))
    }

    /// Whether its fifth is diminished and its third minor.
    pub fn is_diminished(self) -> bool {
        let spec = self.spec();
        spec.third == Some(MINOR_THIRD) && spec.fifth == Some(FLAT_FIFTH)
    }
}
