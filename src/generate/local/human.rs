use super::arrange::{Note, TICKS_PER_BEAT};
use super::part::Struck;
use crate::unit::Random;

/// How a player keeps time: the usual lag and its spread in milliseconds, and the spread of velocities.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hand {
    pub channel: u8,
    pub lag_milliseconds: f64,
    pub spread_milliseconds: f64,
    pub velocities: u64,
    /// How far a chord's keys are apart, from the lowest to the highest.
    pub roll_milliseconds: f64,
}

/// Notes as a hand plays them: what is struck together stays together, nothing comes before the first tick
/// or lasts beyond the end, no key is struck while it sounds.
pub(super) fn play(
    mut struck: Vec<Struck>,
    hand: Hand,
    tempo: f64,
    end_tick: u32,
    random: &mut Random,
) -> Vec<Note> {
    struck.sort_by_key(|note| (note.tick, note.key));
    let ticks_per_millisecond = tempo * f64::from(TICKS_PER_BEAT) / 60_000.0;
    let mut notes: Vec<Note> = Vec::with_capacity(struck.len());
    let (mut together, mut late, mut voice) = (None, 0.0, 0);
    for note in struck {
        if together == Some(note.tick) {
            voice += 1;
        } else {
            // The sum of three even draws is near enough to a bell.
            let bell = random.unit() + random.unit() + random.unit() - 1.5;
            late = hand.lag_milliseconds + 2.0 * bell * hand.spread_milliseconds;
            (together, voice) = (Some(note.tick), 0);
        }
        let rolled = late + f64::from(voice) * hand.roll_milliseconds / 3.0;
        let shift = libm::round(rolled * ticks_per_millisecond) as i64;
        let tick = (i64::from(note.tick) + shift).clamp(0, i64::from(end_tick) - 1) as u32;
        let loose = random.below(2 * hand.velocities + 1) as i32 - hand.velocities as i32;
        notes.push(Note {
            tick,
            ticks: note.ticks.min(end_tick - tick).max(1),
            channel: hand.channel,
            key: note.key,
            velocity: (note.velocity + loose).clamp(8, 127) as u8,
        });
    }
    apart(notes)
}

/// Ends each note where its key is struck again; of two at one tick the later goes.
fn apart(mut notes: Vec<Note>) -> Vec<Note> {
    notes.sort_by_key(|note| (note.key, note.tick));
    let mut kept: Vec<Note> = Vec::with_capacity(notes.len());
    for note in notes {
        if let Some(last) = kept.last_mut().filter(|last| last.key == note.key) {
            if last.tick == note.tick {
                last.ticks = last.ticks.max(note.ticks);
                continue;
            }
            last.ticks = last.ticks.min(note.tick - last.tick);
        }
        kept.push(note);
    }
    kept.sort_by_key(|note| (note.tick, note.key));
    kept
}
