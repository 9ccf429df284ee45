//! What several measurements of one thing come to.

/// The value that `share` (0 to 1) of the values do not exceed: the nearest rank.
/// `None` where there is no value. Sorts them.
pub fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.max(1) - 1).or(values.last()).copied()
}

/// The middle value, of an even number the mean of the two. `None` where there is none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some((sorted[sorted.len() / 2 - 1] + upper) / 2.0)
}

/// A line through points, by least squares.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Line {
    /// How much y rises where x rises by one.
    pub slope: f64,
    /// The standard error of that.
    pub slope_error: f64,
}

/// The line through points (x, y). `None` where they do not tell: fewer than three,
/// or all at one x.
pub fn line(points: &[(f64, f64)]) -> Option<Line> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (middle_x, middle_y) = (mean(|point| point.0), mean(|point| point.1));
    let width: f64 = points.iter().map(|(x, _)| (x - middle_x).powi(2)).sum();
    if points.len() < 3 || width <= 0.0 {
        return None;
    }
    let slope = points.iter().map(|(x, y)| (x - middle_x) * (y - middle_y)).sum::<f64>() / width;
    let off = |(x, y): &(f64, f64)| (y - middle_y - slope * (x - middle_x)).powi(2);
    let residue: f64 = points.iter().map(off).sum();
    Some(Line { slope, slope_error: (residue / (count - 2.0) / width).sqrt() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_ranks_and_the_median_is_the_middle() {
        let mut values: Vec<f64> = (1..=1_000).rev().map(f64::from).collect();
        assert_eq!(quantile(&mut values, 0.5), Some(500.0));
        assert_eq!(quantile(&mut values, 0.999), Some(999.0));
        assert_eq!((quantile(&mut values, 0.0), quantile(&mut values, 1.0)), (Some(1.0), Some(1_000.0)));
        assert_eq!((quantile(&mut [], 0.5), median(&[])), (None, None));
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (Some(2.0), Some(2.5)));
    }

    #[test]
    fn a_line_goes_through_its_points() {
        let straight: Vec<(f64, f64)> = (0..10).map(|x| (f64::from(x), 3.0 - 2.0 * f64::from(x))).collect();
        let found = line(&straight).expect("they tell");
        assert!((found.slope + 2.0).abs() < 1e-12 && found.slope_error < 1e-12, "{found:?}");
        let noisy = [(0.0, 0.0), (1.0, 2.0), (2.0, 1.0), (3.0, 3.0)];
        let found = line(&noisy).expect("they tell");
        // By hand: Sxy 4, Sxx 5, residual sum of squares 1.8.
        assert!((found.slope - 0.8).abs() < 1e-12 && (found.slope_error - 0.18_f64.sqrt()).abs() < 1e-12);
        assert_eq!((line(&noisy[..2]), line(&[(1.0, 2.0); 5])), (None, None));
    }
}
