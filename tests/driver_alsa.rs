//! The ALSA driver alone, on a machine without a card: over the plugin that
//! leads to a real PulseAudio server.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use antiphon::device::audio::{self, AudioRequest, Callback, CallbackStats, DriverChoice};
use antiphon::rt::{baton::Baton, guard};
use antiphon::unit::SampleRate;
use support::program::wait_for;
use support::pulse::PulseServer;

const SOON: Duration = Duration::from_secs(10);

/// One test, because the library finds its settings by the environment.
#[test]
fn it_runs_by_auto_resamples_and_a_dead_plugin_is_a_fault_that_costs_nothing() {
    let Some(mut pulse) = PulseServer::start(48_000) else { return };
    let home = tempfile::tempdir().unwrap();
    let settings = format!("pcm.!default {{ type pulse server \"{}\" }}\n", pulse.address());
    std::fs::write(home.path().join(".asoundrc"), settings).unwrap();
    // SAFETY: the only test of this binary, before any other thread reads it.
    unsafe {
        std::env::set_var("HOME", home.path());
        std::env::remove_var("PULSE_SERVER");
        std::env::remove_var("XDG_RUNTIME_DIR");
        std::env::set_var("JACK_DEFAULT_SERVER", "antiphon-none");
    }
    guard::make_fatal();

    let rate = Some(SampleRate::new(44_100).unwrap());
    let request =
        AudioRequest { rate, block_frames: Some(512), input_channels: 1, ..AudioRequest::default() };
    let mut opened = audio::open(&request).unwrap();
    println!("{:?} {:?}", opened.refused, opened.driver.info());
    if opened.driver.info().driver == "null" {
        println!("skipped: ALSA has no PulseAudio plugin here");
        return;
    }
    assert_eq!(opened.refused.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["jack", "pulse"]);
    let info = opened.driver.info().clone();
    assert_eq!((info.driver, info.rate.hertz()), ("alsa", 44_100));
    let stats = Arc::new(CallbackStats::new(info.rate));
    opened.driver.start(Callback::new(Arc::new(Baton::empty()), Arc::clone(&stats)), Vec::new()).unwrap();
    wait_for("half a second of callbacks", SOON, || (stats.report().frames > 22_050).then_some(()));
    assert_eq!(opened.driver.fault(), None, "{:?}", stats.report());
    println!("{:?}", stats.report());
    assert_eq!(guard::violations(), 0);

    pulse.server.kill();
    let fault = wait_for("the fault", SOON, || opened.driver.fault());
    println!("{fault:?}");
    let begin = Instant::now();
    opened.driver.stop();
    println!("stopped after {:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(5));

    let gone = AudioRequest { driver: DriverChoice::Alsa, ..request.clone() };
    println!("{}", audio::open(&gone).map(|_| ()).unwrap_err());
    let fallback = audio::open(&request).unwrap();
    assert_eq!(fallback.driver.info().driver, "null");
    assert_eq!(fallback.refused.len(), 3);
}
