use serde::{Deserialize, Serialize};

use super::Circumstances;
use super::counts::COUNTS;
use super::headlines::HEADLINES;
use crate::measure::NOT_ASKED;
use crate::measure::report::Report;

/// How reasons begin that somebody chose, and no machine or engine: they are no failure.
const CHOSEN: [&str; 3] = [NOT_ASKED, "stopped", "ended early"];
/// What a busy machine brings about, in words of the reasons.
const BUSY: [&str; 5] = ["but none for", "but not for", "holds here", "do not hold", "the path itself"];

/// A figure that the older report has, that was asked for again, and that the newer has not.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Vanished {
    /// Its path.
    pub figure: String,
    /// Why it is not there.
    pub why: String,
    /// The machine was worse, or others had much of it, and this may be why.
    pub may_be_machine: bool,
}

/// All that vanished.
pub(super) fn all(old: &Report, new: &Report, circumstances: &[Circumstances]) -> Vec<Vanished> {
    if new.stopped {
        return Vec::new();
    }
    let headlines = HEADLINES.iter().filter(|line| line.is_in(old) && !line.is_in(new)).map(|line| line.path);
    let counts = COUNTS.iter().filter(|count| count.must_stay && count.is_in(old) && !count.is_in(new));
    let mut found: Vec<Vanished> = headlines
        .chain(counts.map(|count| count.figure))
        .filter_map(|path| {
            let why = reason(new, path).unwrap_or("it is null, and no reason is given");
            is_failure(why).then(|| vanished(path, why, circumstances))
        })
        .collect();
    // Names of samples come and go with versions: only those count that are said to be missing.
    for path in old.figures.keys().filter(|path| !new.figures.contains_key(*path)) {
        let is_new =
            !found.iter().any(|found| path.starts_with(&found.figure) || found.figure.starts_with(path));
        let is_there = HEADLINES.iter().any(|line| line.path == path && line.is_in(new));
        if let Some(why) = reason(new, path).filter(|why| is_new && !is_there && is_failure(why)) {
            found.push(vanished(path, why, circumstances));
        }
    }
    found
}

fn vanished(path: &str, why: &str, circumstances: &[Circumstances]) -> Vanished {
    let is_worse = circumstances.iter().any(|there| there.is_of(path) && there.is_worse);
    let may_be_machine = is_worse && BUSY.iter().any(|words| why.contains(words));
    Vanished { figure: path.to_owned(), why: why.to_owned(), may_be_machine }
}

fn is_failure(why: &str) -> bool {
    !CHOSEN.iter().any(|begin| why.starts_with(begin))
}

/// Why there is null at a path: at it, or at what it is a part of.
fn reason<'a>(report: &'a Report, path: &str) -> Option<&'a str> {
    let mut at = path;
    loop {
        if let Some(why) = report.not_measured.get(at) {
            return Some(why);
        }
        at = at.rsplit_once('.')?.0;
    }
}
