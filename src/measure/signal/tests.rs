use super::*;

/// Seeded noise between −1 and 1 (a xorshift).
fn noise(count: usize) -> Vec<f32> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// What is heard of `sent` over a path with these arrivals (delay, gain), a band-limited one
/// for each fraction of a frame.
fn over(sent: &[f32], frames: usize, arrivals: &[(f64, f64)]) -> Vec<f32> {
    let mut heard = vec![0.0_f64; frames];
    for (delay, gain) in arrivals {
        let whole = delay.floor() as i64;
        let fraction = delay - delay.floor();
        let taps: Vec<(i64, f64)> = if fraction == 0.0 {
            vec![(0, 1.0)]
        } else {
            (-60..=60)
                .map(|tap: i64| {
                    let away = tap as f64 - fraction;
                    (tap, sinc(away) * (0.5 + 0.5 * (std::f64::consts::PI * away / 62.0).cos()))
                })
                .collect()
        };
        for (n, sample) in sent.iter().enumerate() {
            for (tap, weight) in &taps {
                let place = n as i64 + whole + tap;
                if let Some(place) = usize::try_from(place).ok().and_then(|place| heard.get_mut(place)) {
                    *place += f64::from(*sample) * gain * weight;
                }
            }
        }
    }
    heard.into_iter().map(|sample| sample as f32).collect()
}

fn found(sent: &[f32], frames: usize, arrivals: &[(f64, f64)]) -> Arrival {
    arrival(sent, &over(sent, frames, arrivals)).expect("it came back")
}

#[test]
fn the_sequence_is_the_longest_of_its_register_and_balanced() {
    let sequence = sequence();
    assert_eq!(sequence.len(), SEQUENCE_FRAMES);
    assert!((sequence.iter().sum::<f32>().abs() - AMPLITUDE).abs() < 1e-3);
    // No shift of it is like itself: its circular correlation is −1 everywhere else.
    for shift in [1, 2, 14, 15, 1_000, 16_383, 32_766] {
        let alike: f32 = (0..SEQUENCE_FRAMES)
            .map(|n| sequence[n] * sequence[(n + shift) % SEQUENCE_FRAMES] / (AMPLITUDE * AMPLITUDE))
            .sum();
        assert_eq!(alike, -1.0, "{shift}");
    }
}

#[test]
fn a_path_that_changes_nothing_gives_whole_frames_at_any_gain_and_polarity() {
    let sequence = sequence();
    let sent = &sequence[..8_191];
    for delay in [0, 1, 31, 64, 1_000, 8_191, 20_000] {
        for (gain, inverted) in [(1.0, false), (-1.0, true), (0.001, false), (-0.03, true)] {
            let arrival = found(sent, 32_000, &[(f64::from(delay), gain)]);
            assert!((arrival.delay_frames - f64::from(delay)).abs() < 0.001, "{delay} {gain} {arrival:?}");
            let decibels = 20.0 * f64::abs(gain).log10();
            assert!((arrival.gain_decibels - decibels).abs() < 0.1, "{delay} {gain} {arrival:?}");
            assert_eq!(arrival.is_inverted, inverted);
            assert!(arrival.clarity_decibels > 40.0, "{arrival:?}");
        }
    }
}

#[test]
fn a_delay_of_more_than_two_seconds_and_of_many_sequences_is_itself() {
    let sequence = sequence();
    let arrival = found(&sequence[..4_095], 140_000, &[(120_003.0, 0.5)]);
    assert!((arrival.delay_frames - 120_003.0).abs() < 0.001, "{arrival:?}");
}

#[test]
fn fractions_of_a_frame_are_found_in_noise_too() {
    let sequence = sequence();
    let sent = &sequence[..16_383];
    for fraction in [0.1, 0.25, 0.5, 0.77] {
        let mut heard = over(sent, 20_000, &[(777.0 + fraction, 0.1)]);
        let quiet = arrival(sent, &heard).expect("it came back");
        assert!((quiet.delay_frames - 777.0 - fraction).abs() < 0.02, "{fraction} {quiet:?}");
        // As loud as what comes back.
        for (sample, noise) in heard.iter_mut().zip(noise(20_000)) {
            *sample += noise * 0.04;
        }
        let noisy = arrival(sent, &heard).expect("it came back");
        assert!((noisy.delay_frames - 777.0 - fraction).abs() < 0.05, "{fraction} {noisy:?}");
        assert!(noisy.clarity_decibels < quiet.clarity_decibels);
    }
}

#[test]
fn a_muffled_path_arrives_in_its_middle() {
    let sequence = sequence();
    let sent = &sequence[..16_383];
    // Nine taps of a Hann window: about a quarter of the band is left, four frames late.
    let taps: Vec<(f64, f64)> = (0..9)
        .map(|tap| {
            let tap = f64::from(tap);
            (200.0 + tap, 0.5 - 0.5 * (std::f64::consts::TAU * (tap + 1.0) / 10.0).cos())
        })
        .collect();
    let arrival = found(sent, 20_000, &taps);
    assert!((arrival.delay_frames - 204.0).abs() < 0.01, "{arrival:?}");
}

#[test]
fn of_several_arrivals_the_first_counts_that_is_half_as_strong_as_the_strongest() {
    let sequence = sequence();
    let sent = &sequence[..16_383];
    let first = found(sent, 20_000, &[(500.0, 0.3), (620.0, 0.5), (1_900.0, -0.2)]);
    assert!((first.delay_frames - 500.0).abs() < 0.01, "{first:?}");
    // A leak that is much weaker than the sound is not the sound.
    let leak = found(sent, 20_000, &[(500.0, 0.01), (620.0, 0.5), (1_900.0, -0.2)]);
    assert!((leak.delay_frames - 620.0).abs() < 0.01, "{leak:?}");
}

#[test]
fn what_did_not_come_back_is_lost() {
    let sequence = sequence();
    let sent = &sequence[..8_191];
    assert_eq!(arrival(sent, &[0.0; 30_000]), None);
    assert_eq!(arrival(sent, &noise(200_000)), None);
    assert_eq!(arrival(sent, &[0.5; 30_000]), None);
    let hum: Vec<f32> = (0..30_000).map(|n| (n as f32 * 0.006_54).sin() * 0.5).collect();
    assert_eq!(arrival(sent, &hum), None);
    assert_eq!(arrival(sent, &over(sent, 30_000, &[(29_000.0, 1.0)])), None);
    assert_eq!((arrival(sent, &sent[..100]), arrival(&[], &[0.0; 9])), (None, None));
}
