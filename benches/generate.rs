//! What the embedded generator takes: eight bars as MIDI (the limit is 50 ms), and as audio (the
//! limit is a fiftieth of how long they last).

use std::hint::black_box;

use antiphon::engine::Band;
use antiphon::generate::local::{Local, Settings, segment};
use antiphon::generate::{Draft, Perform, Request};
use antiphon::theory::Style;
use antiphon::unit::SampleRate;
use criterion::{Criterion, criterion_group, criterion_main};

const RATE: SampleRate = SampleRate::DEFAULT;

fn request(style: Style) -> Request {
    Request { style: Some(style.name().to_owned()), ..Request::new("eight bars", RATE) }
}

fn midi(style: Style) -> Vec<u8> {
    match Local::write(&request(style)).expect("it is written") {
        Draft::Midi { bytes, .. } => bytes,
        Draft::Sound { .. } => Vec::new(),
    }
}

fn generate(c: &mut Criterion) {
    for style in Style::ALL {
        c.bench_function(&format!("midi/8-bars/{style}"), |b| b.iter(|| black_box(midi(style))));
    }
    let settings = Settings::new("without end", None, None, Some("swing"), 1).expect("settings");
    let mut index = 0;
    c.bench_function("segment/swing", |b| {
        b.iter(|| {
            index += 1;
            black_box(segment(&settings, 1, index))
        });
    });
    let band = Band::new().expect("the built-in rig");
    let mut group = c.benchmark_group("audio");
    group.sample_size(10);
    for style in Style::ALL {
        let file = midi(style);
        let seconds = band.perform(&file, RATE, None).expect("it plays").frames() as f64 / RATE.as_f64();
        println!("audio/8-bars/{style} lasts {seconds:.2} s");
        group.bench_function(format!("8-bars/{style}"), |b| {
            b.iter(|| black_box(band.perform(&file, RATE, None).expect("it plays")));
        });
    }
    group.finish();
}

criterion_group!(benches, generate);
criterion_main!(benches);
