use super::*;

#[derive(Clone, Debug, Default)]
struct Probe {
    name: u8,
    level: f32,
    released: bool,
    cut: bool,
    done: bool,
}

impl Voice for Probe {
    fn release(&mut self) {
        self.released = true;
    }
    fn cut(&mut self) {
        self.cut = true;
    }
    fn level(&self) -> f32 {
        self.level
    }
    fn is_done(&self) -> bool {
        self.done
    }
}

fn note(id: u32, key: u8) -> Note {
    Note { id, source: 0, channel: 0, key }
}

fn pool(limit: usize, levels: &[f32]) -> VoicePool<Probe> {
    let mut pool = VoicePool::new(limit, Probe::default());
    for (i, &level) in levels.iter().enumerate() {
        let name = i as u8 + 1;
        pool.start(note(u32::from(name), 60 + name), Probe { name, level, ..Probe::default() });
    }
    pool
}

fn named(pool: &mut VoicePool<Probe>, which: impl Fn(&Probe) -> bool) -> Vec<u8> {
    let mut names = Vec::new();
    pool.for_each(|_, voice| {
        if which(voice) {
            names.push(voice.name);
        }
    });
    names
}

#[test]
fn the_quietest_released_voice_is_stolen_before_the_oldest_held() {
    let mut pool = pool(4, &[0.9, 0.8, 0.1, 0.4]);
    pool.note_off(&note(2, 62), false);
    pool.note_off(&note(4, 64), false);
    for name in 5..=7 {
        pool.start(note(name, 70), Probe { name: name as u8, level: 1.0, ..Probe::default() });
    }
    assert_eq!(named(&mut pool, |v| v.cut), [1, 2, 4]);
    assert_eq!(pool.count(), 4);
    pool.for_each(|_, v| v.done = v.cut);
    pool.sweep();
    assert_eq!(named(&mut pool, |_| true), [3, 5, 6, 7]);
}

#[test]
fn a_storm_of_thefts_never_runs_out_of_voices() {
    let mut pool = pool(3, &[]);
    for name in 0..50_u8 {
        pool.start(note(1 + u32::from(name), 60), Probe { name, level: 1.0, ..Probe::default() });
    }
    assert_eq!(named(&mut pool, |v| !v.cut), [47, 48, 49]);
    assert_eq!(pool.sounding.len(), 6);
}

#[test]
fn two_sources_may_hold_the_same_key() {
    let mut pool = pool(4, &[]);
    pool.start(note(1, 60), Probe { name: 1, ..Probe::default() });
    pool.start(note(2, 60), Probe { name: 2, ..Probe::default() });
    pool.note_off(&note(2, 60), false);
    assert_eq!(named(&mut pool, |v| v.released), [2]);
    pool.note_off(&note(0, 60), false);
    assert_eq!(named(&mut pool, |v| v.released), [1, 2]);
}

#[test]
fn pedals_hold_what_they_should() {
    let mut pool = pool(8, &[1.0, 1.0]);
    pool.sostenuto_down(0);
    pool.start(note(3, 63), Probe { name: 3, ..Probe::default() });
    for (id, key) in [(1, 61), (3, 63)] {
        pool.note_off(&note(id, key), false);
    }
    assert_eq!(named(&mut pool, |v| v.released), [3]);
    pool.sostenuto_up(0, true);
    assert_eq!(named(&mut pool, |v| v.released), [3]);
    pool.note_off(&note(2, 62), true);
    pool.pedal_up(1);
    assert_eq!(named(&mut pool, |v| v.released), [3]);
    pool.pedal_up(0);
    assert_eq!(named(&mut pool, |v| v.released), [1, 2, 3]);
}

#[test]
fn a_source_that_is_gone_leaves_nothing_held() {
    let mut pool = pool(4, &[1.0]);
    pool.start(Note { source: 7, ..note(2, 65) }, Probe { name: 2, ..Probe::default() });
    pool.note_off(&Note { source: 7, ..note(2, 65) }, true);
    pool.end_source(7);
    assert_eq!(named(&mut pool, |v| v.released), [2]);
}
