//! Which message came back when.

use crate::device::midi::echo::{CYCLE, Mark, message, number_of};

/// How far back a release is looked for that lost its velocity on the way: as many
/// messages as it takes until its key has its turn again.
const RELEASES_BACK: usize = 256;

/// Every message that was sent, and what became of it.
#[derive(Default, Debug)]
pub(super) struct Ledger {
    /// When each went, in ticks.
    sent: Vec<u64>,
    /// How long each took, in ticks.
    trips: Vec<Option<u64>>,
    /// Messages that came, each counted once.
    came: u64,
    /// Messages that came once more.
    pub(super) duplicates: u64,
    /// Messages that came and were none of ours.
    pub(super) strangers: u64,
}

impl Ledger {
    pub(super) fn note(&mut self, mark: Mark) {
        match mark {
            Mark::Sent { time, .. } => {
                self.sent.push(time);
                self.trips.push(None);
            }
            Mark::Heard { bytes, time } => match self.place(bytes, time) {
                None => self.strangers += 1,
                Some(place) if self.trips[place].is_some() => self.duplicates += 1,
                Some(place) => {
                    self.trips[place] = Some(time - self.sent[place]);
                    self.came += 1;
                }
            },
        }
    }

    /// Which message this is: the latest that had gone by then.
    fn place(&self, bytes: [u8; 3], time: u64) -> Option<usize> {
        let gone = self.sent.partition_point(|sent| *sent <= time);
        let exact = number_of(&bytes).and_then(|number| {
            let cycles = (gone as u64).checked_sub(number + 1)? / CYCLE;
            Some((number + cycles * CYCLE) as usize)
        });
        exact.or_else(|| self.release(bytes, gone))
    }

    /// A release whose velocity something on the way made its own: by its key.
    fn release(&self, [status, key, velocity]: [u8; 3], gone: usize) -> Option<usize> {
        let is_release = status & 0xf0 == 0x80 || (status & 0xf0 == 0x90 && velocity == 0);
        let is_meant = |place: &usize| {
            let [sent, sent_key, _] = message(*place as u64);
            sent & 0xf0 == 0x80 && (sent & 0x0f, sent_key) == (status & 0x0f, key)
        };
        (gone.saturating_sub(RELEASES_BACK)..gone).rev().find(is_meant).filter(|_| is_release)
    }

    /// Messages that went.
    pub(super) fn sent(&self) -> u64 {
        self.sent.len() as u64
    }

    /// Messages that went and have not come.
    pub(super) fn lost(&self) -> u64 {
        self.sent() - self.came
    }

    /// How long those took that came, in ticks, in the order in which they went.
    pub(super) fn trips(&self) -> Vec<u64> {
        self.trips.iter().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(ledger: &mut Ledger, count: u64, apart: u64) {
        for number in 0..count {
            ledger.note(Mark::Sent { number, time: number * apart });
        }
    }

    #[test]
    fn losses_duplicates_and_strangers_are_told_apart() {
        let mut ledger = Ledger::default();
        sent(&mut ledger, 4, 100);
        let heard = |number, time| Mark::Heard { bytes: message(number), time };
        for mark in [heard(0, 30), heard(1, 140), heard(1, 150), heard(3, 350)] {
            ledger.note(mark);
        }
        ledger.note(Mark::Heard { bytes: [0xf8, 0, 0], time: 360 });
        // None that has gone yet.
        ledger.note(heard(9, 370));
        assert_eq!((ledger.sent(), ledger.lost()), (4, 1));
        assert_eq!((ledger.duplicates, ledger.strangers), (1, 2));
        assert_eq!(ledger.trips(), [30, 40, 50]);
    }

    #[test]
    fn the_same_message_of_the_next_cycle_is_another() {
        let mut ledger = Ledger::default();
        sent(&mut ledger, CYCLE + 10, 10);
        ledger.note(Mark::Heard { bytes: message(3), time: 35 });
        ledger.note(Mark::Heard { bytes: message(3), time: CYCLE * 10 + 37 });
        assert_eq!((ledger.trips(), ledger.duplicates), (vec![5, 7], 0));
    }

    #[test]
    fn a_release_that_lost_its_velocity_is_known_by_its_key() {
        let mut ledger = Ledger::default();
        sent(&mut ledger, 600, 100);
        let [_, key, _] = message(401);
        ledger.note(Mark::Heard { bytes: [0x9f, key, 0], time: 40_130 });
        ledger.note(Mark::Heard { bytes: [0x8f, message(403)[1], 64], time: 40_340 });
        assert_eq!((ledger.trips(), ledger.strangers), (vec![30, 40], 0));
    }
}
