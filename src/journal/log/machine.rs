//! What a log says of the machine that wrote it.

use std::fs::File;
use std::io::{self, Read};
use std::time::{SystemTime, UNIX_EPOCH};

use super::entry::Entry;

/// The vector instructions that this build's signal path uses.
pub const fn simd() -> &'static str {
    if cfg!(target_feature = "avx512f") {
        "avx512"
    } else if cfg!(target_feature = "avx2") {
        "avx2"
    } else if cfg!(target_feature = "avx") {
        "avx"
    } else if cfg!(target_feature = "sse2") {
        "sse2"
    } else if cfg!(target_feature = "neon") {
        "neon"
    } else {
        "scalar"
    }
}

/// The processor's family, and what of it a program may choose to use.
pub(super) fn cpu() -> String {
    let mut words = vec![std::env::consts::ARCH];
    #[cfg(target_arch = "x86_64")]
    {
        let has = [
            ("sse4.1", std::is_x86_feature_detected!("sse4.1")),
            ("avx", std::is_x86_feature_detected!("avx")),
            ("avx2", std::is_x86_feature_detected!("avx2")),
            ("fma", std::is_x86_feature_detected!("fma")),
            ("avx512f", std::is_x86_feature_detected!("avx512f")),
        ];
        words.extend(has.iter().filter(|(_, has)| *has).map(|(word, _)| *word));
    }
    words.join(" ")
}

/// The program that runs, by its file; `None` where the system does not show it.
pub fn build() -> Option<Entry> {
    let mut file = File::open(std::env::current_exe().ok()?).ok()?;
    let (mut hasher, mut executable_bytes) = (crc32fast::Hasher::new(), 0);
    let mut part = vec![0; 1 << 16];
    loop {
        match file.read(&mut part) {
            Ok(0) => break,
            Ok(count) => {
                hasher.update(&part[..count]);
                executable_bytes += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(Entry::Build { executable_crc: hasher.finalize(), executable_bytes })
}

/// Seconds since 1970, by the system's clock.
pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
