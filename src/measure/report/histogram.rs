use serde::{Deserialize, Serialize};

/// How often values lay where.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Histogram {
    /// The unit of the edges, such as `us`.
    pub unit: String,
    /// From the least to the most, empty ones left out.
    pub bins: Vec<Bin>,
}

/// One place of a histogram.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Bin {
    /// Its least value.
    pub from: f64,
    /// The least value of the next.
    pub to: f64,
    /// How many lay here.
    pub count: u64,
}

/// Bins of a doubling.
const PER_OCTAVE: f64 = 8.0;

impl Histogram {
    /// Bins whose edges go up by an eighth of an octave, around zero one of its own.
    pub fn of(unit: &str, values: impl IntoIterator<Item = f64>) -> Histogram {
        let mut counts = std::collections::BTreeMap::<i64, u64>::new();
        for value in values.into_iter().filter(|value| value.is_finite()) {
            let place = if value <= 0.0 { i64::MIN } else { (value.log2() * PER_OCTAVE).floor() as i64 };
            *counts.entry(place).or_default() += 1;
        }
        let edge = |place: i64| (place as f64 / PER_OCTAVE).exp2();
        let bin = |(place, count): (i64, u64)| match place {
            i64::MIN => Bin { from: 0.0, to: 0.0, count },
            place => Bin { from: edge(place), to: edge(place + 1), count },
        };
        Histogram { unit: unit.to_owned(), bins: counts.into_iter().map(bin).collect() }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.bins.iter().map(|bin| bin.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bin() {
        let values = [0.0, 0.5, 1.0, 1.01, 3.7, 1_000.0, f64::NAN];
        let histogram = Histogram::of("us", values);
        assert_eq!(histogram.count(), 6);
        for value in &values[1..6] {
            assert!(histogram.bins.iter().any(|bin| bin.from <= *value && *value < bin.to), "{value}");
        }
        assert_eq!(histogram.bins[0], Bin { from: 0.0, to: 0.0, count: 1 });
    }
}
