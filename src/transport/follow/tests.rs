use super::*;

const RATE: SampleRate = SampleRate::DEFAULT;

/// Gaussian noise from a seed: the sum of twelve even draws would have no tails,
/// so this is Box and Muller's.
struct Draw(u64);

impl Draw {
    fn even(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn gaussian(&mut self) -> f64 {
        (-2.0 * self.even().ln()).sqrt() * (std::f64::consts::TAU * self.even()).cos()
    }
}

/// A master at a tempo, heard with jitter.
struct Master {
    time: f64,
    draw: Draw,
    jitter_frames: f64,
}

impl Master {
    fn new(seed: u64, jitter_seconds: f64) -> Master {
        let mut draw = Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 77);
        draw.even();
        Master { time: 48_000.0, draw, jitter_frames: jitter_seconds * RATE.as_f64() }
    }

    fn ticks(&mut self, follower: &mut Follower, count: u32, tempo: f64) {
        for _ in 0..count {
            let heard = self.time + self.draw.gaussian() * self.jitter_frames;
            follower.hear(heard.round() as Frame, CLOCK, [0; 2], Beats(0));
            self.time += RATE.as_f64() * 60.0 / tempo / 24.0;
        }
    }
}

/// How far off the tempo is after `beats` under a millisecond of jitter.
fn error(tempo: f64, seed: u64, beats: u32) -> f64 {
    let mut follower = Follower::new(RATE);
    Master::new(seed, 0.001).ticks(&mut follower, beats * 24 + 1, tempo);
    assert_eq!(follower.lock(), Lock::Locked);
    follower.tempo().expect("a tempo").beats_per_minute() - tempo
}

/// What no estimator can do better than, from eight beats, as a standard deviation.
fn bound(tempo: f64) -> f64 {
    let (n, tick_seconds) = (193.0_f64, 60.0 / tempo / 24.0);
    tempo * 0.001 * (12.0 / (n * (n * n - 1.0))).sqrt() / tick_seconds
}

#[test]
fn tempi_that_people_set_are_known_to_a_hundredth_after_eight_beats() {
    let (mut worst, mut wrong) = (0.0_f64, 0);
    for tempo in 30..=300 {
        for seed in 0..20 {
            let error = error(f64::from(tempo), seed * 1_000 + tempo as u64, 8).abs();
            worst = worst.max(error);
            wrong += u32::from(error > 0.01);
        }
    }
    println!("whole tempi: worst {worst}, {wrong} of 5420 beyond 0.01");
    assert_eq!(wrong, 0, "{worst}");
}

#[test]
fn tenths_are_told_apart_as_far_as_the_jitter_allows() {
    let mut wrong = 0;
    for tenth in (600..=1_400).step_by(3) {
        for seed in 0..10 {
            wrong += u32::from(error(f64::from(tenth) * 0.1, seed + u64::from(tenth as u32), 8).abs() > 0.01);
        }
    }
    println!("tenths from 60 to 140: {wrong} of 2670 beyond 0.01");
    // Jitter has tails: one in some thousands is taken for no tenth.
    assert!(wrong <= 2, "{wrong}");
}

/// Any tempo at all: no worse than a round one may tempt it to, which is within a
/// hundredth below 50.
#[test]
fn other_tempi_are_known_nearly_as_well_as_can_be() {
    let (mut squares, mut count, mut slow_wrong) = (0.0, 0.0, 0);
    for step in 0..400_u32 {
        let tempo = 30.0 + f64::from(step) * 0.673_7;
        for seed in 0..10 {
            let error = error(tempo, seed * 77 + u64::from(step), 8);
            squares += (error / bound(tempo)).powi(2);
            count += 1.0;
            slow_wrong += u32::from(tempo < 50.0 && error.abs() > 0.01);
        }
    }
    let ratio = f64::sqrt(squares / count);
    println!("any tempo: {ratio:.2} of the bound, {slow_wrong} below 50 beyond 0.01");
    assert!(ratio < 3.2, "{ratio}");
    assert_eq!(slow_wrong, 0);
}

#[test]
fn a_change_of_tempo_is_followed_within_four_beats() {
    for (from, to) in [(120.0, 140.0), (120.0, 60.0), (90.0, 91.0), (200.0, 180.0)] {
        for seed in 0..40 {
            let mut follower = Follower::new(RATE);
            let mut master = Master::new(seed, 0.001);
            master.ticks(&mut follower, 400, from);
            master.ticks(&mut follower, 97, to);
            let tempo = follower.tempo().expect("a tempo").beats_per_minute();
            assert!((tempo - to).abs() < 0.4, "{from} to {to}, seed {seed}: {tempo}");
            master.ticks(&mut follower, 400, to);
            let tempo = follower.tempo().expect("a tempo").beats_per_minute();
            assert!((tempo - to).abs() < 0.01, "{from} to {to}, seed {seed}: {tempo}");
        }
    }
}

#[test]
fn the_place_is_steadier_than_the_ticks() {
    let mut follower = Follower::new(RATE);
    let mut master = Master::new(5, 0.001);
    follower.hear(0, START, [0; 2], Beats(0));
    master.ticks(&mut follower, 240, 133.0);
    for n in 240..600_u32 {
        master.ticks(&mut follower, 1, 133.0);
        let exact = f64::from(n) + 1.0;
        let place = follower.place_at(master.time.round() as Frame).expect("a place");
        // A millisecond is 0.053 ticks here.
        assert!((place - exact).abs() < 0.02, "{place} {exact}");
    }
}

#[test]
fn a_clock_that_breaks_off_is_lost_and_found_where_it_would_be() {
    let mut follower = Follower::new(RATE);
    let mut master = Master::new(1, 0.0);
    follower.hear(0, START, [0; 2], Beats(0));
    master.ticks(&mut follower, 96, 120.0);
    let end = master.time as Frame;
    assert_eq!((follower.quantum(end), follower.quantum(end + 20_000)), (Some(Wish::Roll { from: 0 }), None));
    assert_eq!(follower.lock(), Lock::Locked);
    follower.quantum(end + 32_000);
    assert_eq!((follower.lock(), follower.losses(), follower.place_at(end)), (Lock::Lost, 1, None));
    assert_eq!(follower.tempo().map(Tempo::beats_per_minute), Some(120.0));
    // Two beats later it is back, and our song stands at beat 6.02.
    follower.hear(end + 48_000, CLOCK, [0; 2], Beats((6 << 32) + (1 << 26)));
    assert_eq!((follower.lock(), follower.next_tick().1), (Lock::Locking, 145));
}

#[test]
fn song_positions_and_continue_are_heard() {
    let mut follower = Follower::new(RATE);
    follower.hear(9, POSITION, [16, 1], Beats(0));
    assert_eq!((follower.next_tick().1, follower.quantum(32)), (144 * 6, None));
    follower.hear(40, CONTINUE, [0; 2], Beats(0));
    // Nobody knows yet when its first tick comes.
    assert_eq!(follower.quantum(64), None);
    follower.hear(1_000, CLOCK, [0; 2], Beats(0));
    assert_eq!(follower.quantum(1_024), Some(Wish::Roll { from: 864 }));
    assert_eq!(follower.place_at(1_000), Some(864.0));
    follower.hear(1_100, STOP, [0; 2], Beats(0));
    assert_eq!(follower.quantum(1_120), Some(Wish::Stand));
    follower.hear(2_000, CLOCK, [0; 2], Beats(0));
    assert_eq!(follower.next_tick().1, 865, "a tick while it stands moves nothing");
}
