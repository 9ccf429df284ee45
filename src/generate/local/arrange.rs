use super::human::{self, Hand};
use super::lineup::Role;
use super::manner::Manner;
use super::part::{BAR_TICKS, Score, Struck};
use super::{bass, comping, drums, ending, file, top};
use crate::theory::Chart;
use crate::unit::Random;

/// Ticks in a beat, here and in the files.
pub const TICKS_PER_BEAT: u16 = 480;

/// A note of an arrangement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Note {
    /// Ticks from the beginning.
    pub tick: u32,
    /// How long it is held; it ends within the piece.
    pub ticks: u32,
    /// Channel as on the wire: 0 comping, 1 bass, 2 the pad or tune, 9 drums.
    pub channel: u8,
    /// The key, 0 to 127.
    pub key: u8,
    /// How hard, 1 to 127.
    pub velocity: u8,
}

/// Plays a chart once, as a Standard MIDI File of format 1: a conductor track (name, tempo, time and key
/// signature, a marker for each chord), and a track for each player, with its program, volume and place.
///
/// The same chart, manner and seed are the same bytes. Any chart is played, also one with chords that the
/// grammar never writes; it takes milliseconds.
pub fn arrange(chart: &Chart, manner: Manner, seed: u64) -> Vec<u8> {
    arrange_bars(chart, manner, seed, chart.length_bars())
}

/// As [`arrange`], for so many bars: a chart that is shorter comes again, one that is longer is cut.
pub fn arrange_bars(chart: &Chart, manner: Manner, seed: u64, bars: u32) -> Vec<u8> {
    file::write(chart, manner.lineup, bars, &notes(chart, manner, seed, bars))
}

/// The notes of an arrangement for so many bars, in order of ticks, then of channels and keys. No key is
/// struck while it sounds on its channel; nothing comes before tick 0 or lasts beyond the last bar.
pub fn notes(chart: &Chart, manner: Manner, seed: u64, bars: u32) -> Vec<Note> {
    let chords = chart.placed(bars);
    if chords.is_empty() {
        return Vec::new();
    }
    let score = Score { chart, chords, bars, manner };
    let parts: [(Role, Player, Hand); 4] = [
        (Role::Comping, comping::play, hand(0, 3.0, 4.0, 5, comping::roll(&score))),
        (Role::Bass, bass::play, hand(1, -1.0, 3.5, 4, 0.0)),
        (Role::Top, top::play, hand(2, 6.0, 6.0, 4, 0.0)),
        (Role::Drums, drums::play, hand(9, 0.0, 2.5, 4, 0.0)),
    ];
    let mut notes = Vec::new();
    for (role, player, hand) in parts.into_iter().filter(|(role, ..)| manner.lineup.has(*role)) {
        // Each has a sequence of its own: who is left out changes nothing of what the others play.
        let mut random = Random::split(seed, u64::from(hand.channel));
        let mut struck = player(&score, &mut random);
        let is_pad = role == Role::Top && top::is_pad(&score);
        ending::close(&score, role, is_pad, &mut struck);
        notes.extend(human::play(struck, hand, chart.tempo, bars * BAR_TICKS, &mut random));
    }
    notes.sort_by_key(|note| (note.tick, note.channel, note.key));
    notes
}

/// Plays a part from the score.
type Player = fn(&Score, &mut Random) -> Vec<Struck>;

const fn hand(channel: u8, lag: f64, spread: f64, velocities: u64, roll: f64) -> Hand {
    Hand { channel, lag_milliseconds: lag, spread_milliseconds: spread, velocities, roll_milliseconds: roll }
}
