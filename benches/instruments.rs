//! What a voice of each instrument costs: one quantum of 64 held notes, and
//! hence nanoseconds per frame and voice.

use antiphon::instrument;
use antiphon::midi::{Event, Message};
use antiphon::stage::{Block, Context, Input, Kinds, Processor, Settings, Shape, StreamFormat, Value};
use antiphon::unit::{QUANTUM_FRAMES, SampleRate};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const VOICES: u32 = 64;

struct Player {
    processor: Box<dyn Processor>,
    frame: u64,
}

impl Player {
    fn new(kind: &str, words: &[(&str, &str)], numbers: &[(&str, f64)]) -> Player {
        let mut kinds = Kinds::empty();
        instrument::register(&mut kinds);
        let kind = kinds.get(kind).expect("a kind");
        let place = |name: &str| kind.parameters().iter().position(|p| p.name == name).expect("a parameter");
        let mut settings = Settings::new();
        for &(name, word) in words {
            let Shape::Choice(choices) = kind.parameters()[place(name)].shape else { panic!("{name}") };
            let index = choices.iter().position(|c| *c == word).expect("a choice");
            settings.set(place(name), Value::Choice(index));
        }
        for &(name, number) in numbers {
            settings.set(place(name), Value::Number(number));
        }
        let format = StreamFormat { rate: SampleRate::DEFAULT, seed: 1 };
        Player { processor: kind.prepare(&settings, format).expect("a processor"), frame: 0 }
    }

    fn quantum(&mut self, events: &[Event]) -> f32 {
        let zeros = [0.0; QUANTUM_FRAMES];
        let (mut left, mut right) = ([0.0; QUANTUM_FRAMES], [0.0; QUANTUM_FRAMES]);
        let context = Context::at_rest(self.frame, SampleRate::DEFAULT, events);
        let input = Input { main: [&zeros; 2], late: None };
        let mut block = Block { left: &mut left, right: &mut right };
        self.processor.process(&context, input, &mut block);
        self.frame += QUANTUM_FRAMES as u64;
        left[7] + right[31]
    }
}

/// 64 notes from C2 up, two to a key.
fn chord() -> Vec<Event> {
    (0..VOICES)
        .map(|i| {
            let key = 36 + (i / 2) as u8;
            let mut event = Event::midi(0, 0, Message::NoteOn { channel: (i % 2) as u8, key, velocity: 90 });
            event.note = i + 1;
            event
        })
        .collect()
}

fn synth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("synth_64_voices");
    group.throughput(Throughput::Elements(u64::from(VOICES) * 32 * QUANTUM_FRAMES as u64));
    for preset in ["init", "keys", "round-bass", "electric-piano", "brass", "strings"] {
        let numbers = [("sustain", 0.7)];
        group.bench_function(preset, |bencher| {
            bencher.iter_batched_ref(
                || {
                    let mut player = Player::new("synth", &[("preset", preset)], &numbers);
                    player.quantum(&chord());
                    player
                },
                |player| (0..32).map(|_| player.quantum(&[])).sum::<f32>(),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// What a chord of 64 new notes costs the quantum that it falls in.
fn storm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("synth_64_note_ons");
    group.throughput(Throughput::Elements(u64::from(VOICES)));
    let chord = chord();
    for preset in ["init", "strings"] {
        group.bench_function(preset, |bencher| {
            bencher.iter_batched_ref(
                || Player::new("synth", &[("preset", preset)], &[]),
                |player| player.quantum(&chord),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// 16 drums at once, per frame and drum.
fn kit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kit_16_drums");
    group.throughput(Throughput::Elements(16 * 8 * QUANTUM_FRAMES as u64));
    let hits: Vec<Event> = (0..16)
        .map(|i| {
            let key = [36, 38, 46, 49, 51, 57, 41, 45][i % 8];
            Event::midi(0, 0, Message::NoteOn { channel: (i / 8) as u8, key, velocity: 100 })
        })
        .collect();
    group.bench_function("hits", |bencher| {
        bencher.iter_batched_ref(
            || {
                let mut player = Player::new("synth", &[("preset", "kit")], &[]);
                player.quantum(&hits);
                player
            },
            |player| (0..8).map(|_| player.quantum(&[])).sum::<f32>(),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, synth, storm, kit);
criterion_main!(benches);
