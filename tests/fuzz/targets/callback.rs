//! Any MIDI at any frame into instruments and effects, in callbacks of any
//! length: what comes out is a number, and nothing allocates.
#![no_main]

use antiphon::midi::codec::{Parsed, Parser};
use antiphon::render::{Feed, Interleaved, Notice, Origin, RendererSettings, TimeBase, inlet, renderer};
use antiphon::rig::{Deployment, Rig};
use antiphon::rt::guard;
use antiphon::stage::Kinds;
use antiphon::unit::SampleRate;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../../deep/core/tests/everything.toml");

static RIG: LazyLock<Rig> = LazyLock::new(|| {
    let mut kinds = Kinds::empty();
    antiphon::instrument::register(&mut kinds);
    antiphon::stage::register(&mut kinds);
    antiphon::rig::parse(TEXT, &kinds).expect("the seed is a good rig")
});

/// Keeps one run to a few milliseconds.
const FRAMES_AT_MOST: u64 = 8_192;

fuzz_target!(|data: &[u8]| {
    let rate = SampleRate::new(8_000).expect("the lowest rate");
    let (mut renderer, mut handle, ..) = renderer(RendererSettings { rate, midi_latency_frames: 0 });
    let (deployment, mut swap) = Deployment::first(RIG.clone(), rate, 1).expect("it deploys");
    let (mut keys, source) = inlet(TimeBase::Frames);
    let port = deployment.port_of("keys").expect("it is in the rig");
    swap.sources.push((0, Some(Box::new(Feed { port, origin: Origin::Live(source) }))));
    assert!(handle.swaps.lend(Box::new(swap)).is_ok());

    let mut parser = Parser::new();
    let mut output = vec![0.0_f32; 2 * 512];
    // Each line is a length, a delay, and bytes that arrive after it.
    for line in data.chunks(16) {
        let [length, delay, bytes @ ..] = line else { break };
        let now = renderer.frame();
        parser.feed(bytes, |parsed| match parsed {
            Parsed::Message(bytes) => keys.message(now + u64::from(*delay), bytes),
            Parsed::Sysex { bytes, first, last } => keys.sysex(now, bytes, first, last),
        });
        let frames = usize::from(*length) * 2 + 1;
        let out = &mut output[..2 * frames];
        {
            let _fence = guard::enter();
            let mut ports = Interleaved { input: &[], input_channels: 0, output: out, output_channels: 2 };
            renderer.render(frames, &mut ports, None);
        }
        assert!(out.iter().all(|sample| sample.abs() <= 1.0), "{out:?}");
        // A processor that failed on MIDI is a bug that the fault edge hides.
        if let Some(Notice::Fault { .. }) = handle.notices.receive() {
            panic!("a processor failed");
        }
        if renderer.frame() > FRAMES_AT_MOST {
            break;
        }
    }
    assert_eq!(guard::violations(), 0);
});
