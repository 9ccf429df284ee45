//! Sound files, whatever they are, to samples. A pure function of bytes.

use std::io::Cursor;
use std::panic::catch_unwind;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::{FORMAT_ID_AIFF, FORMAT_ID_FLAC, FORMAT_ID_MP3, FORMAT_ID_WAVE};
use symphonia::core::formats::{FormatInfo, FormatOptions, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use crate::generate::client::judge::looks_like_html;
use crate::generate::{Failure, FailureKind};

/// The longest clip, in seconds.
pub const SECONDS_AT_MOST: f64 = 600.0;
/// Rates that sound has, in hertz.
const RATES_HERTZ: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// The most channels that are folded down.
const CHANNELS: usize = 8;
/// The most samples that are kept: ten minutes of two channels at 96 kHz.
const SAMPLES: usize = 600 * 96_000 * 2;
/// More damaged packets than this, and the file is damaged.
const DAMAGED_PACKETS: u32 = 32;

/// A file lacks sound where more is missing than so much of what it declares, and than so many seconds...
const MISSING_SHARE: f64 = 0.01;
const MISSING_SECONDS: f64 = 0.1;
/// ... and than a packet of any kind.
const PACKET_FRAMES: u64 = 1_152;
/// Who does not know how long a stream will be declares about as much as can be; no answer is as long.
const UNKNOWN_BYTES: u64 = 1 << 30;

/// Samples as they stood in a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Decoded {
    /// Frames per second; any that sound has.
    pub rate_hertz: u32,
    /// One or two channels of the same length, which is not 0.
    pub channels: Vec<Vec<f32>>,
    /// What is doubtful about the file.
    pub warnings: Vec<String>,
}

fn unfit(what: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Unfit, what)
}

/// Decodes a sound file (WAV, FLAC, MP3, Ogg Vorbis, AIFF): by what it holds, with its type as a hint. Stops
/// after so many seconds, and after ten minutes at most.
///
/// # Errors
/// [`FailureKind::Unfit`]: no sound, or none that can be used. [`FailureKind::Unavailable`]: clearly less of
/// it than the file declares.
pub fn decode(bytes: &[u8], content_type: Option<&str>, seconds: f64) -> Result<Decoded, Failure> {
    refuse_text(bytes, content_type)?;
    // The decoders are not ours: what one does not survive is one more damaged file.
    catch_unwind(|| decode_file(bytes, content_type, seconds))
        .unwrap_or_else(|_| Err(unfit("the sound is damaged: its decoder failed over it")))
}

fn decode_file(bytes: &[u8], content_type: Option<&str>, seconds: f64) -> Result<Decoded, Failure> {
    let mut hint = Hint::new();
    if let Some(extension) = content_type.and_then(extension) {
        hint.with_extension(extension);
    }
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    let probed = symphonia::default::get_probe().probe(
        &hint,
        source,
        FormatOptions::default(),
        MetadataOptions::default(),
    );
    let mut format = probed.map_err(|error| match rate_of_wav(bytes) {
        Some(0) => unfit("the sound has a rate of 0 Hz: it cannot be played"),
        _ => {
            let why = match error {
                Error::Unsupported(_) => "no known kind of file".to_owned(),
                error => error.to_string(),
            };
            unfit(format!(
                "what came is not audio that can be decoded ({why}): it may be WAV, FLAC, MP3, Ogg Vorbis or AIFF"
            ))
        }
    })?;
    let track = format.default_track(TrackType::Audio).ok_or_else(|| unfit("the file holds no sound"))?;
    let track_id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or_else(|| unfit("the file holds no sound"))?;
    let declared = declared(format.format_info(), track, parameters);
    check_rate(parameters.sample_rate.unwrap_or(*RATES_HERTZ.start()))?;
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| unfit(format!("the sound cannot be decoded ({error})")))?;
    let mut sound = Growing { seconds, ..Growing::default() };
    let mut breaks_off = false;
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(_) => {
                breaks_off = true;
                break;
            }
        };
        if packet.track_id != track_id {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(buffer) => {
                if sound.take(&buffer)? {
                    break;
                }
            }
            Err(Error::DecodeError(_)) if sound.damaged < DAMAGED_PACKETS => sound.damaged += 1,
            Err(error) => return Err(unfit(format!("the sound is damaged ({error})"))),
        }
    }
    sound.finish(declared, breaks_off)
}

/// How many frames a file says that it has.
#[derive(Clone, Copy)]
enum Declared {
    Exactly(u64),
    About(u64),
    Nothing,
}

fn declared(format: &FormatInfo, track: &Track, parameters: &AudioCodecParameters) -> Declared {
    let Some(frames) = track.num_frames else { return Declared::Nothing };
    let channels = parameters.channels.as_ref().map_or(1, |channels| channels.count() as u64);
    let bytes = u64::from(parameters.bits_per_sample.unwrap_or(8)).div_ceil(8);
    match format.format {
        FORMAT_ID_WAVE if frames.saturating_mul(channels * bytes) >= UNKNOWN_BYTES => Declared::Nothing,
        FORMAT_ID_WAVE | FORMAT_ID_AIFF | FORMAT_ID_FLAC => Declared::Exactly(frames),
        // With the tag that says how much of it is padding it is counted, without it guessed.
        FORMAT_ID_MP3 if track.delay.is_some() => Declared::Exactly(frames),
        _ => Declared::About(frames),
    }
}

/// What a server means that says so in words.
fn refuse_text(bytes: &[u8], content_type: Option<&str>) -> Result<(), Failure> {
    if bytes.is_empty() {
        return Err(unfit("what came is empty"));
    }
    if looks_like_html(bytes) {
        return Err(unfit("what came is not audio but a web page (HTML): check the backend's `url`"));
    }
    let head = &bytes[..bytes.len().min(256)];
    let is_text = std::str::from_utf8(head).is_ok_and(|text| !text.contains('\0'));
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    if is_text && matches!(first, Some(b'{' | b'[')) {
        return Err(unfit("what came is not audio but JSON: check the backend's `model`"));
    }
    if is_text
        && bytes.len() >= 4
        && !["RIFF", "RIFX", "fLaC", "OggS", "FORM", "ID3"]
            .iter()
            .any(|magic| head.starts_with(magic.as_bytes()))
    {
        let kind = content_type.unwrap_or("text");
        let kind: String = kind.chars().filter(|c| !c.is_control()).take(40).collect();
        return Err(unfit(format!(
            "what came is not audio but text ({kind}): check the backend's `url` and `model`"
        )));
    }
    Ok(())
}

fn extension(content_type: &str) -> Option<&'static str> {
    let kind = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match kind.strip_prefix("audio/")? {
        "wav" | "wave" | "x-wav" | "vnd.wave" => Some("wav"),
        "flac" | "x-flac" => Some("flac"),
        "mpeg" | "mp3" | "mpeg3" | "x-mpeg" => Some("mp3"),
        "ogg" | "vorbis" | "x-ogg" => Some("ogg"),
        "aiff" | "x-aiff" => Some("aiff"),
        _ => None,
    }
}

fn check_rate(rate_hertz: u32) -> Result<(), Failure> {
    if RATES_HERTZ.contains(&rate_hertz) {
        return Ok(());
    }
    Err(unfit(format!("the sound has a rate of {rate_hertz} Hz: it cannot be played")))
}

/// The rate in the header of a WAV file.
fn rate_of_wav(bytes: &[u8]) -> Option<u32> {
    if !bytes.starts_with(b"RIFF") || bytes.get(8..12)? != b"WAVE" {
        return None;
    }
    let at = bytes.windows(4).take(4_096).position(|window| window == b"fmt ")? + 12;
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// What has been decoded so far.
#[derive(Default)]
struct Growing {
    seconds: f64,
    rate_hertz: u32,
    came_as: usize,
    channels: Vec<Vec<f32>>,
    planes: Vec<Vec<f32>>,
    damaged: u32,
    is_cut: bool,
}

impl Growing {
    /// Takes a packet's samples; says whether it is enough.
    fn take(&mut self, buffer: &GenericAudioBufferRef<'_>) -> Result<bool, Failure> {
        let (rate_hertz, count) = (buffer.spec().rate(), buffer.spec().channels().count());
        if self.channels.is_empty() {
            check_rate(rate_hertz)?;
            if count == 0 || count > CHANNELS {
                return Err(unfit(format!("the sound has {count} channels; 1 to {CHANNELS} can be played")));
            }
            (self.rate_hertz, self.came_as) = (rate_hertz, count);
            self.channels = vec![Vec::new(); count.min(2)];
        } else if (rate_hertz, count) != (self.rate_hertz, self.came_as) {
            return Err(unfit("the sound changes its rate or its channels on the way"));
        }
        buffer.copy_to_vecs_planar(&mut self.planes);
        if self.planes.len() < count {
            return Err(unfit("the sound lacks a channel"));
        }
        let (front, rest) = self.planes[..count].split_at(count.min(2));
        // All others go to both sides alike, and no sum is louder than full scale.
        let share = 1.0 / (1.0 + rest.len() as f32 / 2.0);
        for (channel, plane) in self.channels.iter_mut().zip(front) {
            if rest.is_empty() {
                channel.extend_from_slice(plane);
            } else {
                channel.extend(plane.iter().enumerate().map(|(frame, sample)| {
                    let others: f32 = rest.iter().map(|plane| plane.get(frame).copied().unwrap_or(0.0)).sum();
                    (sample + others / 2.0) * share
                }));
            }
        }
        let frames = self.channels[0].len();
        let enough = (self.seconds.min(SECONDS_AT_MOST) * f64::from(self.rate_hertz)).ceil() as usize;
        if frames > enough {
            self.is_cut = true;
            self.channels.iter_mut().for_each(|channel| channel.truncate(enough));
        }
        if !self.is_cut && frames * self.channels.len() > SAMPLES {
            return Err(unfit(
                "the sound is too long at its rate: at most ten minutes at 96 kHz can be used",
            ));
        }
        Ok(self.is_cut)
    }

    fn finish(self, declared: Declared, breaks_off: bool) -> Result<Decoded, Failure> {
        let frames = self.channels.first().map_or(0, Vec::len);
        if frames == 0 {
            return Err(unfit("the file holds no sound"));
        }
        let mut warnings = Vec::new();
        if self.came_as > 2 {
            warnings.push(format!("its {} channels were folded down to two", self.came_as));
        }
        if self.damaged > 0 {
            warnings.push(format!("{} damaged pieces were left out", self.damaged));
        }
        let rate = f64::from(self.rate_hertz);
        if let (Declared::Exactly(declared), false) = (declared, self.is_cut) {
            let missing = declared.saturating_sub(frames as u64);
            let some = (MISSING_SHARE * declared as f64).min(MISSING_SECONDS * rate);
            if missing as f64 > some && missing > PACKET_FRAMES {
                let (came, all) = (frames as f64 / rate, declared as f64 / rate);
                let message = format!(
                    "the sound breaks off: {came:.1} s of {all:.1} s came; try again, it may come whole"
                );
                return Err(Failure::new(FailureKind::Unavailable, message));
            }
        }
        let lacks = matches!(declared, Declared::Exactly(declared) | Declared::About(declared)
            if (frames as f64) < 0.99 * declared as f64);
        if !self.is_cut && (breaks_off || lacks) {
            warnings.push("the file breaks off before its end".to_owned());
        }
        if self.is_cut && self.seconds >= SECONDS_AT_MOST {
            warnings.push(format!("it is longer than {SECONDS_AT_MOST} s: the rest was left out"));
        }
        Ok(Decoded { rate_hertz: self.rate_hertz, channels: self.channels, warnings })
    }
}
