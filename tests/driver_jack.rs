//! The JACK driver alone, at a real server: ports, wiring, death of the server.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use antiphon::device::audio::{self, AudioRequest, Callback, CallbackStats, DriverChoice, JackMidiPort};
use antiphon::render::{TimeBase, inlet, outlet};
use antiphon::rt::{baton::Baton, guard};
use support::jack::JackServer;
use support::program::wait_for;

const SOON: Duration = Duration::from_secs(10);

/// One test, because the server is found by the environment of the process.
#[test]
fn ports_are_named_wired_and_wired_again_and_a_killed_server_is_a_fault() {
    let Some(mut jack) = JackServer::start("driver", 48_000, 512) else { return };
    // SAFETY: the only test of this binary, before any other thread reads it.
    unsafe { std::env::set_var("JACK_DEFAULT_SERVER", &jack.name) };
    guard::make_fatal();

    let request = AudioRequest {
        driver: DriverChoice::Jack,
        output_channels: 2,
        input_channels: 1,
        client_name: "antiphon".into(),
        ..AudioRequest::default()
    };
    let mut opened = audio::open(&request).unwrap();
    let info = opened.driver.info().clone();
    assert_eq!((info.driver, info.rate.hertz(), info.block_frames), ("jack", 48_000, 512));

    let second = audio::open(&request).unwrap();
    assert_eq!(info.device, "antiphon");
    assert_ne!(second.driver.info().device, "antiphon");
    drop(second);

    let wrong_rate =
        AudioRequest { rate: Some(antiphon::unit::SampleRate::new(44_100).unwrap()), ..request.clone() };
    let refused = audio::open(&wrong_rate).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("48000") && refused.contains("44100"), "{refused}");

    let (inlet, _source) = inlet(TimeBase::Frames);
    let (_sink, outlet) = outlet();
    let keys = JackMidiPort {
        name: "keys".into(),
        input: Some(inlet),
        output: Some(outlet),
        in_pattern: Some("gear:*".into()),
        out_pattern: None,
        is_virtual: false,
        traffic: std::sync::Arc::default(),
    };
    let stats = Arc::new(CallbackStats::new(info.rate));
    let callback = Callback::new(Arc::new(Baton::empty()), Arc::clone(&stats));
    opened.driver.start(callback, vec![keys]).unwrap();
    wait_for("the first callbacks", SOON, || (stats.callbacks() > 10).then_some(()));
    let ports = jack.list(&[]);
    for port in ["out_1", "out_2", "in_1", "keys_in", "keys_out"] {
        assert!(ports.contains(&format!("antiphon:{port}")), "{port} in {ports:?}");
    }
    wait_for("wiring", SOON, || (jack.connections("antiphon:in_1").len() == 1).then_some(()));
    assert_eq!(jack.connections("antiphon:out_1"), ["system:playback_1"]);
    assert_eq!(jack.connections("antiphon:out_2"), ["system:playback_2"]);
    assert_eq!(jack.connections("antiphon:in_1"), ["system:capture_1"]);

    for _ in 0..2 {
        let (gear, _) = jack::Client::new("gear", jack::ClientOptions::NO_START_SERVER).unwrap();
        let _port = gear.register_port("keys", jack::MidiOut::default()).unwrap();
        let gear = gear.activate_async((), ()).unwrap();
        wait_for("gear's wiring", SOON, || {
            (jack.connections("antiphon:keys_in") == ["gear:keys"]).then_some(())
        });
        gear.deactivate().unwrap();
        wait_for("gear's leave", SOON, || jack.connections("antiphon:keys_in").is_empty().then_some(()));
    }
    assert_eq!(opened.driver.fault(), None);
    assert_eq!(guard::violations(), 0);

    jack.server.kill();
    let fault = wait_for("the fault", SOON, || opened.driver.fault());
    assert_eq!(fault.kind, audio::FaultKind::ServerGone);
    let begin = Instant::now();
    opened.driver.stop();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());

    let gone = audio::open(&request).map(|_| ()).unwrap_err().to_string();
    assert!(gone.contains("no server is running"), "{gone}");
    let fallback = audio::open(&AudioRequest { driver: DriverChoice::Auto, ..request }).unwrap();
    assert!(fallback.refused.iter().any(|(name, _)| *name == "jack"));
    println!("scheduling {}", stats.scheduling());
}
