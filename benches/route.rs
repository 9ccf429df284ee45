//! What an event costs on its way along a cable, with each thing a cable can do.
//!
//! 256 messages a quantum go from a source to gear. Prints nanoseconds of this
//! thread's own time for each: all the way through the Renderer, and of that what
//! the cable adds to the same messages that find no cable. The least of 15 runs, so
//! that other programs count little.

use std::time::Duration;

use antiphon::engine::kinds;
use antiphon::midi::{Event, Message};
use antiphon::render::{Feed, Origin, RendererSettings, Score, Silence, outlet, renderer};
use antiphon::rig::{Deployment, parse};
use antiphon::rt::guard;
use antiphon::unit::{QUANTUM_FRAMES, SampleRate};

const RATE: SampleRate = SampleRate::DEFAULT;
const EVENTS: usize = 256;
const RUNS: usize = 15;
const QUANTA: usize = 400;

/// What is measured: its name, the cable's keys, and whether controllers go along it.
const CABLES: &[(&str, &str, bool)] = &[
    ("plain, notes", "", false),
    ("plain, controllers", "", true),
    ("from_channel", "from_channel = [1, 2]", false),
    ("keys", "keys = 'C-1..C7'", false),
    ("velocities", "velocities = '1..100'", false),
    ("transpose", "transpose = 1", false),
    ("velocity", "velocity = 'soft'", false),
    ("channel", "channel = 3", false),
    ("only", "only = ['notes', 'clock']", false),
    ("without", "without = ['clock']", false),
    ("notes", "notes = ['C', 'C#', 'D', 'E', 'F', 'G', 'A', 'B']", false),
    ("scale", "scale = 'A minor'", false),
    ("key_fade", "keys = 'C1..C7'\nkey_fade = 12", false),
    ("velocity_fade", "velocities = '5..120'\nvelocity_fade = 20", false),
    ("channel_map", "channel_map = [[1, 2], [2, 1]]", false),
    ("controllers", "controllers = [{ from = 1, to = 74, range = [20, 110] }]", true),
    ("limit, not reached", "limit = 1000", false),
    ("delay of two repeats", "delay = { time = 0.001, repeats = 2 }", false),
    ("arpeggiator", "arpeggiator = { rate = '1/64' }", false),
];

fn rig(keys: Option<&str>) -> String {
    let ends = "[midi.keys]\nin = '*'\n[midi.gear]\nout = '*'\n";
    // Without a cable of its own its messages end at the port.
    let other = "[midi.other]\nin = '*'\n";
    match keys {
        Some(keys) => format!("{ends}{other}[[cable]]\nfrom = 'keys'\nto = 'gear'\n{keys}\n"),
        None => format!("{ends}{other}[[cable]]\nfrom = 'other'\nto = 'gear'\n"),
    }
}

/// A strike and its release, in turn; or controllers.
fn messages(are_controllers: bool) -> Vec<Event> {
    let message = |n: usize| {
        let key = 24 + (n / 2 % 72) as u8;
        match (are_controllers, n % 2) {
            (true, _) => Message::ControlChange { channel: 0, controller: 1, value: (n % 128) as u8 },
            (false, 0) => Message::NoteOn { channel: 0, key, velocity: 64 },
            (false, _) => Message::NoteOff { channel: 0, key, velocity: 64 },
        }
    };
    (0..EVENTS).map(|n| Event::midi((n * QUANTUM_FRAMES / EVENTS) as u64, 0, message(n))).collect()
}

/// Time of one message, in nanoseconds.
fn measure(text: &str, events: Vec<Event>) -> f64 {
    let rig = parse(text, &kinds()).unwrap_or_else(|problems| panic!("{problems:?}"));
    let (deployment, mut swap) = Deployment::first(rig, RATE, 1).expect("it can be built");
    let port = |name| deployment.port_of(name).expect("a port of the rig");
    let (sink, mut gear) = outlet();
    let score = Score::new(events.into(), Box::default()).repeating(QUANTUM_FRAMES as u64);
    let feed = Feed { port: port("keys"), origin: Origin::Score(score) };
    swap.sources.push((0, Some(Box::new(feed))));
    swap.sinks.push((port("gear"), Some(Box::new(sink))));
    let (mut renderer, mut handle, _clock) =
        renderer(RendererSettings { rate: RATE, midi_latency_frames: 0 });
    assert!(handle.swaps.lend(Box::new(swap)).is_ok());
    let mut chunk = [0; 256];
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let mut spent = Duration::ZERO;
        for _ in 0..QUANTA {
            let begin = own_time();
            {
                let _fence = guard::enter();
                renderer.render(QUANTUM_FRAMES, &mut Silence { output_channels: 2 }, None);
            }
            spent += own_time() - begin;
            while gear.receive(&mut chunk).is_some() {}
        }
        best = best.min(spent);
    }
    best.as_secs_f64() * 1.0e9 / (QUANTA * EVENTS) as f64
}

/// How long this thread has run so far.
#[cfg(unix)]
fn own_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes the time to a valid place.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Where a thread's own time is not told, the time that passed.
#[cfg(not(unix))]
fn own_time() -> Duration {
    static BEGIN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGIN.elapsed()
}

fn main() {
    let nothing = measure(&rig(None), Vec::new());
    let uncabled = [false, true].map(|controllers| measure(&rig(None), messages(controllers)));
    println!("an empty quantum      {:8.1} ns", nothing * EVENTS as f64);
    println!("{:<22}{:>11}{:>11}", "", "all, ns", "cable, ns");
    println!("{:<22}{:>11.1}{:>11}", "no cable, notes", uncabled[0] - nothing, "-");
    for (name, keys, controllers) in CABLES {
        let all = measure(&rig(Some(keys)), messages(*controllers));
        let [all, cable] = [all - nothing, all - uncabled[usize::from(*controllers)]];
        println!("{name:<22}{all:>11.1}{cable:>11.1}");
    }
}
