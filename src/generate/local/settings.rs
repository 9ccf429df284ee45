use super::manner::Manner;
use super::part::{ENDED_BARS, Energy};
use super::words::Wish;
use crate::generate::{Failure, FailureKind, Request};
use crate::theory::grammar::End;
use crate::theory::{Key, Mode, Style, Tone};
use crate::unit::Random;

/// Parts of the seed.
const STYLE: u64 = 11;
const KEY: u64 = 12;

/// What is to be played, nothing left open.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    /// The key.
    pub key: Key,
    /// Beats a minute.
    pub tempo: f64,
    /// The style.
    pub style: Style,
    /// How it is played.
    pub manner: Manner,
    /// Seeds all that is random: made of the request's seed and its description.
    pub seed: u64,
}

impl Settings {
    /// The settings of a request: a piece that ends, or a loop. Where nobody says the tempo, and seconds are
    /// asked for, whole bars fill them.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of(request: &Request) -> Result<Settings, Failure> {
        let Request { description, key, tempo, style, seed, .. } = request;
        let mut settings = Settings::new(description, key.as_deref(), *tempo, style.as_deref(), *seed)?;
        if tempo.is_none() && Wish::read(description).tempo.is_none() {
            settings.tempo = request.length.fitting_tempo(settings.tempo);
        }
        settings.manner.end = if request.is_loop() { End::Open } else { End::Closed };
        Ok(settings)
    }

    /// How a chart of so many bars ends.
    pub(super) fn end(&self, bars: u32) -> End {
        if bars < ENDED_BARS { End::Open } else { self.manner.end }
    }

    /// Settings of what goes on without an end, from a description, and from what is said apart from it, which wins. What neither says,
    /// the seed chooses. The description's words that are not known change nothing but the seed.
    ///
    /// # Errors
    /// [`Failure`] of usage where the key or the style is none; it says what is one.
    pub fn new(
        description: &str,
        key: Option<&str>,
        tempo: Option<f64>,
        style: Option<&str>,
        seed: u64,
    ) -> Result<Settings, Failure> {
        let usage = |message: String| Failure::new(FailureKind::Usage, message);
        let wish = Wish::read(description);
        let seed = Random::split(seed, hash(description)).draw();
        let style = match style {
            Some(text) => text.parse().map_err(|error| usage(format!("{error}")))?,
            None => wish.style.unwrap_or_else(|| any_style(wish.energy, seed)),
        };
        let key = match key {
            Some(text) => text.parse().map_err(|error| usage(format!("{error}")))?,
            None => {
                let Key { tonic, mode } = any_key(wish.mode, style, seed);
                Key { tonic: wish.tonic.unwrap_or(tonic), mode: wish.named_mode.unwrap_or(mode) }
            }
        };
        let tempo = tempo.or(wish.tempo).unwrap_or_else(|| {
            // A whole number, by one multiplication: the same on every machine.
            libm::round((style.tempo() * wish.pace).clamp(40.0, 300.0))
        });
        let tempo = tempo.clamp(20.0, 400.0);
        let manner = Manner { lineup: wish.lineup, ..Manner::of(wish.energy) };
        Ok(Settings { key, tempo, style, manner, seed })
    }
}

/// FNV-1a (Fowler, Noll, Vo) of a text.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

fn any_style(energy: Energy, seed: u64) -> Style {
    let weights = match energy {
        Energy::Calm => [2, 4, 1, 2, 0, 4],
        Energy::Even => [4, 3, 2, 4, 3, 2],
        Energy::Driving => [3, 1, 3, 4, 4, 0],
    };
    Style::ALL[Random::split(seed, STYLE).weighed(&weights)]
}

fn any_key(mode: Option<Mode>, style: Style, seed: u64) -> Key {
    /// Keys that players of a style like, on the line of fifths.
    const MAJOR: [i8; 7] = [0, -1, -2, -3, 1, 2, 3];
    const MINOR: [i8; 7] = [3, 2, 1, 0, 4, -1, 5];
    let mut random = Random::split(seed, KEY);
    let minor_in_a_hundred = match style {
        Style::Blues => 25,
        Style::Swing | Style::Pop => 30,
        Style::Bossa | Style::Ballad => 40,
        Style::Funk => 60,
    };
    let minor = random.below(100) < minor_in_a_hundred;
    let mode = mode.unwrap_or(if minor { Mode::Minor } else { Mode::Major });
    let tonics = if mode.is_minor() { MINOR } else { MAJOR };
    Key { tonic: Tone::of_fifths(tonics[random.below(tonics.len() as u64) as usize]), mode }
}
