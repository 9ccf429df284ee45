use super::node::Piece;
use crate::unit::QUANTUM_FRAMES;

/// So many quanta running, each of which a stage alone overran, are a fault.
const OVERRUNS: u32 = 8;

/// How long a stage takes, live: it has the length of a quantum for a quantum. Real-time: yes.
#[derive(Clone, Copy, Default)]
pub(super) struct StageBudget {
    spent_nanos: u64,
    overruns: u32,
}

impl StageBudget {
    /// It ran for so long.
    pub(super) fn spend(&mut self, nanos: u64) {
        self.spent_nanos = self.spent_nanos.saturating_add(nanos);
    }

    /// To be asked after each piece: judges a quantum at its end.
    pub(super) fn is_exceeded(&mut self, piece: Piece) -> bool {
        if piece.at + piece.length < QUANTUM_FRAMES {
            return false;
        }
        let spent_nanos = std::mem::take(&mut self.spent_nanos);
        let budget_nanos = QUANTUM_FRAMES as u64 * 1_000_000_000 / u64::from(piece.rate.hertz());
        self.overruns = if spent_nanos > budget_nanos { self.overruns + 1 } else { 0 };
        self.overruns >= OVERRUNS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_overruns_without_a_pause_are_a_fault() {
        let whole = Piece { length: 32, ..Piece::none() };
        let mut budget = StageBudget::default();
        let mut quantum = |nanos: u64| {
            for at in [0, 16] {
                budget.spend(nanos / 2);
                let piece = Piece { at, length: 16, ..whole };
                if at == 0 {
                    assert!(!budget.is_exceeded(piece), "only at the end of a quantum");
                } else {
                    return budget.is_exceeded(piece);
                }
            }
            false
        };
        assert!(!(0..7).any(|_| quantum(700_000)));
        assert!(!quantum(600_000), "a quantum lasts 667 µs");
        assert!(!(0..7).any(|_| quantum(700_000)));
        assert!(quantum(50_000_000));
    }
}
