use std::fmt;
use std::time::Duration;

/// A stretch of time as messages say it, in seconds: as exact as is of use to whoever waited ("120 s", "2 s",
/// "0.3 s"), and never none. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InSeconds(pub Duration);

impl fmt::Display for InSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds >= 1.5 {
            return write!(f, "{} s", seconds.round());
        }
        let part = if seconds >= 0.095 { 10.0 } else { 100.0 };
        write!(f, "{} s", ((seconds * part).round() / part).max(0.01))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_said_as_exactly_as_it_matters() {
        for (micros, said) in [
            (0, "0.01 s"),
            (7_000, "0.01 s"),
            (40_000, "0.04 s"),
            (96_000, "0.1 s"),
            (304_000, "0.3 s"),
            (999_000, "1 s"),
            (1_240_000, "1.2 s"),
            (1_950_000, "2 s"),
            (119_800_000, "120 s"),
        ] {
            assert_eq!(InSeconds(Duration::from_micros(micros)).to_string(), said);
        }
    }
}
