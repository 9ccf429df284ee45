//! How late a thread that sleeps for a millisecond is woken, at the priority that
//! any program has and at the one that the callback gets: measured, for a second.

use std::thread;
use std::time::{Duration, Instant};

use crate::device::audio::scheduling::{Scheduling, promote_this_thread};
use crate::measure::statistics::quantile;
use crate::measure::summary::micros;

const LASTS: Duration = Duration::from_secs(1);
const NAP: Duration = Duration::from_millis(1);

/// How late wake-ups came, in microseconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Late {
    /// 99 % were no later.
    pub(super) p99_us: f64,
    /// The latest.
    pub(super) max_us: f64,
}

/// At both priorities, at the same time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Wakeups {
    /// As any program's thread.
    pub(super) ordinary: Late,
    /// As the callback's; `None` where the system grants no realtime class.
    pub(super) realtime: Option<Late>,
}

impl Wakeups {
    /// Measures. `None` where no thread can be started.
    pub(super) fn measure() -> Option<Wakeups> {
        let start = |body: fn() -> Option<Late>| {
            thread::Builder::new().name("antiphon-naps".to_owned()).spawn(body).ok()
        };
        let ordinary = start(|| naps(LASTS))?;
        let realtime = start(|| match promote_this_thread() {
            Scheduling::Other | Scheduling::Unknown => None,
            _ => naps(LASTS),
        });
        // Both end by the clock.
        let ordinary = ordinary.join().ok().flatten()?;
        let realtime = realtime.and_then(|thread| thread.join().ok()).flatten();
        Some(Wakeups { ordinary, realtime })
    }

    /// What this comes to, in words.
    pub(super) fn costs(&self) -> String {
        let said =
            |late: Late| format!("{} late (99 %), {} at worst", micros(late.p99_us), micros(late.max_us));
        let ordinary = said(self.ordinary);
        match self.realtime {
            Some(late) => format!(
                "measured for 1 s: a thread wakes up {} as the callback runs, {ordinary} at normal priority",
                said(late)
            ),
            None => format!("measured for 1 s: a thread wakes up {ordinary}, at normal priority"),
        }
    }
}

fn naps(lasts: Duration) -> Option<Late> {
    let begin = Instant::now();
    let mut lateness_us = Vec::with_capacity(lasts.as_millis() as usize);
    while begin.elapsed() < lasts {
        let due = Instant::now() + NAP;
        thread::sleep(NAP);
        lateness_us.push(due.elapsed().as_secs_f64() * 1.0e6);
    }
    let p99_us = quantile(&mut lateness_us, 0.99)?;
    Some(Late { p99_us, max_us: *lateness_us.last()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naps_are_never_too_short_and_the_latest_is_the_latest() {
        let late = naps(Duration::from_millis(30)).expect("some naps fit");
        assert!(late.p99_us >= 0.0 && late.max_us >= late.p99_us, "{late:?}");
    }

    #[test]
    fn both_priorities_are_told_apart_in_words() {
        let ordinary = Late { p99_us: 900.0, max_us: 3_100.0 };
        let realtime = Some(Late { p99_us: 40.0, max_us: 61.0 });
        let both = Wakeups { ordinary, realtime }.costs();
        assert!(both.contains("40.0 µs late (99 %), 61.0 µs at worst as the callback runs"), "{both}");
        assert!(both.contains("900 µs late (99 %), 3,100 µs at worst at normal priority"), "{both}");
        let one = Wakeups { ordinary, realtime: None }.costs();
        assert!(!one.contains("as the callback runs") && one.contains("3,100 µs"), "{one}");
    }
}
