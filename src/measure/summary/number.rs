use std::fmt;

/// A number as people read it, and its unit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Quantity {
    /// The number.
    pub number: String,
    /// Its unit.
    pub unit: &'static str,
}

impl Quantity {
    /// Three digits that count.
    pub fn of(value: f64, unit: &'static str) -> Quantity {
        Quantity { number: number(value), unit }
    }

    /// So many of something.
    pub fn count(value: u64, unit: &'static str) -> Quantity {
        Quantity { number: grouped(value), unit }
    }

    /// With so many digits after the point.
    pub fn fixed(value: f64, digits: usize, unit: &'static str) -> Quantity {
        let text = format!("{value:.digits$}");
        // What rounds to nothing has no sign.
        let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
        Quantity { number: text.trim_start_matches(if is_zero { "-" } else { "" }).to_owned(), unit }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            "" => f.write_str(&self.number),
            "%" => write!(f, "{} %", self.number),
            unit => write!(f, "{} {unit}", self.number),
        }
    }
}

/// A number with three digits that count, and commas between thousands.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "?".to_owned();
    }
    // The next rounding up would have a digit more.
    let digits = match size {
        _ if size < 0.000_5 => 0,
        _ if size < 0.099_95 => 3,
        _ if size < 9.995 => 2,
        _ if size < 99.95 => 1,
        _ => 0,
    };
    if digits > 0 {
        return format!("{value:.digits$}");
    }
    let rounded = size.round();
    let sign = if value < 0.0 && rounded > 0.0 { "-" } else { "" };
    format!("{sign}{}", grouped(rounded as u64))
}

/// What was varied, as it was set: whole where it is whole.
pub fn setting(value: f64) -> String {
    if value.fract() == 0.0 && (0.0..1.0e15).contains(&value) { grouped(value as u64) } else { number(value) }
}

/// Commas between thousands.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Nanoseconds in the unit that fits.
pub fn nanos(value: f64) -> Quantity {
    if value.abs() < 9_995.0 { Quantity::of(value, "ns") } else { micros(value / 1_000.0) }
}

/// Microseconds in the unit that fits.
pub fn micros(value: f64) -> Quantity {
    if value.abs() < 9_995.0 { Quantity::of(value, "µs") } else { Quantity::of(value / 1_000.0, "ms") }
}

/// Seconds in the unit that fits.
pub fn seconds(value: f64) -> Quantity {
    match value {
        _ if value < 120.0 => Quantity::of(value, "s"),
        _ if value < 7_200.0 => Quantity::of(value / 60.0, "min"),
        _ => Quantity::of(value / 3_600.0, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count_and_thousands_are_apart() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.000_1, "0"),
            (0.012_34, "0.012"),
            (6.1, "6.10"),
            (9.996, "10.0"),
            (99.96, "100"),
            (12.34, "12.3"),
            (123.4, "123"),
            (-1_234.0, "-1,234"),
            (1_234_567.0, "1,234,567"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn times_are_in_the_unit_that_fits() {
        assert_eq!(nanos(25.26).to_string(), "25.3 ns");
        assert_eq!(nanos(25_260.0).to_string(), "25.3 µs");
        assert_eq!(nanos(25_260_000.0).to_string(), "25.3 ms");
        assert_eq!((setting(64.0), setting(0.5)), ("64".to_owned(), "0.50".to_owned()));
        assert_eq!(micros(412.0).to_string(), "412 µs");
        assert_eq!(seconds(90.0).to_string(), "90.0 s");
        assert_eq!(seconds(7_200.0).to_string(), "2.00 h");
        assert_eq!(Quantity::fixed(-0.001, 2, "frames").to_string(), "0.00 frames");
        assert_eq!(Quantity::fixed(-0.01, 2, "frames").to_string(), "-0.01 frames");
    }
}
