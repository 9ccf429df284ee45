use hound::{SampleFormat, WavSpec, WavWriter};
use proptest::prelude::*;

use super::*;

fn rate(hertz: u32) -> SampleRate {
    SampleRate::new(hertz).expect("a rate of the engine")
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a place for files")
}

fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
    WavSpec { channels, sample_rate, bits_per_sample, sample_format }
}

/// A float file whose channel `c` has `sample(frame, c)`.
fn float_file(path: &Path, channels: u16, hertz: u32, frames: u64, sample: impl Fn(u64, u16) -> f32) {
    let mut writer = WavWriter::create(path, spec(channels, hertz, 32, SampleFormat::Float)).expect("a file");
    for frame in 0..frames {
        for channel in 0..channels {
            writer.write_sample(sample(frame, channel)).expect("room");
        }
    }
    writer.finalize().expect("room");
}

fn sine(seconds: f64) -> f32 {
    (0.5 * libm::sin(std::f64::consts::TAU * 1_000.0 * seconds)) as f32
}

/// The whole file, read in blocks of the given lengths in turn.
fn read_all(path: &Path, hertz: u32, blocks: &[usize]) -> Vec<Vec<f32>> {
    let mut wav = WavInput::open(path, rate(hertz)).expect("a good file");
    let (mut all, mut block) = (vec![Vec::new(); wav.channels()], vec![vec![9.0]; wav.channels()]);
    for &frames in blocks.iter().cycle() {
        let got = wav.read(frames, &mut block).expect("a good file");
        if got == 0 {
            break;
        }
        for (all, block) in all.iter_mut().zip(&block) {
            assert_eq!(block.len(), got);
            all.extend_from_slice(block);
        }
    }
    assert!(all.iter().all(|channel| channel.len() as u64 == wav.frames()));
    all
}

#[test]
fn integers_of_every_width_fill_the_scale() {
    let directory = directory();
    for bits in [8_u16, 16, 24, 32] {
        let path = directory.path().join(format!("{bits}.wav"));
        let mut writer = WavWriter::create(&path, spec(2, 48_000, bits, SampleFormat::Int)).expect("a file");
        let top = 1_i64 << (bits - 1);
        for value in [-top, 0, top / 2, -top / 4] {
            writer.write_sample(value as i32).expect("room");
        }
        writer.finalize().expect("room");
        assert_eq!(read_all(&path, 48_000, &[3]), [[-1.0, 0.5], [0.0, -0.25]], "{bits} bits");
    }
}

#[test]
fn another_rate_keeps_level_phase_and_length() {
    let directory = directory();
    let path = directory.path().join("sine.wav");
    for (from, to) in
        [(44_100, 48_000), (48_000, 44_100), (96_000, 44_100), (48_000, 96_000), (8_000, 48_000)]
    {
        let frames = u64::from(from) / 2 + 17;
        float_file(&path, 2, from, frames, |frame, channel| {
            sine(frame as f64 / f64::from(from)) * (1.0 - f32::from(channel))
        });
        let out = read_all(&path, to, &[1_000]);
        let expected = (frames as f64 * f64::from(to) / f64::from(from)).round();
        assert_eq!(out[0].len() as f64, expected, "{from} to {to}");
        // Away from the ends, where the sine begins and breaks off.
        let inside = to as usize / 10..to as usize * 4 / 10;
        let worst =
            inside.map(|n| (out[0][n] - sine(n as f64 / f64::from(to))).abs()).fold(0.0_f32, f32::max);
        assert!(worst < 1.0e-5, "{from} to {to}: {worst}");
        assert!(out[1].iter().all(|&sample| sample == 0.0));
    }
}

#[test]
fn what_the_lower_rate_cannot_carry_is_gone() {
    let directory = directory();
    let path = directory.path().join("high.wav");
    float_file(&path, 1, 96_000, 48_000, |frame, _| {
        libm::sin(std::f64::consts::TAU * 30_000.0 * frame as f64 / 96_000.0) as f32
    });
    let out = read_all(&path, 48_000, &[512]);
    let worst = out[0][4_000..20_000].iter().fold(0.0_f32, |worst, sample| worst.max(sample.abs()));
    assert!(worst < 1.0e-5, "{worst}");
}

#[test]
fn blocks_change_nothing() {
    let directory = directory();
    let path = directory.path().join("noise.wav");
    float_file(&path, 3, 44_100, 9_001, |frame, channel| {
        ((frame * 7_919 + u64::from(channel) * 31) % 997) as f32 / 997.0 - 0.5
    });
    for hertz in [44_100, 48_000, 22_050] {
        let whole = read_all(&path, hertz, &[1 << 20]);
        for blocks in [&[1][..], &[64], &[17, 4_096, 3], &[1_023, 1]] {
            assert!(read_all(&path, hertz, blocks) == whole, "{hertz} {blocks:?}");
        }
    }
}

#[test]
fn channels_that_the_file_lacks_are_silent() {
    let directory = directory();
    let path = directory.path().join("mono.wav");
    float_file(&path, 1, 48_000, 10, |_, _| 0.5);
    let mut wav = WavInput::open(&path, rate(48_000)).expect("a good file");
    let mut into = vec![vec![1.0; 3]; 2];
    assert_eq!(wav.read(4, &mut into).expect("a good file"), 4);
    assert_eq!(into, [[0.5; 4], [0.0; 4]]);
    assert_eq!(wav.read(100, &mut into).expect("a good file"), 6);
    assert_eq!(wav.read(100, &mut into).expect("a good file"), 0);
    assert!(into.iter().all(Vec::is_empty));
}

fn fault(path: &Path) -> WavFault {
    match WavInput::open(path, rate(48_000)) {
        Err(error) => error.fault,
        Ok(mut wav) => wav.read(1 << 20, &mut [Vec::new(), Vec::new()]).expect_err("damaged").fault,
    }
}

#[test]
fn damage_is_named_by_its_place() {
    let directory = directory();
    let path = directory.path().join("damaged.wav");
    assert!(matches!(fault(&path), WavFault::Unreadable(_)));
    float_file(&path, 2, 48_000, 100, |_, _| 0.5);
    let whole = std::fs::read(&path).expect("our own file");
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).expect("room");
        match fault(&path) {
            WavFault::Header { offset_bytes, .. } => assert!(offset_bytes <= length as u64),
            WavFault::Cut { offset_bytes, announced_frames: 100 } => assert_eq!(offset_bytes, length as u64),
            other => panic!("cut at {length}: {other}"),
        }
    }
    float_file(
        &path,
        2,
        48_000,
        100,
        |frame, channel| {
            if (frame, channel) == (7, 1) { f32::NAN } else { 0.5 }
        },
    );
    assert_eq!(fault(&path), WavFault::NoNumber { frame: 7, channel: 2 });
    float_file(&path, 65, 48_000, 1, |_, _| 0.5);
    assert_eq!(fault(&path), WavFault::Channels(65));
    float_file(&path, 1, 999, 1, |_, _| 0.5);
    assert_eq!(fault(&path), WavFault::Rate(999));
    std::fs::write(&path, b"MThd").expect("room");
    assert!(fault(&path).to_string().contains("byte 4: no RIFF tag found"), "{}", fault(&path));
}

proptest! {
    /// Any header bytes give a file or an error, in bounded memory.
    #[test]
    fn any_header_is_survived(
        damage in prop::collection::vec((0..80_usize, any::<u8>()), 1..6), length in 0..400_usize,
    ) {
        let directory = directory();
        let path = directory.path().join("any.wav");
        float_file(&path, 2, 44_100, 30, |_, _| 0.25);
        let mut bytes = std::fs::read(&path).expect("our own file");
        for (place, byte) in damage {
            if let Some(at) = bytes.get_mut(place) {
                *at = byte;
            }
        }
        bytes.truncate(length.max(40));
        std::fs::write(&path, bytes).expect("room");
        if let Ok(mut wav) = WavInput::open(&path, rate(48_000)) {
            let mut into = vec![Vec::new(); wav.channels()];
            while let Ok(1..) = wav.read(1 << 16, &mut into) {}
        }
    }
}
