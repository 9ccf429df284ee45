//! What MIDI costs: the codec by byte, the monitor by event against the fastest
//! wires there are, and 64 devices of 1,000 events a second through the Renderer
//! in virtual time, of which none may be late.

use std::hint::black_box;
use std::time::{Duration, Instant};

use antiphon::control::monitor::{Meter, View};
use antiphon::device::midi::listen::{Heard, HeardPort};
use antiphon::measure::midi::stream_of;
use antiphon::midi::codec::{Parsed, Parser};
use antiphon::render::{
    Feed, Inlet, Origin, Outlet, Renderer, RendererHandle, RendererSettings, Silence, TimeBase, inlet,
    outlet, renderer,
};
use antiphon::rig::{Deployment, parse};
use antiphon::rt::guard;
use antiphon::stage::Kinds;
use antiphon::unit::{HostTime, SampleRate};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const RATE: SampleRate = SampleRate::DEFAULT;
const BLOCK: usize = 64;
const DEVICES: usize = 64;
const EVENTS_PER_SECOND: u64 = 1_000;
/// 31,250 baud: ten bits a byte, three bytes a message.
const WIRE_MESSAGES_PER_SECOND: f64 = 31_250.0 / 10.0 / 3.0;
/// USB at full speed: at most 19 packets of 64 bytes in a millisecond, 16 messages each.
const USB_MESSAGES_PER_SECOND: f64 = 19.0 * 16.0 * 1_000.0;
/// Enough for the monitor's buffers to be as long as they ever get.
const MONITORED: u64 = 400_000;

fn codec(criterion: &mut Criterion) {
    let mixed = stream_of(8_192);
    let mut dump = vec![0x11; 65_536];
    (dump[0], dump[65_535]) = (0xf0, 0xf7);
    let mut group = criterion.benchmark_group("codec, per byte");
    for (name, bytes) in [("messages of all kinds", &mixed), ("one SysEx of 64 KiB", &dump)] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (mut parser, mut found) = (Parser::new(), 0_u64);
                parser.feed(black_box(bytes), |parsed| {
                    found += match parsed {
                        Parsed::Message(bytes) | Parsed::Sysex { bytes, .. } => bytes.len() as u64,
                    };
                });
                assert!(found > 0);
                found
            });
        });
    }
    group.finish();
}

/// A monitor that shows everything: what it printed, in bytes.
struct Monitor {
    meter: Meter,
    view: View,
    printed: u64,
    longest_block: usize,
}

impl Monitor {
    fn new(is_json: bool) -> Monitor {
        let mut view = View::new(is_json, !is_json, &[]);
        view.ports(&[HeardPort { name: "LabKeys MIDI 1".into(), is_there: true }]);
        Monitor { meter: Meter::new(0), view, printed: 0, longest_block: 0 }
    }

    fn hear(&mut self, nanos: u64, bytes: &[u8]) {
        let heard = Heard { nanos, port: 0, content: Some(Parsed::Message(bytes)) };
        if let Some(line) = self.meter.observe(heard) {
            self.view.line(&line);
        }
        if self.view.is_full() {
            let block = self.view.take();
            self.longest_block = self.longest_block.max(block.len());
            self.printed += block.len() as u64;
        }
    }
}

/// The messages that a monitor is given, one after the other.
fn message(number: u64) -> [u8; 3] {
    let seven = (number * 37 % 128) as u8;
    match number % 4 {
        0 => [0x90, seven, 100],
        1 => [0xb0, seven % 120, seven],
        2 => [0xe3, seven, 64],
        _ => [0x80, seven, 0],
    }
}

fn monitor(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("monitor, per event");
    group.throughput(Throughput::Elements(1));
    for (name, is_json) in [("as text", false), ("as JSON", true)] {
        let (mut monitor, mut number) = (Monitor::new(is_json), 0);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                number += 1;
                monitor.hear(number * 3_290, &message(number));
            });
        });
        // Once more by itself, whatever was asked to be measured.
        let mut monitor = Monitor::new(is_json);
        let begin = Instant::now();
        for number in 0..MONITORED {
            monitor.hear(number * 3_290, &message(number));
        }
        let speed = MONITORED as f64 / begin.elapsed().as_secs_f64();
        assert_eq!(monitor.meter.counts().events, MONITORED, "it counts what it is given");
        assert!(monitor.longest_block < 64 << 10, "blocks of {} bytes", monitor.longest_block);
        println!(
            "monitor {name}: {speed:.0} events/s: {:.0} wires of 31,250 baud, or {:.1} times all that USB \
             brings at full speed",
            speed / WIRE_MESSAGES_PER_SECOND,
            speed / USB_MESSAGES_PER_SECOND
        );
        assert!(speed > 2.0 * WIRE_MESSAGES_PER_SECOND, "{speed} events/s");
    }
    group.finish();
}

/// Each device plays the next one.
fn rig() -> String {
    let mut text = String::new();
    for device in 0..DEVICES {
        let next = (device + 1) % DEVICES;
        text.push_str(&format!(
            "[midi.d{device}]\nin = \"in {device}\"\nout = \"out {device}\"\n[[cable]]\nfrom = \"d{device}\"\nto = \"d{next}\"\n"
        ));
    }
    text
}

struct Stage {
    renderer: Box<Renderer>,
    handle: RendererHandle,
    inlets: Vec<Inlet>,
    outlets: Vec<Outlet>,
    frame: u64,
    sent: u64,
    received: u64,
}

impl Stage {
    fn new() -> Stage {
        let mut kinds = Kinds::empty();
        antiphon::instrument::register(&mut kinds);
        antiphon::stage::register(&mut kinds);
        let rig = parse(&rig(), &kinds).expect("the rig is valid");
        let (mut deployment, mut swap) = Deployment::first(rig, RATE, 1).expect("it can be built");
        deployment.settle();
        let (mut inlets, mut outlets) = (Vec::new(), Vec::new());
        for device in 0..DEVICES {
            let port = deployment.port_of(&format!("d{device}")).expect("it is in the rig");
            let (door, source) = inlet(TimeBase::Host);
            inlets.push(door);
            swap.sources.push((device as u16, Some(Box::new(Feed { port, origin: Origin::Live(source) }))));
            let (sink, out) = outlet();
            outlets.push(out);
            swap.sinks.push((port, Some(Box::new(sink))));
        }
        let (renderer, mut handle, _clock) =
            renderer(RendererSettings { rate: RATE, midi_latency_frames: BLOCK as u64 });
        assert!(handle.swaps.lend(Box::new(swap)).is_ok());
        let mut stage = Stage { renderer, handle, inlets, outlets, frame: 0, sent: 0, received: 0 };
        // The clock's loop settles before anything is played.
        for _ in 0..2_000 {
            stage.callback();
        }
        stage
    }

    /// Virtual nanoseconds of a frame, from an hour after some beginning.
    fn nanos(frame: u64) -> u64 {
        3_600_000_000_000 + frame * 1_000_000_000 / u64::from(RATE.hertz())
    }

    /// What every device played since the last callback goes in.
    fn play(&mut self) {
        let spacing = 1_000_000_000 / EVENTS_PER_SECOND;
        let (since, until) = (Stage::nanos(self.frame - BLOCK as u64), Stage::nanos(self.frame));
        for (device, inlet) in self.inlets.iter_mut().enumerate() {
            // The devices are not in step.
            let phase = device as u64 * 15_625;
            let mut number = (since - phase).div_ceil(spacing);
            while number * spacing + phase < until {
                let (key, is_strike) = ((number / 2 % 128) as u8, number.is_multiple_of(2));
                let bytes = [if is_strike { 0x90 } else { 0x80 }, key, 64];
                inlet.message(number * spacing + phase, &bytes);
                self.sent += 1;
                number += 1;
            }
        }
    }

    fn callback(&mut self) {
        {
            let _fence = guard::enter();
            let entry = HostTime(Stage::nanos(self.frame));
            self.renderer.render(BLOCK, &mut Silence { output_channels: 2 }, Some(entry));
        }
        self.frame += BLOCK as u64;
        let mut chunk = [0; 256];
        for outlet in &mut self.outlets {
            while outlet.receive(&mut chunk).is_some() {
                self.received += 1;
            }
        }
    }
}

fn devices(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("64 devices, 1,000 events/s each");
    let mut stage = Stage::new();
    group.bench_function("a callback of 64 frames (1,333 µs)", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            for _ in 0..iterations {
                stage.play();
                let begin = Instant::now();
                stage.callback();
                spent += begin.elapsed();
            }
            spent
        });
    });
    group.finish();
    // Ten seconds by the virtual clock.
    let mut stage = Stage::new();
    let (begin, end) = (Instant::now(), stage.frame + 10 * u64::from(RATE.hertz()));
    while stage.frame < end {
        stage.play();
        stage.callback();
    }
    let load = begin.elapsed().as_secs_f64() / 10.0;
    // What was played last is heard a block later.
    stage.callback();
    stage.callback();
    let snapshot = stage.handle.latest.read();
    println!(
        "64 devices × 1,000 events/s for 10 s: {} sent, {} received, {} late, {} dropped, {} deferred; {:.1} % of \
         real time",
        stage.sent,
        stage.received,
        snapshot.late_events,
        snapshot.dropped_events,
        snapshot.deferred_events,
        load * 100.0
    );
    assert_eq!((snapshot.late_events, snapshot.dropped_events), (0, 0));
    assert!(stage.sent >= 639_000, "{}", stage.sent);
    assert_eq!(stage.received, stage.sent);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = codec, monitor, devices
}
criterion_main!(benches);
