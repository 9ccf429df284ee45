//! A gig on a real JACK server, with keys and sound from another client, from its
//! log: the same bytes.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use support::gig::{PROGRAM, is_the_same, play};
use support::jack::JackServer;
use support::play::SOON;
use support::program::wait_for;

/// A client that plays notes and noise.
struct Gear {
    noise: jack::Port<jack::AudioOut>,
    keys: jack::Port<jack::MidiOut>,
    seed: u32,
    periods: u32,
}

impl jack::ProcessHandler for Gear {
    fn process(&mut self, _: &jack::Client, scope: &jack::ProcessScope) -> jack::Control {
        for sample in self.noise.as_mut_slice(scope) {
            self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = (self.seed >> 8) as f32 / (1 << 26) as f32 - 0.125;
        }
        self.periods += 1;
        let key = 40 + (self.periods / 8 % 30) as u8;
        let (time, bytes) = match self.periods % 8 {
            1 => (self.periods % 61, [0x90, key, 90]),
            3 => (self.periods % 53, [0xe0, 0, 50 + key / 4]),
            5 => (self.periods % 59, [0x80, key, 0]),
            _ => return jack::Control::Continue,
        };
        let _ = self.keys.writer(scope).write(&jack::RawMidi { time, bytes: &bytes });
        jack::Control::Continue
    }
}

#[test]
fn live_keys_and_sound_xruns_and_a_server_that_dies_and_returns() {
    let Some(mut server) = JackServer::start("replay", 48_000, 128) else { return };
    // SAFETY: the only test of this binary, before any other thread reads it.
    unsafe { std::env::set_var("JACK_DEFAULT_SERVER", &server.name) };
    let gear = || {
        let (client, _) = jack::Client::new("gear", jack::ClientOptions::NO_START_SERVER).unwrap();
        let noise = client.register_port("noise", jack::AudioOut::default()).unwrap();
        let keys = client.register_port("keys", jack::MidiOut::default()).unwrap();
        client.activate_async((), Gear { noise, keys, seed: 1, periods: 0 }).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let arguments = [
        "--driver",
        "jack",
        "--inject",
        "lead:panic@1",
        "--inject",
        "bass:stall:40@1.5",
        "--inject",
        "room:hang@2",
    ];
    let gig = play(server.client(PROGRAM), folder, &arguments);
    let patched = |server: &JackServer| {
        server.connect("gear:noise", "antiphon:in_1");
        server.connect("gear:keys", "antiphon:keys");
    };
    let client = gear();
    patched(&server);
    let frames = || std::fs::metadata(folder.join("live.wav")).unwrap().len() / 8;
    wait_for("three seconds", SOON, || (frames() > 3 * 48_000).then_some(()));
    server.server.kill();
    wait_for("the null clock", SOON, || gig.said().contains("playing goes on without").then_some(()));
    drop(client);
    server.restart();
    wait_for("the device's return", SOON, || gig.said().contains("is back and plays").then_some(()));
    let client = gear();
    patched(&server);
    let before = frames();
    wait_for("two seconds more", SOON, || (frames() > before + 2 * 48_000).then_some(()));
    let played = gig.stop();
    drop(client);
    assert!(played["xruns"].as_u64().unwrap() > 0, "{played}");
    let replayed = is_the_same(folder, &played);
    assert!(replayed["peak_voices"].as_u64().unwrap() > 0, "{replayed}");
}
