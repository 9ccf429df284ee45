//! What a fault costs the callback it happens in, beside callbacks without one.
//!
//! Eight instruments play; one of them fails, is rebuilt and fails again, a
//! thousand times a kind. Prints microseconds of this thread's own time, which other
//! programs do not take part in; a panic or a NaN may cost 100.

use std::time::Duration;

use antiphon::actor::{Backoff, Window};
use antiphon::engine::{Conductor, Mending, kinds};
use antiphon::midi::{Event, Message};
use antiphon::render::{Feed, Injected, Injection, Origin, RendererSettings, Score, Silence};
use antiphon::rt::guard;
use antiphon::unit::SampleRate;

const RATE: SampleRate = SampleRate::DEFAULT;
const BLOCK: usize = 64;
const FAULTS: u64 = 1_000;
/// Longer than what is loud may be, the back-off and the fade in.
const APART_FRAMES: u64 = 7_200;

fn rig() -> antiphon::rig::Rig {
    let mut text = String::from("[midi.keys]\nin = \"*\"\n");
    for n in 0..8 {
        let preset = ["organ", "gm"][n % 2];
        text += &format!(
            "[instrument.i{n}]\nkind = \"synth\"\npreset = \"{preset}\"\ngain = -12\n\
             [[cable]]\nfrom = \"keys\"\nto = \"i{n}\"\n[[cable]]\nfrom = \"i{n}\"\nto = \"out\"\n"
        );
    }
    antiphon::rig::parse(&text, &kinds()).expect("the rig is valid")
}

/// Notes that begin and end all the time.
fn notes() -> Score {
    let events = (0..8_u64).flat_map(|n| {
        let key = 48 + 5 * n as u8;
        let on = Message::NoteOn { channel: 0, key, velocity: 100 };
        let off = Message::NoteOff { channel: 0, key, velocity: 64 };
        [(n * 1_500, on), (n * 1_500 + 6_000, off)]
    });
    let mut events: Vec<Event> = events.map(|(time, message)| Event::midi(time, 0, message)).collect();
    events.sort_by_key(|event| event.time);
    Score::new(events.into(), Box::default()).repeating(20_000)
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

struct Times {
    quiet: Vec<Duration>,
    faulty: Vec<Duration>,
}

fn play(what: Option<Injected>) -> Times {
    let settings = RendererSettings { rate: RATE, midi_latency_frames: 0 };
    let (mut renderer, mut conductor) = Conductor::new(rig(), settings, 1, |deployment, swap| {
        let port = deployment.port_of("keys").expect("the rig has keys");
        swap.sources.push((0, Some(Box::new(Feed { port, origin: Origin::Score(notes()) }))));
    })
    .expect("it can be built");
    conductor.set_mending(Mending {
        backoff: Backoff { factor: 1.0, ..Backoff::default() },
        window: Window { restarts: u32::MAX, within: Duration::ZERO },
        ..Mending::default()
    });
    let node = conductor.deployment().node_of("i3").expect("an instrument");
    conductor.inject(
        what.into_iter().flat_map(|what| {
            (1..=FAULTS).map(move |n| Injection { node, what, frame: n * APART_FRAMES + 7 })
        }),
    );
    let mut times = Times { quiet: Vec::new(), faulty: Vec::new() };
    let mut seen = 0;
    let end = (FAULTS + 1) * APART_FRAMES;
    while renderer.frame() < end {
        let elapsed = {
            let _fence = guard::enter();
            let begin = own_time();
            renderer.render(BLOCK, &mut Silence { output_channels: 2 }, None);
            own_time() - begin
        };
        conductor.attend();
        let faults = conductor.faults().len();
        if faults > seen { &mut times.faulty } else { &mut times.quiet }.push(elapsed);
        seen = faults;
    }
    let summary = conductor.summary();
    assert_eq!(summary.rt_violations, 0, "{summary:?}");
    if what.is_some() {
        println!(
            "           {} faults, {} restarts, {} fault allocations, 0 violations",
            summary.faults.len(),
            summary.restarts,
            summary.fault_allocations
        );
    }
    times
}

fn show(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| {
        let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(index).map_or(0.0, |time| time.as_nanos() as f64 / 1_000.0)
    };
    println!(
        "{name:<22}{:>8} callbacks   median {:>7.1}   99 % {:>7.1}   99.9 % {:>7.1}   longest {:>7.1} µs",
        times.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

fn main() {
    show("without faults", play(None).quiet);
    for (name, what) in [("panic", Injected::Panic), ("nan", Injected::NotFinite), ("loud", Injected::Loud)] {
        let Times { quiet, faulty } = play(Some(what));
        show(&format!("{name}, others"), quiet);
        show(&format!("{name}, faulty"), faulty);
    }
}
