//! Transcendental functions whose results do not depend on the platform.
//!
//! `std`'s `sin`, `exp` and friends call the system's C library, whose last
//! bits differ between systems. These are `libm`'s (pure Rust) where a control
//! tick or a constructor asks, and polynomials of our own where every sample
//! does. Real-time: yes, all of them.

/// π as `f32`.
pub const PI: f32 = std::f32::consts::PI;
/// 2π as `f32`.
pub const TAU: f32 = std::f32::consts::TAU;

/// 2^x. Real-time: yes.
pub fn exp2(x: f64) -> f64 {
    libm::exp2(x)
}

/// 10^x. Real-time: yes.
pub fn exp10(x: f64) -> f64 {
    libm::exp10(x)
}

/// e^x. Real-time: yes.
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// The natural logarithm. Real-time: yes.
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// The logarithm to base 2. Real-time: yes.
pub fn log2(x: f64) -> f64 {
    libm::log2(x)
}

/// The logarithm to base 10. Real-time: yes.
pub fn log10(x: f64) -> f64 {
    libm::log10(x)
}

/// x^y. Real-time: yes.
pub fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// The sine of an angle in radians. Real-time: yes.
pub fn sin(radians: f64) -> f64 {
    libm::sin(radians)
}

/// The cosine of an angle in radians. Real-time: yes.
pub fn cos(radians: f64) -> f64 {
    libm::cos(radians)
}

/// The tangent of an angle in radians. Real-time: yes.
pub fn tan(radians: f64) -> f64 {
    libm::tan(radians)
}

/// The hyperbolic tangent. Real-time: yes.
pub fn tanh(x: f64) -> f64 {
    libm::tanh(x)
}

/// The coefficient of a one-pole smoother that covers 1 − 1/e of a step in
/// `seconds`, for `ticks_hertz` updates a second: y += c·(x − y). Real-time: yes.
pub fn one_pole_coefficient(seconds: f64, ticks_hertz: f64) -> f32 {
    if seconds <= 0.0 {
        return 1.0;
    }
    (1.0 - exp(-1.0 / (seconds * ticks_hertz))) as f32
}

/// sin(2π·`cycle`) for any `cycle`, error under 2·10⁻⁷: for oscillators that
/// ask every sample. Real-time: yes.
#[inline]
pub fn sin_cycle(cycle: f32) -> f32 {
    // Fold to one quarter turn either side of zero, where sin is odd and a
    // polynomial in x² converges fast.
    let turn = cycle - round_half_up(cycle);
    let folded = if turn > 0.25 {
        0.5 - turn
    } else if turn < -0.25 {
        -0.5 - turn
    } else {
        turn
    };
    let x = folded * TAU;
    let s = x * x;
    // Taylor terms to x¹¹; at a quarter turn the first one left out is 5.7e-8.
    x * (1.0
        + s * (-1.0 / 6.0
            + s * (1.0 / 120.0 + s * (-1.0 / 5_040.0 + s * (1.0 / 362_880.0 + s * (-1.0 / 39_916_800.0))))))
}

#[inline]
fn round_half_up(x: f32) -> f32 {
    libm::floorf(x + 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_sine_is_a_sine() {
        let worst = (-4_000..4_000)
            .map(|i| {
                let cycle = i as f32 / 1_000.0;
                let exact = sin(f64::from(cycle) * std::f64::consts::TAU) as f32;
                (sin_cycle(cycle) - exact).abs()
            })
            .fold(0.0_f32, f32::max);
        assert!(worst < 1.0e-6, "{worst}");
    }

    #[test]
    fn a_one_pole_of_no_time_follows_at_once() {
        assert_eq!(one_pole_coefficient(0.0, 1_500.0), 1.0);
    }
}
