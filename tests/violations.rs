//! The counting allocator: whatever happens to a player, its callback allocates and frees
//! nothing; and what is planted is counted, allocation and free, in a processor and at a
//! driver's edge.
#![cfg(unix)]

mod support;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use antiphon::device::audio::{Callback, CallbackStats, Edge};
use antiphon::engine::Conductor;
use antiphon::render::{Renderer, RendererSettings, Silence};
use antiphon::rt::baton::Baton;
use antiphon::rt::guard;
use antiphon::stage::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, Role, Settings, Status, StreamFormat,
};
use antiphon::unit::{Frame, SampleRate};

use support::gig::PROGRAM;
use support::jack::JackServer;
use support::whole::whole_gig;

#[test]
fn a_whole_gig_and_its_replay_allocate_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    whole_gig(Command::new(PROGRAM), folder, "null", |_| {});
    let replayed = support::gig::replay(folder, &[]);
    assert_eq!(replayed["rt_violations"], 0, "{replayed}");
    assert!(replayed["frames"].as_u64().is_some_and(|frames| frames > 200_000), "{replayed}");
}

#[test]
fn a_device_that_is_lost_allocates_nothing() {
    let Some(mut jack) = JackServer::start("violations", 48_000, 256) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = jack.client(PROGRAM);
    command.env("JACK_NO_START_SERVER", "1");
    // What it asserts of the whole gig holds beyond the server's end.
    whole_gig(command, folder.path(), "jack", |_| jack.server.kill());
}

/// What is planted: an allocation, or a free, of a byte.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Planted {
    Nothing,
    Allocation,
    Free,
}

/// Made outside, to be freed inside.
static WAITING: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());

impl Planted {
    fn prepare(self) {
        if self == Planted::Free {
            WAITING.store(Box::into_raw(Box::new(7)), Ordering::Relaxed);
        }
    }

    fn happen(self) {
        match self {
            Planted::Nothing => {}
            Planted::Allocation => std::mem::forget(std::hint::black_box(Box::new(7_u8))),
            Planted::Free => {
                let waiting = WAITING.swap(std::ptr::null_mut(), Ordering::Relaxed);
                if !waiting.is_null() {
                    // SAFETY: it came from a box, and nobody else has it any more.
                    drop(unsafe { Box::from_raw(waiting) });
                }
            }
        }
    }
}

struct Stage(Planted);

impl Kind for Stage {
    fn name(&self) -> &'static str {
        "planted"
    }

    fn role(&self) -> Role {
        Role::Stage
    }

    fn summary(&self) -> &'static str {
        "for tests"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }

    fn prepare(&self, _: &Settings, _: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        Ok(Box::new(Stage(self.0)))
    }
}

impl Processor for Stage {
    fn reset(&mut self) {}

    fn process(&mut self, _: &Context<'_>, _: Input<'_>, _: &mut Block<'_>) -> Status {
        self.0.happen();
        Status::Active
    }
}

impl Edge for Stage {
    fn before(&mut self, _: &mut Renderer) {
        self.0.happen();
    }

    fn after(&mut self, _: Frame, _: usize, _: &Renderer) {}

    fn absent(&mut self) {}
}

/// Violations of one callback of a driver.
fn counted(in_processor: Planted, at_edge: Planted) -> u64 {
    let mut kinds = antiphon::engine::kinds();
    kinds.register(Stage(in_processor));
    let text = "[stage.one]\nkind = \"planted\"\n[[cable]]\nfrom = \"one\"\nto = \"out\"\n";
    let rig = antiphon::rig::parse(text, &kinds).expect("the rig is valid");
    let rate = SampleRate::DEFAULT;
    let settings = RendererSettings { rate, midi_latency_frames: 0 };
    let (renderer, _conductor) = Conductor::new(rig, settings, 0, |_, _| {}).expect("it can be built");
    let mut callback = Callback::new(Arc::new(Baton::new(renderer)), Arc::new(CallbackStats::new(rate)));
    in_processor.prepare();
    at_edge.prepare();
    let before = guard::violations();
    callback.run_with(32, &mut Silence { output_channels: 2 }, &mut Stage(at_edge));
    guard::violations() - before
}

#[test]
fn what_is_planted_is_counted_wherever_it_is() {
    use Planted::{Allocation, Free, Nothing};
    for (in_processor, at_edge, count) in [
        (Nothing, Nothing, 0),
        (Allocation, Nothing, 1),
        (Free, Nothing, 1),
        (Nothing, Allocation, 1),
        (Nothing, Free, 1),
        (Nothing, Nothing, 0),
    ] {
        assert_eq!(counted(in_processor, at_edge), count, "{in_processor:?} and {at_edge:?}");
    }
}
