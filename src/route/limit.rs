use crate::unit::{Frame, SampleRate};

/// Lets so many strikes pass in any second, and no more. Real-time: yes, but for `new`.
#[derive(Debug)]
pub struct Limit {
    /// When the last ones passed, as a ring.
    passed: Box<[Frame]>,
    next: usize,
    count: usize,
    second: Frame,
}

impl Limit {
    /// The most strikes a second that a limit may allow.
    pub const MOST: u16 = 1_000;

    /// So many a second (1 to [`MOST`](Self::MOST)). Real-time: no (allocates).
    pub fn new(per_second: u16, rate: SampleRate) -> Limit {
        let room = usize::from(per_second.clamp(1, Self::MOST));
        Limit { passed: vec![0; room].into_boxed_slice(), next: 0, count: 0, second: rate.frames(1.0) }
    }

    /// Whether a strike at this frame may pass; then it counts. Real-time: yes.
    pub fn pass(&mut self, time: Frame) -> bool {
        if self.count == self.passed.len() && time.saturating_sub(self.passed[self.next]) < self.second {
            return false;
        }
        self.passed[self.next] = time;
        self.next = (self.next + 1) % self.passed.len();
        self.count = (self.count + 1).min(self.passed.len());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_holds_more_than_the_limit() {
        let mut limit = Limit::new(10, SampleRate::DEFAULT);
        let passed: Vec<Frame> = (0..2_000_u64).map(|i| i * 240).filter(|time| limit.pass(*time)).collect();
        for (place, time) in passed.iter().enumerate() {
            let within = passed[place..].iter().take_while(|other| **other < time + 48_000).count();
            assert!(within <= 10, "{within} from {time} on");
        }
        assert_eq!(passed.len(), 100);
        assert_eq!(&passed[9..11], [9 * 240, 48_000]);
    }
}
