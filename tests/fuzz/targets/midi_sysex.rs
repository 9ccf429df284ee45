//! Any bytes and SysEx of two devices through the codec, the inlets, the Renderer's
//! cables with all that they can do, to gear; and to the monitor. What arrives is
//! MIDI, each SysEx whole; nothing is late, grows, hangs or allocates in the callback.
#![no_main]

use antiphon::control::monitor::{Meter, View};
use antiphon::device::midi::listen::Heard;
use antiphon::midi::codec::{Parsed, Parser};
use antiphon::midi::registered::Registered;
use antiphon::midi::{Assembler, EventKind, Message, SYSEX_CHUNK_BYTES, SYSEX_LIMIT_BYTES};
use antiphon::render::{
    Feed, Interleaved, Notice, Origin, Outlet, RendererSettings, TimeBase, inlet, outlet, renderer,
};
use antiphon::rig::{Deployment, Rig};
use antiphon::rt::guard;
use antiphon::stage::Kinds;
use antiphon::unit::SampleRate;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const TEXT: &str = include_str!("cables.toml");
const GEAR: [&str; 2] = ["thru", "changed"];

static RIG: LazyLock<Rig> = LazyLock::new(|| {
    let mut kinds = Kinds::empty();
    antiphon::instrument::register(&mut kinds);
    antiphon::stage::register(&mut kinds);
    antiphon::rig::parse(TEXT, &kinds).expect("the rig of this target is good")
});

/// Keeps one run to a few milliseconds.
const FRAMES_AT_MOST: u64 = 8_192;
/// One line in so many bytes makes a SysEx longer than the file itself.
const LONG_BYTES: usize = 4_096;

/// What gear hears.
struct Gear {
    outlet: Outlet,
    assembler: Assembler,
    chunk: [u8; SYSEX_CHUNK_BYTES],
}

impl Gear {
    fn listen(&mut self, frame: u64) {
        while let Some(event) = self.outlet.receive(&mut self.chunk) {
            assert!(event.time < frame + FRAMES_AT_MOST, "{event:?} at {frame}");
            match event.kind() {
                Some(EventKind::Midi(_)) => {
                    let bytes = event.wire();
                    assert_eq!(bytes.len(), Message::length_of(bytes[0]), "{event:?}");
                    assert!(bytes[1..].iter().all(|byte| *byte < 0x80), "{event:?}");
                }
                Some(EventKind::Sysex { first, last, bytes }) => {
                    let part = &self.chunk[..(bytes as usize).min(SYSEX_CHUNK_BYTES)];
                    if let Some(whole) = self.assembler.chunk(event.source, part, first, last) {
                        assert!(whole.len() <= SYSEX_LIMIT_BYTES);
                        assert!(whole[1..whole.len() - 1].iter().all(|byte| *byte < 0x80));
                    }
                }
                Some(EventKind::Reset) => self.assembler.reset(event.source),
                other => panic!("{other:?} is not for gear"),
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let rate = SampleRate::new(8_000).expect("the lowest rate");
    let (mut renderer, mut handle, ..) = renderer(RendererSettings { rate, midi_latency_frames: 0 });
    let (deployment, mut swap) = Deployment::first(RIG.clone(), rate, 1).expect("it deploys");
    let mut devices = Vec::new();
    for (place, name) in ["one", "two"].into_iter().enumerate() {
        let (door, source) = inlet(TimeBase::Frames);
        let port = deployment.port_of(name).expect("it is in the rig");
        swap.sources.push((place as u16, Some(Box::new(Feed { port, origin: Origin::Live(source) }))));
        devices.push((door, Parser::new()));
    }
    let mut gear: Vec<Gear> = GEAR
        .iter()
        .map(|name| {
            let (sink, outlet) = outlet();
            let port = deployment.port_of(name).expect("it is in the rig");
            swap.sinks.push((port, Some(Box::new(sink))));
            Gear { outlet, assembler: Assembler::default(), chunk: [0; SYSEX_CHUNK_BYTES] }
        })
        .collect();
    assert!(handle.swaps.lend(Box::new(swap)).is_ok());
    let (mut meter, mut view, mut registered) =
        (Meter::new(0), View::new(data.len() % 2 == 0, true, &[]), Registered::new());
    let mut output = vec![0.0_f32; 2 * 512];
    // Each line is a head, a delay, and bytes that arrive after it.
    for line in data.chunks(20) {
        let [head, delay, bytes @ ..] = line else { break };
        let now = renderer.frame();
        let device = usize::from(head & 1);
        let (door, parser) = &mut devices[device];
        let long;
        let bytes = match (head & 6, bytes.first()) {
            (6, Some(byte)) => {
                long = [&[0xf0][..], &vec![byte & 0x7f; LONG_BYTES], bytes].concat();
                &long[..]
            }
            _ => bytes,
        };
        if head & 0x38 == 0x38 {
            parser.interrupt(|_| {});
            door.reset(now);
        }
        parser.feed(bytes, |parsed| {
            if let Some(line) = meter.observe(Heard { nanos: now, port: device as u16, content: Some(parsed) }) {
                view.line(&line);
            }
            match parsed {
                Parsed::Message(bytes) => {
                    let mut whole = [0; 3];
                    whole[..bytes.len()].copy_from_slice(bytes);
                    Message::decode(whole).map(|message| registered.observe(message));
                    door.message(now + u64::from(*delay), bytes);
                }
                Parsed::Sysex { bytes, first, last } => door.sysex(now, bytes, first, last),
            }
        });
        assert!(view.take().len() < 1 << 20);
        let frames = usize::from(*head) + 1;
        let out = &mut output[..2 * frames];
        {
            let _fence = guard::enter();
            let mut ports = Interleaved { input: &[], input_channels: 0, output: out, output_channels: 2 };
            renderer.render(frames, &mut ports, None);
        }
        for gear in &mut gear {
            gear.listen(renderer.frame());
        }
        if let Some(Notice::Fault { .. }) = handle.notices.receive() {
            panic!("a processor failed");
        }
        if renderer.frame() > FRAMES_AT_MOST {
            break;
        }
    }
    assert_eq!(guard::violations(), 0);
    assert!(meter.regularities(&[]).len() <= 256);
});
