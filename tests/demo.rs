//! What plays when nothing is plugged in and no rig is named: it sounds all the
//! time, loud enough and not too loud, and ends.

use antiphon::engine;
use antiphon::feed::demo;
use antiphon::midi::file;
use antiphon::render::{Feed, Origin, Planar, RendererSettings, Score, renderer};
use antiphon::rig::{self, Deployment};
use antiphon::unit::SampleRate;

/// Half the usual rate: levels are the same, and it takes half as long.
const RATE: u32 = 24_000;
/// A bar of 4/4 at 96 beats a minute.
const BAR_FRAMES: usize = RATE as usize * 5 / 2;

#[test]
fn the_demo_sounds_in_every_bar_and_never_meets_the_limiter() {
    let rate = SampleRate::new(RATE).expect("a rate");
    let rig = rig::parse(engine::BUILT_IN_RIG, &engine::kinds()).expect("the built-in rig");
    let (deployment, mut swap) = Deployment::first(rig, rate, 0).expect("it can be built");
    let piece = file::Score::read(&demo::piece()).expect("the demo").at(rate, 64);
    let bars = piece.end_frame as usize / BAR_FRAMES;
    let port = deployment.port_of("keys").expect("it has keys");
    let score = Score::new(piece.events, piece.sysex);
    swap.sources.push((64, Some(Box::new(Feed { port, origin: Origin::Score(score) }))));
    let (mut renderer, mut handle, _clock) = renderer(RendererSettings { rate, midi_latency_frames: 0 });
    assert!(handle.swaps.lend(Box::new(swap)).is_ok());

    let [mut left, mut right] = [vec![0.0; BAR_FRAMES], vec![0.0; BAR_FRAMES]];
    let mut bar_decibels = || {
        renderer.render(BAR_FRAMES, &mut Planar { inputs: &[], outputs: &mut [&mut left, &mut right] }, None);
        let power = |channel: &[f32]| channel.iter().map(|s| s * s).sum::<f32>() / BAR_FRAMES as f32;
        10.0 * (0.5 * (power(&left) + power(&right)) + 1e-30).log10()
    };
    for bar in 0..bars {
        let level = bar_decibels();
        assert!((-30.0..-12.0).contains(&level), "bar {bar}: {level} dB");
    }
    bar_decibels();
    bar_decibels();
    assert!(bar_decibels() < -60.0, "it ends");
    let seen = handle.latest.read();
    assert_eq!((seen.limited_frames, seen.dropped_events, seen.voices), (0, 0, 0));
    assert!((12..=64).contains(&seen.peak_voices), "{}", seen.peak_voices);
}
