//! Sound files of every sort that a server may send: each comes out at the engine's rate, at its pitch and level.
//!
//! The compressed ones in `tones` were written by libsndfile: half a second of 440 Hz at half of full scale, on
//! the right of two channels 660 Hz at a quarter.

use std::f64::consts::TAU;

use antiphon::generate::verify::Verified;

use super::*;

const LEFT: (f64, f64) = (440.0, 0.5);
const RIGHT: (f64, f64) = (660.0, 0.25);
const SECONDS: f64 = 0.5;

/// How samples are written.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Samples {
    Unsigned8,
    Signed(u16),
    Float32,
    Float64,
}

/// A WAV file of tones, a channel each.
fn wav(rate: u32, samples: Samples, tones: &[(f64, f64)]) -> Vec<u8> {
    let (tag, bits) = match samples {
        Samples::Unsigned8 => (1_u16, 8_u16),
        Samples::Signed(bits) => (1, bits),
        Samples::Float32 => (3, 32),
        Samples::Float64 => (3, 64),
    };
    let frames = (SECONDS * f64::from(rate)) as usize;
    let mut data = Vec::new();
    for frame in 0..frames {
        for (hertz, level) in tones {
            let value = level * (TAU * hertz * frame as f64 / f64::from(rate)).sin();
            match samples {
                Samples::Unsigned8 => data.push((value * 127.0 + 128.0).round() as u8),
                Samples::Signed(bits) => {
                    let scaled = (value * f64::from(1_u32 << (bits - 1))).round() as i32;
                    data.extend_from_slice(&scaled.to_le_bytes()[..usize::from(bits / 8)]);
                }
                Samples::Float32 => data.extend_from_slice(&(value as f32).to_le_bytes()),
                Samples::Float64 => data.extend_from_slice(&value.to_le_bytes()),
            }
        }
    }
    let channels = tones.len() as u16;
    let frame_bytes = channels * (bits / 8);
    let mut format = Vec::new();
    let is_extensible = channels > 2;
    format.extend_from_slice(&(if is_extensible { 0xfffe } else { tag }).to_le_bytes());
    format.extend_from_slice(&channels.to_le_bytes());
    format.extend_from_slice(&rate.to_le_bytes());
    format.extend_from_slice(&(rate * u32::from(frame_bytes)).to_le_bytes());
    format.extend_from_slice(&frame_bytes.to_le_bytes());
    format.extend_from_slice(&bits.to_le_bytes());
    if is_extensible {
        format.extend_from_slice(&22_u16.to_le_bytes());
        format.extend_from_slice(&bits.to_le_bytes());
        format.extend_from_slice(&((1_u32 << channels) - 1).to_le_bytes());
        format.extend_from_slice(&tag.to_le_bytes());
        format.extend_from_slice(b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71");
    }
    let mut file = b"RIFF".to_vec();
    file.extend_from_slice(&((20 + format.len() + data.len()) as u32).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&(format.len() as u32).to_le_bytes());
    file.extend_from_slice(&format);
    file.extend_from_slice(b"data");
    file.extend_from_slice(&(data.len() as u32).to_le_bytes());
    file.extend_from_slice(&data);
    file
}

/// The sum of a stretch of a channel, turned back by a frequency: its angle and amplitude there.
fn turned(channel: &[f32], from: usize, frames: usize, hertz: f64) -> (f64, f64) {
    let (mut real, mut imaginary, mut weights) = (0.0, 0.0, 0.0);
    for n in 0..frames {
        let weight = 0.5 - 0.5 * (TAU * n as f64 / frames as f64).cos();
        let angle = TAU * hertz * (from + n) as f64 / 48_000.0;
        let sample = weight * f64::from(channel[from + n]);
        real += sample * angle.cos();
        imaginary -= sample * angle.sin();
        weights += weight;
    }
    (imaginary.atan2(real), 2.0 * real.hypot(imaginary) / weights)
}

/// How far a tone is off, in cents and decibels.
fn off(channel: &[f32], (hertz, level): (f64, f64), gain_decibels: f64) -> (f64, f64) {
    const APART: usize = 4_800;
    let (first, _) = turned(channel, 4_800, 7_200, hertz);
    let (second, amplitude) = turned(channel, 4_800 + APART, 7_200, hertz);
    let turn = (second - first + TAU / 2.0).rem_euclid(TAU) - TAU / 2.0;
    let came = hertz + turn / TAU * 48_000.0 / APART as f64;
    let decibels = 20.0 * (amplitude / level).log10() - gain_decibels;
    (1_200.0 * (came / hertz).log2(), decibels)
}

/// Sent by a server, and listened to.
async fn sent(content_type: &'static str, bytes: Vec<u8>) -> Verified {
    let stub = Stub::new(move |_, _| Answer::file(content_type, bytes.clone())).await;
    let (backend, _folder) = hf(&stub, "");
    let request = Request { length: Length::Seconds(SECONDS), ..request() };
    heard(draft(&backend, &request).await.unwrap(), &request)
        .await
        .unwrap_or_else(|failure| panic!("{failure}"))
}

fn judge(name: &str, verified: &Verified, tones: &[(f64, f64)], decibels_at_most: f64) {
    let Verified { audio, measures, .. } = verified;
    assert_eq!((audio.rate.hertz(), audio.channels.len()), (48_000, tones.len()), "{name}");
    // An encoder may put a little silence at the ends.
    assert!(audio.frames().abs_diff(24_000) <= 2_400, "{name}: {} frames", audio.frames());
    for (channel, tone) in audio.channels.iter().zip(tones) {
        let (cents, decibels) = off(channel, *tone, measures.gain_decibels);
        assert!(cents.abs() < 1.0, "{name}: {cents:.2} cents off");
        assert!(decibels.abs() < decibels_at_most, "{name}: {decibels:.2} dB off");
    }
}

#[tokio::test]
async fn waves_of_every_width_and_rate_keep_their_pitch_and_level() {
    use Samples::{Float32, Float64, Signed, Unsigned8};
    for (rate, samples) in [
        (8_000, Unsigned8),
        (11_025, Signed(16)),
        (16_000, Signed(16)),
        (22_050, Unsigned8),
        (32_000, Signed(24)),
        (44_100, Signed(16)),
        (44_100, Float32),
        (48_000, Signed(32)),
        (88_200, Signed(24)),
        (96_000, Float64),
        (192_000, Float32),
    ] {
        for tones in [&[LEFT][..], &[LEFT, RIGHT]] {
            let name = format!("{rate} Hz, {samples:?}, {} channels", tones.len());
            let verified = sent("audio/wav", wav(rate, samples, tones)).await;
            assert!(verified.warnings.is_empty(), "{name}: {:?}", verified.warnings);
            judge(&name, &verified, tones, 0.15);
        }
    }
}

#[tokio::test]
async fn six_channels_are_folded_and_it_is_said() {
    let silent = (440.0, 0.0);
    let verified =
        sent("audio/wav", wav(48_000, Samples::Signed(16), &[LEFT, RIGHT, silent, silent, silent, silent]))
            .await;
    assert!(
        verified.warnings.iter().any(|warning| warning.contains("6 channels")),
        "{:?}",
        verified.warnings
    );
    // All six at full scale would be no louder than that.
    judge("5.1", &verified, &[(440.0, 0.5 / 3.0), (660.0, 0.25 / 3.0)], 0.15);
}

/// Its name, the type that is said, the file, and what is in it.
type Sent = (&'static str, &'static str, &'static [u8], &'static [(f64, f64)]);

#[tokio::test]
async fn compressed_sound_keeps_its_pitch_and_level() {
    let cases: [Sent; 7] = [
        ("FLAC, 16 bits", "audio/flac", include_bytes!("tones/flac-16-44100.flac"), &[LEFT, RIGHT]),
        // Without a type that says what it is.
        ("FLAC, 24 bits", "application/octet-stream", include_bytes!("tones/flac-24-96000.flac"), &[LEFT]),
        ("Vorbis", "audio/ogg", include_bytes!("tones/vorbis-48000.ogg"), &[LEFT, RIGHT]),
        ("Vorbis at 8 kHz", "audio/ogg", include_bytes!("tones/vorbis-8000.ogg"), &[LEFT]),
        ("MP3", "audio/mpeg", include_bytes!("tones/mp3-44100.mp3"), &[LEFT, RIGHT]),
        // With a type that is wrong.
        ("MP3 at 16 kHz", "audio/wav", include_bytes!("tones/mp3-16000.mp3"), &[LEFT]),
        ("AIFF", "audio/aiff", include_bytes!("tones/aiff-16-22050.aiff"), &[LEFT]),
    ];
    for (name, content_type, bytes, tones) in cases {
        let verified = sent(content_type, bytes.to_vec()).await;
        judge(name, &verified, tones, 0.5);
    }
}
