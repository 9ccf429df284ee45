//! A WAV of anything: as many frames as it says, at any rate, or an error with
//! its place.
#![no_main]

use antiphon::feed::wav::WavInput;
use antiphon::unit::SampleRate;
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

/// One file per process, in memory where the system has such a place.
static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("antiphon-fuzz-{}", std::process::id()))
});

/// Reading further would only cost time.
const FRAMES_AT_MOST: u64 = 100_000;

fuzz_target!(|data: &[u8]| {
    std::fs::write(&*PATH, data).expect("there is room");
    for hertz in [48_000, 44_100] {
        let rate = SampleRate::new(hertz).expect("a common rate");
        let Ok(mut input) = WavInput::open(&PATH, rate) else { continue };
        let mut channels = vec![Vec::new(); input.channels() + 1];
        let mut read = 0;
        while read < input.frames().min(FRAMES_AT_MOST) {
            let Ok(frames) = input.read(511, &mut channels) else { break };
            assert!(frames > 0, "it stands still at frame {read} of {}", input.frames());
            assert!(channels.iter().all(|channel| channel.len() == frames));
            assert!(channels.iter().flatten().all(|sample| sample.is_finite()));
            read += frames as u64;
        }
    }
    let _ = std::fs::remove_file(&*PATH);
});
