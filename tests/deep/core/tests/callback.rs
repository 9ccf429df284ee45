//! The Renderer behind the fence, as a driver runs it, with everything that a
//! musician can do to it at once: for RealtimeSanitizer, which ends the process
//! at the first lock, wait or system call, and for the other sanitizers.
#![cfg(not(loom))]

use antiphon::render::{
    Command, Feed, Injected, Injection, Interleaved, Notice, Origin, RendererSettings, TimeBase, inlet, log,
    renderer, tap,
};
use antiphon::rig::Deployment;
use antiphon::rt::guard;
use antiphon::stage::Kinds;
use antiphon::unit::SampleRate;

const RIG: &str = include_str!("everything.toml");

fn kinds() -> Kinds {
    let mut kinds = Kinds::empty();
    antiphon::instrument::register(&mut kinds);
    antiphon::stage::register(&mut kinds);
    kinds
}

/// A parcel's way there and back, commands, scenes, a storm of notes from several sources, a
/// recording, the log, stages that fail, and callbacks of uneven lengths.
#[test]
fn everything_at_once_stays_inside_the_fence() {
    const CALLBACKS: u32 = 1_500;
    let rate = SampleRate::new(48_000).expect("a common rate");
    let rigs =
        [RIG.to_owned(), RIG.replace("transpose = 12", "transpose = -5").replace("\"reverb\"", "\"gain\"")];
    let mut rigs = rigs.iter().map(|text| antiphon::rig::parse(text, &kinds()).expect("a good rig")).cycle();

    let (mut renderer, mut handle, ..) = renderer(RendererSettings { rate, midi_latency_frames: 0 });
    let (mut deployment, mut swap) =
        Deployment::first(rigs.next().expect("the first"), rate, 1).expect("it deploys");
    let (mut keys, source) = inlet(TimeBase::Frames);
    let port = deployment.port_of("keys").expect("it is in the rig");
    swap.sources.push((0, Some(Box::new(Feed { port, origin: Origin::Live(source) }))));
    // A second piece of gear, faster than any wire.
    let (mut storm, source) = inlet(TimeBase::Frames);
    swap.sources.push((1, Some(Box::new(Feed { port, origin: Origin::Live(source) }))));
    assert!(handle.swaps.lend(Box::new(swap)).is_ok());

    // Both are too small for the whole of it: what is lost must cost nothing either.
    let (log, mut logged) = log(256 << 10, true);
    renderer.keep_log(Box::new(log));
    let (recording, mut recorded) = tap(2, 4_096);
    renderer.record(Box::new(recording), None);
    let mut place = vec![0_u8; 64 << 10];
    let mut samples = vec![0.0_f32; 2 * 512];
    let (mut read_bytes, mut read_frames, mut scenes, mut faults) = (0, 0, 0, 0);

    let mut output = vec![0.0_f32; 2 * 512];
    let mut peak = 0.0_f32;
    let mut swaps = 0;
    for callback in 0..CALLBACKS {
        let now = renderer.frame();
        let key = |callback: u32| 24 + (callback * 7 % 84) as u8;
        keys.message(now, &[0x90, key(callback), 100]);
        keys.message(now + 3, &[0xe0, 0, (callback % 128) as u8]);
        keys.message(now + 5, &[0xb0, 64, (callback % 128) as u8]);
        keys.message(now + 9, &[0x80, key(callback.saturating_sub(9)), 64]);
        for number in 0..40 {
            storm.message(now + number, &[0xb1, [1, 7, 74, 11][number as usize % 4], (callback % 128) as u8]);
        }
        if callback % 90 == 45 {
            keys.message(now, &[0xc0, 1 + (callback / 90 % 2) as u8]);
            storm.sysex(now, &[&[0xf0][..], &[7; 300], &[0xf7]].concat(), true, true);
            storm.reset(now + 41);
        }
        if callback % 400 == 250 {
            // The string is never rebuilt here: it stays silent, which must cost nothing.
            let node = deployment.node_of("string").expect("it is in both rigs");
            let _ = handle.commands.send(Command::Inject(Injection {
                node,
                what: Injected::NotFinite,
                frame: now,
            }));
        }
        if callback % 50 == 0 {
            let lead = deployment.node_of("lead").expect("it is in both rigs");
            let _ = handle.commands.send(Command::Parameter { node: lead, index: 1, value: 900.0 });
            let _ = handle.commands.send(Command::Master { decibels: -3.0 });
        }
        if callback % 200 == 199 && deployment.is_settled() {
            let change = deployment.change(rigs.next().expect("for ever")).expect("it deploys");
            for command in change.commands {
                let _ = handle.commands.send(command);
            }
            swaps += u32::from(handle.swaps.lend(Box::new(change.swap)).is_ok());
        }
        let frames = [64, 17, 512, 1, 128][callback as usize % 5];
        let out = &mut output[..2 * frames];
        {
            let _fence = guard::enter();
            let mut ports = Interleaved { input: &[], input_channels: 0, output: out, output_channels: 2 };
            renderer.render(frames, &mut ports, None);
        }
        peak = out.iter().fold(peak, |peak, sample| peak.max(sample.abs()));
        while handle.swaps.collect().is_some() {}
        while let Some(notice) = handle.notices.receive() {
            scenes += u32::from(matches!(notice, Notice::Scene { .. }));
            faults += u32::from(matches!(notice, Notice::Fault(_)));
        }
        if callback % 3 == 0 {
            read_bytes += logged.read(&mut place);
            read_frames += recorded.read(&mut samples);
        }
    }
    assert!(scenes > 10 && faults > 0, "{scenes} scenes, {faults} faults");
    assert!(read_bytes > 100_000 && read_frames > 10_000, "{read_bytes} bytes, {read_frames} frames");
    assert!(peak > 0.01, "it played nothing: {peak}");
    assert!(swaps > 0, "no rig was exchanged");
    assert_eq!(guard::violations(), 0);
}
