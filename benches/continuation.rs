//! What a chord of an answer costs, drawn and played, with a full memory: of a player
//! who goes round in a few chords, and of one who never plays any of them twice, where
//! each draw looks at all of them. A quantum at 48 kHz lasts 667 µs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use antiphon::midi::Message;
use antiphon::route::{Continuation, ContinuationSettings, MEMORY_CHORDS, ORDER_MAX};
use antiphon::transport::{Beats, State, Time};
use antiphon::unit::{Frame, Random, SampleRate};
use criterion::{Criterion, criterion_group, criterion_main};

const RATE: SampleRate = SampleRate::DEFAULT;
/// A call of 32 bars has a note on each sixteenth.
const BARS: u64 = 32;
const NOTES: u64 = BARS * 16;
const SIXTEENTH: Frame = 6_000;

struct Player {
    continuation: Continuation,
    clock: Time,
    bar: u64,
    random: Random,
    keys: u64,
}

impl Player {
    fn new(order: usize, keys: u64) -> Player {
        let settings = ContinuationSettings { bars: BARS as u32, pause: None, order };
        let clock = Time { state: State::Rolling, ..Time::at_rest(RATE) };
        let continuation = Continuation::new(settings, RATE, 1);
        let mut player = Player { continuation, clock, bar: 0, random: Random::new(2), keys };
        while player.continuation.count().heard() <= 2 * MEMORY_CHORDS as u64 {
            player.call();
            player.answer();
        }
        player
    }

    /// Three keys at once, out of so many.
    fn call(&mut self) {
        for note in 0..NOTES {
            let at = (self.bar * 16 + note) * SIXTEENTH;
            for voice in 0..3 {
                let key = 20 + 30 * voice + self.random.below(self.keys) as u8;
                self.continuation.hear(at, Message::NoteOn { channel: 0, key, velocity: 80 }, &self.clock);
                let end = Message::NoteOff { channel: 0, key, velocity: 0 };
                self.continuation.hear(at + SIXTEENTH / 2, end, &self.clock);
            }
        }
        self.bar += BARS;
    }

    /// Plays an answer to its end; gives how many messages it had.
    fn answer(&mut self) -> u64 {
        let end = self.clock.grid.frame_of(Beats(((self.bar + BARS) * 4) << 32));
        let mut messages = 0;
        while let Some(frame) = self.continuation.next(0, &self.clock).filter(|frame| *frame <= end) {
            while let Some(message) = self.continuation.take(frame, &self.clock) {
                black_box(message);
                messages += 1;
            }
        }
        self.bar += BARS;
        messages
    }
}

fn answers(criterion: &mut Criterion) {
    for (name, order, keys) in [
        ("of 3 keys, order 3", 3, 1),
        ("of 12 keys, order 3", 3, 4),
        ("of 90 keys, order 3", 3, 30),
        ("of 90 keys, the longest order", ORDER_MAX, 30),
    ] {
        let mut player = Player::new(order, keys);
        criterion.bench_function(&format!("continuation/a chord of an answer, {name}"), |bench| {
            bench.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations.div_ceil(NOTES) {
                    player.call();
                    let began = Instant::now();
                    assert!(player.answer() > NOTES);
                    spent += began.elapsed();
                }
                // Of one chord, as often as it was asked for.
                spent.mul_f64(iterations as f64 / (iterations.div_ceil(NOTES) * NOTES) as f64)
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = answers
}
criterion_main!(benches);
