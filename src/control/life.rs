use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::engine::Injection;
use crate::journal::next_free;

/// Too short to be heard, but not nothing: the time was over when it died.
const LEAST_SECONDS: f64 = 0.05;

/// Which life this is of a player that `play --respawn` starts again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Life {
    /// From 1; 0 where nobody would start it again.
    pub number: u32,
    /// How long the lives before it were together, in seconds.
    pub before_seconds: f64,
}

impl Life {
    /// Whether somebody is there to start it again.
    pub fn is_kept(self) -> bool {
        self.number > 0
    }

    fn is_another(self) -> bool {
        self.number > 1
    }

    /// What is left of a time that began with the first life.
    pub fn left_of(self, seconds: f64) -> f64 {
        (seconds - self.before_seconds).max(LEAST_SECONDS)
    }

    /// The faults that no earlier life has had, in this one's time: what hung one
    /// must not hang the next.
    pub fn still_to_come(self, injections: &[Injection]) -> Vec<Injection> {
        let left = injections.iter().map(|injection| Injection {
            seconds: injection.seconds - self.before_seconds,
            ..injection.clone()
        });
        left.filter(|injection| injection.seconds >= 0.0).collect()
    }

    /// Where this life records: what an earlier one recorded stays.
    pub fn recording(self, path: &Path) -> PathBuf {
        if self.is_another() { next_free(path) } else { path.to_owned() }
    }
}

impl FromStr for Life {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Life, &'static str> {
        const WRONG: &str = "not NUMBER@SECONDS";
        let (number, seconds) = text.split_once('@').ok_or(WRONG)?;
        let before_seconds: f64 = seconds.parse().map_err(|_| WRONG)?;
        if !(before_seconds.is_finite() && before_seconds >= 0.0) {
            return Err(WRONG);
        }
        Ok(Life { number: number.parse().map_err(|_| WRONG)?, before_seconds })
    }
}

impl std::fmt::Display for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{:.3}", self.number, self.before_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_the_command_line() {
        let life = Life { number: 2, before_seconds: 13.25 };
        assert_eq!(life.to_string().parse(), Ok(life));
        for wrong in ["", "2", "2@", "@1", "2@-1", "2@nan", "2@inf", "-1@0"] {
            assert!(wrong.parse::<Life>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_later_life_plays_what_is_left_and_records_elsewhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let take = folder.path().join("take.wav");
        std::fs::write(&take, "music").expect("written");
        let first = Life { number: 1, before_seconds: 0.0 };
        assert_eq!((first.left_of(20.0), first.recording(&take)), (20.0, take.clone()));
        let second = Life { number: 2, before_seconds: 15.0 };
        assert_eq!(second.left_of(20.0), 5.0);
        let injections: Vec<Injection> =
            ["bass:hang@14", "bass:nan@16.5"].map(|i| i.parse().expect("good")).into();
        assert_eq!(first.still_to_come(&injections), injections);
        assert_eq!(second.still_to_come(&injections), ["bass:nan@1.5".parse().expect("good")]);
        assert_eq!(second.recording(&take), folder.path().join("take-2.wav"));
        assert_eq!(second.left_of(10.0), LEAST_SECONDS);
    }
}
