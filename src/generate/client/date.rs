//! `Retry-After`: seconds, or a date (RFC 9110, 10.2.3 and 5.6.7). A date is held against the
//! server's own `Date`, so that no clock of ours has a say.

use std::time::Duration;

/// Longer than anybody waits.
const LONGEST: Duration = Duration::from_secs(86_400);

pub(super) fn retry_after(after: &str, date: Option<&str>) -> Option<Duration> {
    let after = after.trim();
    if let Ok(seconds) = after.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let seconds = seconds_of(after)?.checked_sub(seconds_of(date?)?)?;
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(LONGEST))
}

/// A number of seconds that JSON gave.
pub(super) fn seconds(number: f64) -> Duration {
    // Not a number is not above 0.
    if number > 0.0 { Duration::from_secs_f64(number.min(LONGEST.as_secs_f64())) } else { Duration::ZERO }
}

/// "Sun, 06 Nov 1994 08:49:37 GMT" as seconds since 1970.
fn seconds_of(date: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = date.trim().split_once(", ")?.1.split(' ');
    let day: i64 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as i64 + 1;
    let year: i64 = words.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut seconds = 0;
    let mut parts = words.next()?.splitn(3, ':');
    for most in [23, 59, 60] {
        let part: i64 = parts.next()?.parse().ok().filter(|part| (0..=most).contains(part))?;
        seconds = seconds * 60 + part;
    }
    (words.next()? == "GMT").then_some(days(year, month, day) * 86_400 + seconds)
}

/// Days since 1970, counted in years that begin in March, so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leaps = year / 4 - year / 100 + year / 400;
    // March 1st of the year 0 is 719,468 days before 1970.
    365 * year + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        assert_eq!(seconds_of("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds_of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds_of("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
        for wrong in
            ["", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "06 Nov 1994", "x, y z"]
        {
            assert_eq!(seconds_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_wait_is_seconds_or_a_date_against_the_servers_own() {
        let second = Duration::from_secs;
        assert_eq!(retry_after("7", None), Some(second(7)));
        assert_eq!(retry_after("99999999999", None), Some(LONGEST));
        let (at, then) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:37 GMT");
        assert_eq!(retry_after(then, Some(at)), Some(second(60)));
        assert_eq!(retry_after(at, Some(then)), Some(Duration::ZERO));
        assert_eq!(retry_after(then, None), None);
        assert_eq!(seconds(f64::NAN).max(seconds(-1.0)), Duration::ZERO);
        assert_eq!(seconds(f64::INFINITY), LONGEST);
    }
}
