/// A straight line through points that come one by one, one apart: where the last
/// one should be, and how far it is from one to the next.
///
/// Least squares over all points, as a recursion with gains that fall as the
/// memory fills (the expanding-memory filter of the first degree: E. Brookner,
/// "Tracking and Kalman Filtering Made Easy", 1998, section 1.2.10); once it is
/// full the gains stay, and what is older fades. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    place: f64,
    length: f64,
    count: u32,
    memory: u32,
}

impl Fit {
    pub(super) fn new(memory: u32, length: f64) -> Fit {
        Fit { place: 0.0, length, count: 0, memory }
    }

    /// The first point of a new line; the length is what it was.
    pub(super) fn restart(&mut self, place: f64) {
        (self.place, self.count) = (place, 1);
    }

    /// The next point; gives how far it was from where it was awaited.
    pub(super) fn take(&mut self, place: f64) -> f64 {
        let error = place - self.place - self.length;
        let n = f64::from(self.count.min(self.memory));
        let divisor = (n + 1.0) * (n + 2.0);
        self.place += self.length + error * 2.0 * (2.0 * n + 1.0) / divisor;
        self.length = (self.length + error * 6.0 / divisor).max(1.0);
        self.count = (self.count + 1).min(self.memory);
        error
    }

    /// Goes on from what another has seen, as if from so many points.
    pub(super) fn renew(&mut self, other: &Fit, count: u32) {
        (self.place, self.length, self.count) = (other.place, other.length, count);
    }

    /// The variance of where the next point is awaited, for a jitter of 1.
    pub(super) fn prediction_variance(&self) -> f64 {
        let n = f64::from(self.count.max(2));
        2.0 * (2.0 * n + 1.0) / (n * (n - 1.0))
    }

    /// Where the last point should have been.
    pub(super) fn place(&self) -> f64 {
        self.place
    }

    /// How far it is from point to point.
    pub(super) fn length(&self) -> f64 {
        self.length
    }

    /// How many points count.
    pub(super) fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_line_of_least_squares() {
        let points = [3.0, 14.0, 22.5, 34.0, 44.0, 51.0, 66.0];
        let mut fit = Fit::new(100, 7.0);
        fit.restart(points[0]);
        for point in &points[1..] {
            fit.take(*point);
        }
        let n = points.len() as f64;
        let (mean_k, mean) = ((n - 1.0) / 2.0, points.iter().sum::<f64>() / n);
        let along: f64 = points.iter().enumerate().map(|(k, p)| (k as f64 - mean_k) * (p - mean)).sum();
        let square: f64 = (0..points.len()).map(|k| (k as f64 - mean_k).powi(2)).sum();
        let length = along / square;
        let place = mean + length * mean_k;
        assert!((fit.length() - length).abs() < 1e-9, "{} {length}", fit.length());
        assert!((fit.place() - place).abs() < 1e-9, "{} {place}", fit.place());
    }
}
