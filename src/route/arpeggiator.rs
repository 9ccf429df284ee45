use super::motion::{Arpeggio, ArpeggioMode, NoteLength};
use super::{Strike, Struck};
use crate::transport::Grid;
use crate::unit::Frame;

/// Keys that one arpeggiator holds; more are dropped and counted.
const KEYS: usize = 32;
/// Notes of its that sound at once: two steps of all keys.
const SOUNDING: usize = 2 * KEYS;

/// A key that is held, or was when it was latched.
#[derive(Clone, Copy, Debug)]
struct Pressed {
    note: Struck,
    is_down: bool,
}

/// A note that it struck, and when it ends.
#[derive(Clone, Copy, Debug)]
struct Sounding {
    strike: Strike,
    note: u32,
    end: Frame,
}

/// What an arpeggiator remembers: the keys that are held, where in its pattern it
/// is, and what it struck. It steps on the grid, whether the transport rolls or
/// not, and finds its step again when the grid jumps. Real-time: yes, but for `new`.
#[derive(Debug)]
pub struct Arpeggiator {
    /// In the order in which they were pressed.
    keys: Vec<Pressed>,
    sounding: Vec<Sounding>,
    /// Steps played since the first key.
    step: u64,
    /// Which step of the grid is next.
    next: u64,
    /// What `next` was counted by.
    rate: NoteLength,
    jumps: u32,
    seed: u64,
}

/// The notes of one step. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    notes: [Option<Struck>; KEYS],
    /// Keys that a higher octave took beyond 127.
    pub beyond: u32,
    /// When the notes end.
    pub end: Frame,
}

impl Step {
    /// Its notes. Real-time: yes.
    pub fn notes(&self) -> impl Iterator<Item = Struck> + use<> {
        self.notes.into_iter().flatten()
    }
}

impl Arpeggiator {
    /// Nothing is held; random orders come from the seed. Real-time: no (allocates).
    pub fn new(seed: u64) -> Arpeggiator {
        Arpeggiator {
            keys: Vec::with_capacity(KEYS),
            sounding: Vec::with_capacity(SOUNDING),
            step: 0,
            next: 0,
            rate: NoteLength::new(1, 4),
            jumps: 0,
            seed,
        }
    }

    /// A key goes down; `false` where there is no room for it. Real-time: yes.
    pub fn press(&mut self, note: Struck, time: Frame, settings: &Arpeggio, grid: &Grid) -> bool {
        if settings.hold && self.keys.iter().all(|key| !key.is_down) {
            self.keys.clear();
        }
        self.keys.retain(|key| key.note.strike != note.strike);
        if self.keys.len() == self.keys.capacity() {
            return false;
        }
        if self.keys.is_empty() {
            self.step = 0;
            self.find_step(time, settings, grid);
        }
        self.keys.push(Pressed { note, is_down: true });
        true
    }

    /// A key goes up; `false` where it was not held here. Real-time: yes.
    pub fn release(&mut self, strike: Strike, settings: &Arpeggio) -> bool {
        let Some(place) = self.keys.iter().position(|key| key.is_down && key.note.strike == strike) else {
            return false;
        };
        if settings.hold {
            self.keys[place].is_down = false;
        } else {
            self.keys.remove(place);
        }
        true
    }

    /// Looks whether the grid has jumped, or the settings are others; call before
    /// asking what is next, with the first frame that may be played. Muted, it lets go
    /// what is latched. Real-time: yes.
    pub fn follow(&mut self, now: Frame, is_muted: bool, settings: &Arpeggio, grid: &Grid) {
        if self.jumps != grid.jumps() || self.rate != settings.rate {
            self.find_step(now, settings, grid);
        }
        if (!settings.hold || is_muted) && self.keys.iter().any(|key| !key.is_down) {
            self.keys.retain(|key| key.is_down);
        }
    }

    fn find_step(&mut self, from: Frame, settings: &Arpeggio, grid: &Grid) {
        self.jumps = grid.jumps();
        self.rate = settings.rate;
        self.next = settings.rate.first_from(grid, from);
    }

    /// When its next note ends. Real-time: yes.
    pub fn next_release(&self) -> Option<Frame> {
        self.sounding.iter().map(|sounding| sounding.end).min()
    }

    /// When its next step is. Real-time: yes.
    pub fn next_step(&self, settings: &Arpeggio, grid: &Grid) -> Option<Frame> {
        (!self.keys.is_empty()).then(|| grid.frame_of(settings.rate.nth(self.next)))
    }

    /// Forgets the note that ends first and gives it back. Real-time: yes.
    pub fn take_release(&mut self) -> Option<(Strike, u32)> {
        let end = self.next_release()?;
        let place = self.sounding.iter().position(|sounding| sounding.end == end)?;
        let Sounding { strike, note, .. } = self.sounding.remove(place);
        Some((strike, note))
    }

    /// Takes the next step, at this frame. Real-time: yes.
    pub fn take_step(&mut self, time: Frame, settings: &Arpeggio, grid: &Grid) -> Step {
        let step = self.step;
        self.step += 1;
        self.next += 1;
        let sounds = (settings.rate.frames(grid) as f64 * f64::from(settings.gate)) as Frame;
        let mut chosen = Step { notes: [None; KEYS], beyond: 0, end: time + sounds.max(1) };
        let mut order = [0_u8; KEYS];
        let order = &mut order[..self.keys.len()];
        order.iter_mut().zip(0..).for_each(|(place, index)| *place = index);
        if settings.mode != ArpeggioMode::Played {
            // Of equal keys the first that was pressed comes first.
            order.sort_unstable_by_key(|index| (self.keys[usize::from(*index)].note.key, *index));
        }
        let octaves = u64::from(settings.octaves.max(1));
        let keys = order.len() as u64;
        if keys == 0 {
            return chosen;
        }
        if settings.mode == ArpeggioMode::Chord {
            for (place, index) in chosen.notes.iter_mut().zip(order.iter()) {
                *place = self.in_octave(*index, step % octaves);
                chosen.beyond += u32::from(place.is_none());
            }
            return chosen;
        }
        let total = keys * octaves;
        let place = match settings.mode {
            ArpeggioMode::Down => total - 1 - step % total,
            ArpeggioMode::UpDown if total > 1 => {
                let turn = step % (2 * total - 2);
                if turn < total { turn } else { 2 * total - 2 - turn }
            }
            ArpeggioMode::Random => scattered(self.seed, step) % total,
            _ => step % total,
        };
        chosen.notes[0] = self.in_octave(order[(place % keys) as usize], place / keys);
        chosen.beyond = u32::from(chosen.notes[0].is_none());
        chosen
    }

    fn in_octave(&self, index: u8, octave: u64) -> Option<Struck> {
        let note = self.keys[usize::from(index)].note;
        let key = u64::from(note.key) + 12 * octave;
        let key = u8::try_from(key).ok().filter(|key| *key <= 127)?;
        Some(Struck { key, strike: note.strike.generated(), ..note })
    }

    /// A note of a step sounds until a frame; gives back one that has to end at
    /// once because there is no room. Real-time: yes.
    pub fn sound(&mut self, strike: Strike, note: u32, end: Frame) -> Option<(Strike, u32)> {
        let full = self.sounding.len() == self.sounding.capacity();
        let ended = if full { self.take_release() } else { None };
        self.sounding.push(Sounding { strike, note, end });
        ended
    }

    /// Forgets the keys of a source that is gone, and what it made sound. Real-time: yes.
    pub fn end_source(&mut self, source: u16) {
        self.keys.retain(|key| key.note.strike.source != source);
        self.sounding.retain(|sounding| sounding.strike.source != source);
    }

    /// Forgets everything. Real-time: yes.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.sounding.clear();
    }
}

/// A number that looks like chance, of a seed and a count.
fn scattered(seed: u64, count: u64) -> u64 {
    let mut x = seed ^ count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for multiplier in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        x = (x ^ (x >> 33)).wrapping_mul(multiplier);
    }
    x ^ (x >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Beats, Tempo};
    use crate::unit::SampleRate;

    fn grid() -> Grid {
        Grid::new(Tempo::DEFAULT, SampleRate::DEFAULT)
    }

    fn settings(mode: ArpeggioMode, octaves: u8, hold: bool) -> Arpeggio {
        let rate = NoteLength::parse("1/16").expect("a length");
        Arpeggio { mode, rate, gate: 0.5, octaves, hold }
    }

    fn struck(key: u8) -> Struck {
        Struck { strike: Strike { source: 1, channel: 0, key }, channel: 0, key, velocity: 90 }
    }

    fn played(mode: ArpeggioMode, octaves: u8, keys: &[u8], steps: usize) -> Vec<Vec<u8>> {
        let (settings, grid) = (settings(mode, octaves, false), grid());
        let mut arpeggiator = Arpeggiator::new(3);
        for key in keys {
            assert!(arpeggiator.press(struck(*key), 1, &settings, &grid));
        }
        (0..steps)
            .map(|_| {
                let time = arpeggiator.next_step(&settings, &grid).expect("a step");
                arpeggiator.take_step(time, &settings, &grid).notes().map(|note| note.key).collect()
            })
            .collect()
    }

    #[test]
    fn each_mode_has_its_order() {
        let one = |keys: &[u8]| keys.iter().map(|key| vec![*key]).collect::<Vec<_>>();
        let keys = [64, 60, 67];
        assert_eq!(played(ArpeggioMode::Up, 1, &keys, 4), one(&[60, 64, 67, 60]));
        assert_eq!(played(ArpeggioMode::Down, 2, &keys, 4), one(&[79, 76, 72, 67]));
        assert_eq!(played(ArpeggioMode::UpDown, 1, &keys, 6), one(&[60, 64, 67, 64, 60, 64]));
        assert_eq!(played(ArpeggioMode::UpDown, 1, &[60], 3), one(&[60, 60, 60]));
        assert_eq!(played(ArpeggioMode::Played, 2, &keys, 4), one(&[64, 60, 67, 76]));
        assert_eq!(played(ArpeggioMode::Chord, 2, &keys, 2), [vec![60, 64, 67], vec![72, 76, 79]]);
        let random = played(ArpeggioMode::Random, 1, &keys, 64);
        assert_eq!(random, played(ArpeggioMode::Random, 1, &keys, 64));
        assert!(keys.iter().all(|key| random.iter().filter(|notes| **notes == [*key]).count() > 8));
        assert_eq!(played(ArpeggioMode::Up, 2, &[120], 2), [vec![120], vec![]], "132 is no key");
    }

    #[test]
    fn steps_are_on_the_grid_also_after_a_jump() {
        let (settings, mut grid) = (settings(ArpeggioMode::Up, 1, false), grid());
        let mut arpeggiator = Arpeggiator::new(3);
        arpeggiator.press(struck(60), 6_000, &settings, &grid);
        assert_eq!(arpeggiator.next_step(&settings, &grid), Some(6_000), "a key on the step is in it");
        let step = arpeggiator.take_step(6_000, &settings, &grid);
        assert_eq!((step.end, arpeggiator.next_step(&settings, &grid)), (9_000, Some(12_000)));
        grid.locate(7_000, Beats(100 << 32));
        arpeggiator.follow(7_000, false, &settings, &grid);
        assert_eq!(arpeggiator.next_step(&settings, &grid), Some(7_000));
        arpeggiator.take_step(7_000, &settings, &grid);
        assert_eq!(arpeggiator.next_step(&settings, &grid), Some(13_000));
    }

    #[test]
    fn a_latch_goes_on_until_other_keys_are_pressed() {
        let (hold, grid) = (settings(ArpeggioMode::Chord, 1, true), grid());
        let mut arpeggiator = Arpeggiator::new(3);
        let keys = |arpeggiator: &mut Arpeggiator| {
            arpeggiator.take_step(0, &hold, &grid).notes().map(|note| note.key).collect::<Vec<u8>>()
        };
        arpeggiator.press(struck(60), 0, &hold, &grid);
        arpeggiator.press(struck(64), 0, &hold, &grid);
        assert!(arpeggiator.release(struck(60).strike, &hold));
        assert!(!arpeggiator.release(struck(60).strike, &hold));
        assert_eq!(keys(&mut arpeggiator), [60, 64]);
        arpeggiator.press(struck(67), 0, &hold, &grid);
        assert_eq!(keys(&mut arpeggiator), [60, 64, 67], "64 is still down");
        for key in [64, 67] {
            arpeggiator.release(struck(key).strike, &hold);
        }
        arpeggiator.press(struck(50), 0, &hold, &grid);
        assert_eq!(keys(&mut arpeggiator), [50]);
        arpeggiator.release(struck(50).strike, &hold);
        let open = settings(ArpeggioMode::Chord, 1, false);
        arpeggiator.follow(0, false, &hold, &grid);
        assert!(arpeggiator.next_step(&hold, &grid).is_some());
        let mut muted = Arpeggiator::new(3);
        muted.keys = arpeggiator.keys.clone();
        muted.follow(0, true, &hold, &grid);
        assert_eq!(muted.next_step(&hold, &grid), None, "a muted one lets go");
        arpeggiator.follow(0, false, &open, &grid);
        assert_eq!(arpeggiator.next_step(&open, &grid), None, "nobody holds it any more");
    }

    #[test]
    fn what_is_too_much_is_refused_or_ends_at_once() {
        let (settings, grid) = (settings(ArpeggioMode::Up, 1, false), grid());
        let mut arpeggiator = Arpeggiator::new(3);
        for key in 0..KEYS as u8 {
            assert!(arpeggiator.press(struck(key), 0, &settings, &grid));
        }
        assert!(!arpeggiator.press(struck(99), 0, &settings, &grid));
        for note in 1..=SOUNDING as u32 {
            assert_eq!(arpeggiator.sound(struck(1).strike, note, u64::from(note) + 10), None);
        }
        assert_eq!(arpeggiator.sound(struck(1).strike, 999, 5), Some((struck(1).strike, 1)));
        assert_eq!(arpeggiator.take_release(), Some((struck(1).strike, 999)));
    }
}
