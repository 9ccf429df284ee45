//! The PulseAudio driver alone, at a real server.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use antiphon::device::audio::{
    self, AudioRequest, Callback, CallbackStats, Direction, DriverChoice, FaultKind, System,
};
use antiphon::rt::{baton::Baton, guard};
use antiphon::unit::SampleRate;
use support::program::wait_for;
use support::pulse::PulseServer;

const SOON: Duration = Duration::from_secs(10);

/// One test, because the server is found by the environment of the process.
#[test]
fn it_runs_lists_resamples_and_a_killed_server_is_a_fault() {
    let Some(mut pulse) = PulseServer::start(44_100) else { return };
    // SAFETY: the only test of this binary, before any other thread reads it.
    unsafe {
        std::env::set_var("PULSE_SERVER", pulse.address());
        std::env::set_var("XDG_RUNTIME_DIR", pulse.folder());
        std::env::set_var("HOME", pulse.folder());
        std::env::set_var("JACK_DEFAULT_SERVER", "antiphon-none");
    }
    guard::make_fatal();

    let devices = audio::list_system(System::Pulse).unwrap();
    let sink = devices.iter().find(|device| device.direction == Direction::Output).unwrap();
    assert_eq!(sink.id, "nsink");
    assert!(sink.rates_hertz.contains(&48_000), "{sink:?}");

    let request = AudioRequest { block_frames: Some(1_024), ..AudioRequest::default() };
    let mut opened = audio::open(&request).unwrap();
    assert_eq!(opened.refused.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["jack"]);
    let info = opened.driver.info().clone();
    println!("{info:?}");
    assert_eq!((info.driver, info.rate.hertz(), info.output_channels), ("pulse", 44_100, 2));
    let stats = Arc::new(CallbackStats::new(info.rate));
    let baton = Arc::new(Baton::empty());
    opened.driver.start(Callback::new(Arc::clone(&baton), Arc::clone(&stats)), Vec::new()).unwrap();
    wait_for("half a second of callbacks", SOON, || (stats.report().frames > 22_050).then_some(()));
    assert_eq!(opened.driver.fault(), None);
    println!("{:?}", stats.report());
    let inputs = pulse.client("pactl").args(["list", "sink-inputs"]).output().unwrap();
    let inputs = String::from_utf8_lossy(&inputs.stdout).into_owned();
    assert!(inputs.contains("44100Hz"), "{inputs}");
    opened.driver.stop();

    let named =
        AudioRequest { driver: DriverChoice::Pulse, device: Some("no such".into()), ..request.clone() };
    let refused = audio::open(&named).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("no such") && refused.contains("antiphon devices"), "{refused}");

    let fast = AudioRequest {
        driver: DriverChoice::Pulse,
        device: Some("NSINK".into()),
        rate: Some(SampleRate::new(96_000).unwrap()),
        input_channels: 1,
        ..request.clone()
    };
    let mut opened = audio::open(&fast).unwrap();
    let info = opened.driver.info().clone();
    println!("{info:?}");
    assert_eq!(info.rate.hertz(), 96_000);
    let stats = Arc::new(CallbackStats::new(info.rate));
    opened.driver.start(Callback::new(baton, Arc::clone(&stats)), Vec::new()).unwrap();
    wait_for("half a second of callbacks", SOON, || (stats.report().frames > 48_000).then_some(()));
    assert_eq!(guard::violations(), 0);

    pulse.server.kill();
    let fault = wait_for("the fault", SOON, || opened.driver.fault());
    println!("{fault:?}");
    assert!(matches!(fault.kind, FaultKind::ServerGone | FaultKind::StreamInvalid | FaultKind::DeviceGone));
    let begin = Instant::now();
    opened.driver.stop();
    println!("stopped after {:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(5));
}
