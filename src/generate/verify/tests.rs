use std::io::Cursor;

use super::*;
use crate::unit::{Random, SampleRate};

fn request(seconds: f64) -> Request {
    Request { length: Length::Seconds(seconds), ..Request::new("a test", SampleRate::DEFAULT) }
}

fn sine(level: f32, hertz: f32, rate: u32, seconds: f64) -> Vec<f32> {
    let step = std::f32::consts::TAU * hertz / rate as f32;
    (0..(seconds * f64::from(rate)) as usize).map(|i| level * libm::sinf(i as f32 * step)).collect()
}

fn wav(channels: &[Vec<f32>], rate: u32) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: channels.len() as u16,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).expect("a writer");
    for frame in 0..channels[0].len() {
        for channel in channels {
            writer.write_sample((channel[frame] * 32_767.0) as i16).expect("written");
        }
    }
    writer.finalize().expect("written");
    file.into_inner()
}

fn of(channels: Vec<Vec<f32>>, request: &Request) -> Result<Verified, Failure> {
    verify(Decoded { rate_hertz: 48_000, channels, warnings: Vec::new() }, request, 2)
}

fn loudness(audio: &Audio) -> (f64, f64) {
    let slices: Vec<&[f32]> = audio.channels.iter().map(Vec::as_slice).collect();
    let mode = ebur128::Mode::I | ebur128::Mode::TRUE_PEAK;
    let mut meter = ebur128::EbuR128::new(slices.len() as u32, audio.rate.hertz(), mode).expect("a meter");
    meter.add_frames_planar_f32(&slices).expect("measured");
    let peak = (0..slices.len() as u32).map(|i| meter.true_peak(i).expect("measured")).fold(0.0, f64::max);
    (meter.loudness_global().expect("measured"), 20.0 * peak.log10())
}

#[tokio::test]
async fn a_file_comes_out_at_the_rate_the_length_and_the_loudness() {
    let bytes = wav(&[sine(0.05, 440.0, 32_000, 3.5), sine(0.05, 660.0, 32_000, 3.5)], 32_000);
    let verified = file(bytes, Some("audio/wav".to_owned()), &request(3.0)).await.expect("fine");
    assert_eq!(verified.audio.rate.hertz(), 48_000);
    assert_eq!((verified.audio.frames(), verified.audio.channels.len()), (144_000, 2));
    let (lufs, peak) = loudness(&verified.audio);
    assert!((lufs + 16.0).abs() < 0.2 && peak <= -0.9, "{lufs} LUFS, {peak} dB");
    assert!(verified.warnings.is_empty(), "{:?}", verified.warnings);
    assert_eq!((verified.audio.channels[0][0], verified.audio.channels[1][143_999]), (0.0, 0.0));
    // The same tone: its zero crossings in the middle second.
    let middle = &verified.audio.channels[0][48_000..96_000];
    let rises = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    assert!((439..=441).contains(&rises), "{rises} Hz");
}

#[test]
fn a_peak_leaves_less_room_than_the_loudness_wants() {
    let mut channel = sine(0.01, 300.0, 48_000, 2.0);
    channel[40_000] = 0.9;
    let verified = of(vec![channel], &request(2.0)).expect("fine");
    let (lufs, peak) = loudness(&verified.audio);
    assert!(peak <= -0.95 && peak > -1.2 && lufs < -30.0, "{lufs} LUFS, {peak} dB");
}

#[test]
fn what_cannot_be_used_is_refused() {
    let refused = |channel: Vec<f32>| of(vec![channel], &request(2.0)).expect_err("unfit");
    assert!(refused(vec![0.0; 96_000]).message.contains("silence"));
    assert!(refused(sine(0.000_1, 440.0, 48_000, 2.0)).message.contains("silence"));
    let mut broken = sine(0.5, 440.0, 48_000, 2.0);
    broken[77] = f32::NAN;
    assert!(refused(broken.clone()).message.contains("no numbers"));
    broken[77] = f32::INFINITY;
    assert!(refused(broken.clone()).message.contains("no numbers"));
    broken[77] = -3e38;
    assert!(refused(broken.clone()).message.contains("a sample of -3e38"));
    // As loud as can be is brought down like any other, and stays finite.
    broken[77] = 1e6;
    let loud = of(vec![broken], &request(2.0)).expect("loud");
    assert!(loud.audio.channels.iter().flatten().all(|sample| sample.abs() <= 1.0));
    let short = refused(sine(0.5, 440.0, 48_000, 0.9));
    assert!(short.kind == FailureKind::Unfit && short.message.contains("2.0 s were asked for"), "{short}");
    assert!(refused(Vec::new()).message.contains("no sound"));
}

#[test]
fn what_is_doubtful_is_said() {
    let warnings = |channel: Vec<f32>| of(vec![channel], &request(2.0)).expect("fine").warnings.join("; ");
    assert!(warnings(sine(0.5, 440.0, 48_000, 1.5)).contains("1.5 s of 2.0 s"));
    let loud: Vec<f32> = sine(3.0, 100.0, 48_000, 2.0).into_iter().map(|s| s.clamp(-1.0, 1.0)).collect();
    assert!(warnings(loud).contains("clipped in 400 places"));
    let above: Vec<f32> = sine(0.3, 440.0, 48_000, 2.0).into_iter().map(|sample| sample + 0.1).collect();
    assert!(warnings(above).contains("offset of 10.0 %"));
    let mut random = Random::new(1);
    let mut clicks = |beat: usize| -> Vec<f32> {
        (0..480_000)
            .map(|i| (random.unit() as f32 - 0.5) * libm::expf(-((i % beat) as f32) / 600.0))
            .collect()
    };
    let clip = vec![clicks(28_800)];
    let asked = |tempo| Request { tempo: Some(tempo), ..request(10.0) };
    assert_eq!(of(clip.clone(), &asked(100.0)).expect("fine").warnings, Vec::<String>::new());
    assert!(of(clip, &asked(128.0)).expect("fine").warnings.join("").contains("about 100 BPM, not 128"));
}

#[test]
fn threads_change_nothing() {
    let mut random = Random::new(3);
    let clip: Vec<f32> = (0..96_000).map(|_| random.unit() as f32 - 0.5).collect();
    let decoded = Decoded { rate_hertz: 44_100, channels: vec![clip.clone(), clip], warnings: Vec::new() };
    let alone = verify(decoded.clone(), &request(2.0), 1).expect("fine");
    assert_eq!(verify(decoded, &request(2.0), 8).expect("fine"), alone);
}

#[test]
fn what_is_no_sound_is_said_by_name() {
    let good = wav(&[sine(0.5, 440.0, 44_100, 1.0)], 44_100);
    let mut no_rate = good.clone();
    no_rate[24..28].copy_from_slice(&0_u32.to_le_bytes());
    let mut absurd = good.clone();
    absurd[24..28].copy_from_slice(&u32::MAX.to_le_bytes());
    for (bytes, words) in [
        (&b"<!DOCTYPE html><p>hello"[..], "web page"),
        (br#"{"error":"x"}"#, "JSON"),
        (b"Internal error", "text"),
        (b"", "empty"),
        (&[0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0], "not audio that can be decoded"),
        (&good[..20], "not audio that can be decoded"),
        (&no_rate, "rate of 0 Hz"),
        (&absurd, "rate of 4294967295 Hz"),
    ] {
        let failure = decode(bytes, None, 600.0).expect_err(words);
        assert!(failure.kind == FailureKind::Unfit && failure.message.contains(words), "{words}: {failure}");
    }
    let cut = decode(&good[..good.len() / 2], Some("audio/x-wav"), 600.0).expect_err("half of it");
    assert!(cut.kind.retry_helps() && cut.message.contains("0.5 s of 1.0 s came"), "{cut}");
    // Who wants no more than that has it; a little may be missing; and a stream's length is not known.
    assert!(decode(&good[..good.len() / 2], None, 0.25).is_ok());
    assert!(decode(&good[..good.len() - 800], None, 600.0).is_ok());
    let at = good.windows(4).position(|four| four == b"data").expect("a chunk") + 4;
    for unknown in [u32::MAX, 0x7fff_ff00] {
        let mut stream = good.clone();
        stream[at..at + 4].copy_from_slice(&unknown.to_le_bytes());
        stream[4..8].copy_from_slice(&unknown.saturating_add(100).to_le_bytes());
        assert_eq!(decode(&stream, None, 600.0).map(|sound| sound.warnings), Ok(vec![]), "{unknown}");
    }
    let (whole, first) =
        (decode(&good, None, 600.0).expect("fine"), decode(&good, None, 0.25).expect("fine"));
    assert_eq!((whole.channels[0].len(), first.channels[0].len()), (44_100, 11_025));
    assert!(whole.warnings.is_empty() && first.warnings.is_empty());
}

#[test]
fn more_channels_are_folded_to_two() {
    let channels: Vec<Vec<f32>> = (0..4).map(|i| sine(0.2, 200.0 + 100.0 * i as f32, 44_100, 0.5)).collect();
    let decoded = decode(&wav(&channels, 44_100), None, 600.0).expect("fine");
    assert_eq!(decoded.channels.len(), 2);
    assert_eq!(decoded.warnings, ["its 4 channels were folded down to two"]);
}

#[test]
fn midi_is_looked_at_too() {
    // Format 0, 96 ticks a beat.
    let file = |events: &[u8]| {
        let mut bytes = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk".to_vec();
        bytes.extend((events.len() as u32 + 4).to_be_bytes());
        bytes.extend(events);
        bytes.extend([0, 0xff, 0x2f, 0]);
        bytes
    };
    let bar = Request { length: Length::Bars(1), ..request(1.0) };
    // A note of four beats.
    assert_eq!(midi(&file(&[0, 0x90, 60, 90, 0x83, 0, 0x80, 60, 0]), &bar), Ok(vec![]));
    assert!(midi(&file(&[]), &bar).expect_err("empty").message.contains("no notes"));
    assert!(midi(b"RIFF", &bar).expect_err("no file").message.contains("no MIDI file"));
    // -128 frames a second: nobody can negate that in a byte.
    let frames = b"MThd\0\0\0\x06\0\0\0\x01\x80\x00";
    assert_eq!(midi(frames, &bar).expect_err("no rate").kind, FailureKind::Unfit);
    let low = midi(&file(&[0, 0x90, 3, 90, 0x83, 0, 0x90, 60, 90]), &bar).expect("doubtful");
    assert_eq!(low, ["1 notes lie outside a piano's keys", "2 notes are never released"]);
    let long = Request { length: Length::Bars(8), ..bar };
    assert!(
        midi(&file(&[0, 0x90, 60, 90, 0x83, 0, 0x80, 60, 0]), &long)
            .expect_err("short")
            .message
            .contains("8 bars")
    );
}

/// Files with a few bytes changed, cut or put twice: an answer each, and one that can be played.
#[test]
fn damaged_files_are_decoded_or_refused() {
    let files = [
        wav(&[sine(0.5, 440.0, 8_000, 0.1), sine(0.5, 550.0, 8_000, 0.1)], 8_000),
        b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x9e\x1f\x4d\x36\x01\x1e\x01vorbis\0\0\0\0\x02\x44\xac\0\0".to_vec(),
        b"fLaC\0\0\0\x22\x10\0\x10\0\0\0\x0e\0\0\x10\x0b\xb8\x02\xf0\0\0\x1f\x40\0\0\0\0".to_vec(),
        [&b"\xff\xfb\x90\x64"[..], &[0; 413], b"\xff\xfb\x90\x64", &[0; 413]].concat(),
        b"FORM\0\0\0\x3aAIFFCOMM\0\0\0\x12\0\x01\0\0\0\x04\0\x10\x40\x0e\xac\x44\0\0\0\0\0\0SSND\0\0\0\x10\0\0\0\0\0\0\0\0abcdefgh".to_vec(),
    ];
    let mut random = Random::new(11);
    let mut decoded = 0;
    for file in files {
        for _ in 0..300 {
            let mut bytes = file.clone();
            for _ in 0..random.below(6) {
                let at = random.below(bytes.len().min(80) as u64) as usize;
                bytes[at] = random.draw() as u8;
            }
            if random.below(3) == 0 {
                bytes.truncate(random.below(bytes.len() as u64) as usize + 1);
            }
            if let Ok(sound) = decode(&bytes, None, 1.0) {
                decoded += 1;
                let frames = sound.channels[0].len();
                assert!(frames > 0 && frames <= sound.rate_hertz as usize && sound.channels.len() <= 2);
                assert!(sound.channels.iter().all(|channel| channel.len() == frames));
            }
        }
    }
    assert!(decoded > 50, "{decoded}");
}
