//! Sizes and ages, as people write them and as they are shown to people.

use std::time::Duration;

/// `500M`, `2G`, `1GiB`, `1.5 MB`, or bytes.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size: write 500M, 2G, 1GiB or a number of bytes");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let factor: f64 = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1_024.0,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        "tib" => 1_099_511_627_776.0,
        _ => return Err(wrong()),
    };
    let bytes = number * factor;
    if (0.0..=1e18).contains(&bytes) { Ok(bytes.round() as u64) } else { Err(wrong()) }
}

/// `90s`, `30m`, `12h`, `30d`, `2w`.
pub fn parse_age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no age: write 90s, 30m, 12h, 30d or 2w");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match text[digits.len()..].trim() {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return Err(wrong()),
    };
    let age = number * seconds;
    if (0.0..=1e12).contains(&age) { Ok(Duration::from_secs_f64(age)) } else { Err(wrong()) }
}

/// Bytes in three digits: `11.5 MB`.
pub fn size(bytes: u64) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let number = bytes as f64;
    match units.iter().find(|(unit, _)| number >= *unit) {
        None => format!("{bytes} B"),
        Some((unit, name)) if number / unit < 10.0 => format!("{:.2} {name}", number / unit),
        Some((unit, name)) if number / unit < 100.0 => format!("{:.1} {name}", number / unit),
        Some((unit, name)) => format!("{:.0} {name}", number / unit),
    }
}

/// How long ago, roughly: `3 d`.
pub fn age(seconds: f64) -> String {
    let units = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min")];
    let unit = units.iter().find(|(unit, _)| seconds >= *unit);
    let (unit, name) = unit.copied().unwrap_or((1.0, "s"));
    format!("{:.0} {name}", (seconds / unit).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        for (text, bytes) in
            [("0", 0), ("500M", 500_000_000), ("2g", 2_000_000_000), ("1GiB", 1 << 30), ("1.5 kB", 1_500)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "M", "-1", "5X", "1e400", "NaN", "inf", "é"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            [0, 999, 1_234, 12_345_678, 234_000_000_000].map(size),
            ["0 B", "999 B", "1.23 kB", "12.3 MB", "234 GB"]
        );
    }

    #[test]
    fn ages_are_read_and_shown() {
        for (text, seconds) in
            [("90s", 90), ("30m", 1_800), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)]
        {
            assert_eq!(parse_age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "30", "d", "-1d", "1y", "1e30d", "NaNs"] {
            assert!(parse_age(wrong).is_err(), "{wrong}");
        }
        assert_eq!([5.9, 61.0, 7_200.0, 260_000.0].map(age), ["5 s", "1 min", "2 h", "3 d"]);
    }
}
