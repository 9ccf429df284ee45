//! What came is listened to before anybody hears it.
//!
//! A file is decoded, brought to the request's rate and length, and looked at by several checks at the same
//! time. What cannot be used is refused; what is doubtful is said. A check that fails itself is reported,
//! and the others hold. Then it is brought to one loudness by gain alone, and its ends are faded.
//!
//! Refused: no sound (HTML, JSON, damage), a rate that sound has not, samples that are no numbers or absurd,
//! silence (below -60 LUFS), and less than half of the length. Warned of: a clip that is shorter than asked
//! for by more than 2 %, clipping, an offset, a tempo that is another by more than 4 % and no simple multiple.

mod checks;
mod decode;
mod fingerprint;
mod midi;
pub mod pool;
mod shape;
mod spectrum;
mod tempo;
#[cfg(test)]
mod tests;

use super::{Audio, BEATS_PER_BAR, Failure, FailureKind, Length, Request, backends};
use checks::Found;
use pool::Job;

pub use decode::{Decoded, SECONDS_AT_MOST, decode};
pub use fingerprint::{DIFFERENT_AT_MOST, Fingerprint, FingerprintError};
pub use midi::midi;

/// Quieter than this is silence.
const SILENCE_LUFS: f64 = -60.0;
/// Less than this part of the length that was asked for is refused.
const LENGTH_REFUSED: f64 = 0.5;
/// Less than this part of it is said.
const LENGTH_WARNED: f64 = 0.98;
/// A louder offset is said.
const OFFSET: f32 = 0.01;
/// More gain than this is said: noise comes with it.
const GAIN_WARNED_DECIBELS: f64 = 30.0;
/// A sample beyond this is damage and no loud sound (full scale is 1; some write it as 32,768): what is computed
/// from it would not be finite.
const SAMPLE_AT_MOST: f32 = 1e6;
/// As many threads look at a clip at most, and no more than there are processors: the check that takes the
/// longest would have to share its own.
const THREADS: usize = 8;

/// What was found, of the sound as it came; loudness and peak are those of what is kept.
#[derive(Clone, PartialEq, Debug)]
pub struct Measures {
    /// Loudness after EBU R 128; `None` where it could not be measured.
    pub loudness_lufs: Option<f64>,
    /// The true peak; `None` where it could not be measured.
    pub true_peak_decibels: Option<f64>,
    /// By how much it was made louder.
    pub gain_decibels: f64,
    /// Beats a minute, where there is a clear beat.
    pub tempo: Option<f64>,
    /// Places where it is clipped.
    pub clipped: u32,
    /// The mean of its samples.
    pub offset: f32,
    /// What it sounds like: equal for copies. Whoever keeps many compares them.
    pub fingerprint: Option<Fingerprint>,
}

/// Sound that can be used.
#[derive(Clone, PartialEq, Debug)]
pub struct Verified {
    /// At the request's rate and length, at one loudness.
    pub audio: Audio,
    /// What is doubtful.
    pub warnings: Vec<String>,
    /// What was found.
    pub measures: Measures,
}

/// Verifies a sound file, on a thread that may compute for long.
///
/// # Errors
/// [`FailureKind::Unfit`]: why it cannot be used. [`FailureKind::Fault`] where verifying itself fails.
pub async fn file(
    bytes: Vec<u8>,
    content_type: Option<String>,
    request: &Request,
) -> Result<Verified, Failure> {
    // Bars are as long as the backend was told.
    let wanted = backends::seconds(request);
    let request = Request { length: Length::Seconds(wanted), ..request.clone() };
    blocking(move || {
        // A little more than is wanted, so that it shows whether there is more.
        let decoded = decode(&bytes, content_type.as_deref(), wanted + 1.0)?;
        verify(decoded, &request, threads())
    })
    .await
}

/// Verifies sound that is decoded already: our own.
///
/// # Errors
/// As [`file()`].
pub async fn audio(audio: Audio, request: &Request) -> Result<Verified, Failure> {
    let request = request.clone();
    blocking(move || {
        let decoded =
            Decoded { rate_hertz: audio.rate.hertz(), channels: audio.channels, warnings: Vec::new() };
        verify(decoded, &request, threads())
    })
    .await
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get().min(THREADS))
}

async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(job).await.unwrap_or_else(|_| {
        Err(Failure::new(FailureKind::Fault, "verifying the sound failed itself: try again"))
    })
}

/// Verifies samples, on so many threads at most; with one, check after check.
///
/// # Errors
/// [`FailureKind::Unfit`]: why they cannot be used.
pub fn verify(decoded: Decoded, request: &Request, threads: usize) -> Result<Verified, Failure> {
    let Decoded { rate_hertz, channels, mut warnings } = decoded;
    let unfit = |what: String| Err(Failure::new(FailureKind::Unfit, what));
    let frames = channels.first().map_or(0, Vec::len);
    if frames == 0 || channels.len() > 2 || channels.iter().any(|channel| channel.len() != frames) {
        return unfit("there is no sound in it".to_owned());
    }
    if let Some(sample) = absurd(&channels) {
        return unfit(if sample.is_finite() {
            format!("the sound is damaged: it holds a sample of {sample:e}, where 1 is full scale")
        } else {
            "the sound holds samples that are no numbers (NaN or infinite)".to_owned()
        });
    }
    let wanted = seconds(request);
    if let Some(wanted) = wanted {
        let got = frames as f64 / f64::from(rate_hertz);
        if got < LENGTH_REFUSED * wanted {
            return unfit(format!(
                "{wanted:.1} s were asked for, and {got:.1} s came: ask for less, or another model"
            ));
        }
        if got < LENGTH_WARNED * wanted {
            warnings.push(format!("it is shorter than asked for: {got:.1} s of {wanted:.1} s"));
        }
    }

    // As it came: whether it is clipped, and its channels at the rate that is wanted.
    let came = &channels;
    let mut jobs = Vec::new();
    for channel in came {
        jobs.push(Job::new("resampling", || shape::resampled(channel, rate_hertz, request.rate)));
    }
    jobs.push(Job::new("clipping", || checks::clipping(came)));
    jobs.push(Job::new("offset", || checks::offset(came)));
    let mut findings = Findings::default();
    let mut resampled = Vec::new();
    for result in pool::run(&jobs, threads) {
        match result {
            Ok(Found::Channel(channel)) => resampled.push(channel?),
            other => findings.take(other, &mut warnings),
        }
    }
    drop(jobs);
    if resampled.len() != channels.len() {
        return Err(Failure::new(FailureKind::Fault, "the sound could not be resampled: try again"));
    }
    drop(channels);
    shape::cut(&mut resampled, wanted.map(|seconds| request.rate.frames(seconds) as usize));

    // As it will be heard.
    let heard = &resampled;
    let hertz = request.rate.hertz();
    // Those that take the longest first, so that none is left to run alone.
    let mut jobs = vec![Job::new("tempo", || Found::Tempo(tempo::tempo(heard, hertz)))];
    for channel in heard {
        jobs.push(Job::new("peak", || checks::true_peak(channel, hertz)));
    }
    jobs.push(Job::new("likeness", || Found::Likeness(Fingerprint::of(heard))));
    jobs.push(Job::new("loudness", || checks::loudness(heard, hertz)));
    for result in pool::run(&jobs, threads) {
        findings.take(result, &mut warnings);
    }
    drop(jobs);
    findings.judge(request, &mut warnings)?;

    let gain_decibels = shape::gain_decibels(findings.loudness, findings.peak);
    if gain_decibels > GAIN_WARNED_DECIBELS {
        warnings.push(format!("it came very quiet, and was made {gain_decibels:.0} dB louder"));
    }
    shape::finish(&mut resampled, hertz, gain_decibels);
    Ok(Verified {
        audio: Audio { rate: request.rate, channels: resampled },
        warnings,
        measures: Measures {
            loudness_lufs: findings.loudness.map(|lufs| lufs + gain_decibels),
            true_peak_decibels: findings.peak.map(|peak| peak + gain_decibels),
            gain_decibels,
            tempo: findings.tempo,
            clipped: findings.clipped,
            offset: findings.offset,
            fingerprint: findings.fingerprint,
        },
    })
}

/// The first sample that is no number or beyond all bounds.
fn absurd(channels: &[Vec<f32>]) -> Option<f32> {
    // NaN is within no bound. Many at a time: nearly always all are fine.
    let is_fine = |sample: &f32| sample.abs() <= SAMPLE_AT_MOST;
    let are_fine = |samples: &[f32]| samples.iter().fold(true, |fine, sample| fine & is_fine(sample));
    let mut chunks = channels.iter().flat_map(|channel| channel.chunks(1_024));
    chunks.find(|chunk| !are_fine(chunk))?.iter().copied().find(|sample| !is_fine(sample))
}

/// How long it shall be; `None` where nobody said (bars without a tempo).
fn seconds(request: &Request) -> Option<f64> {
    match request.length {
        Length::Seconds(seconds) => Some(seconds),
        Length::Bars(bars) => request.tempo.map(|tempo| f64::from(bars * BEATS_PER_BAR) * 60.0 / tempo),
    }
}

/// What the checks found together.
#[derive(Default)]
struct Findings {
    clipped: u32,
    offset: f32,
    loudness: Option<f64>,
    peak: Option<f64>,
    tempo: Option<f64>,
    fingerprint: Option<Fingerprint>,
}

impl Findings {
    fn take(&mut self, result: Result<Found, pool::Failed>, warnings: &mut Vec<String>) {
        match result {
            Ok(Found::Clipped(places)) => self.clipped = places,
            Ok(Found::Offset(offset)) => self.offset = offset,
            Ok(Found::Loudness(loudness)) => self.loudness = loudness,
            Ok(Found::Peak(peak)) => self.peak = Some(peak.max(self.peak.unwrap_or(f64::NEG_INFINITY))),
            Ok(Found::Tempo(tempo)) => self.tempo = tempo,
            Ok(Found::Likeness(fingerprint)) => self.fingerprint = Some(fingerprint),
            Ok(Found::Channel(_)) => {}
            Err(failed) => warnings.push(failed.to_string()),
        }
    }

    fn judge(&self, request: &Request, warnings: &mut Vec<String>) -> Result<(), Failure> {
        if let Some(loudness) = self.loudness.filter(|lufs| *lufs < SILENCE_LUFS) {
            let shown = if loudness.is_finite() { format!(" ({loudness:.0} LUFS)") } else { String::new() };
            let message = format!("what came is silence{shown}: try other words, or another seed");
            return Err(Failure::new(FailureKind::Unfit, message));
        }
        if self.clipped > 0 {
            warnings.push(format!("it is clipped in {} places", self.clipped));
        }
        if self.offset.abs() > OFFSET {
            warnings.push(format!("it has an offset of {:.1} %", self.offset * 100.0));
        }
        if let (Some(tempo), Some(asked)) = (self.tempo, request.tempo)
            && tempo::is_off(tempo, asked)
        {
            warnings.push(format!("its tempo is about {tempo:.0} BPM, not {asked:.0}"));
        }
        Ok(())
    }
}
