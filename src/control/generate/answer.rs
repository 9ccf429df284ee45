use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::control::files::write_whole;
use crate::engine::generation::{Kept, Studio};
use crate::generate::{Failure, FailureKind, Form, Product, Request};
use crate::theory::Chart;

/// What a request came to, as JSON. Nulls are what there is not.
#[derive(Serialize, Debug)]
pub(super) struct Answer {
    /// The request's own, where it had one; a line's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<serde_json::Value>,
    /// Whether there is music.
    pub ok: bool,
    /// Whether nothing had to be generated for it.
    pub from_cache: bool,
    /// The file.
    pub path: Option<PathBuf>,
    /// Of the file's bytes, in hex.
    pub sha256: Option<String>,
    /// Of sound.
    pub frames: Option<usize>,
    /// Of sound.
    pub rate_hertz: Option<u32>,
    /// How many times a backend was asked.
    pub tries: u32,
    /// From question to answer.
    pub ms: f64,
    /// Which was asked.
    pub backend: String,
    /// What verification found.
    pub warnings: Vec<String>,
    /// What it is, for people: style, key and tempo, where they are known.
    #[serde(skip)]
    pub music: Option<String>,
    /// Why there is no music.
    pub error: Option<Wrong>,
}

/// Why there is no music.
#[derive(Serialize, Debug)]
pub(super) struct Wrong {
    /// What sort of failure; whether asking again may help follows from it.
    pub kind: FailureKind,
    /// What is wrong, and what to do.
    pub message: String,
}

/// To the microsecond: nobody reads what lies below.
fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

impl Answer {
    /// Nothing came of it.
    pub(super) fn failed(backend: &str, failure: &Failure, took: Duration) -> Answer {
        Answer {
            id: None,
            ok: false,
            from_cache: false,
            path: None,
            sha256: None,
            frames: None,
            rate_hertz: None,
            tries: failure.tries,
            ms: milliseconds(took),
            backend: backend.to_owned(),
            warnings: Vec::new(),
            music: None,
            error: Some(Wrong { kind: failure.kind, message: failure.message.clone() }),
        }
    }

    /// What was made, and is nowhere: it was asked for, and had its warnings, all the same.
    fn lost(backend: &str, product: Product, took: Duration) -> Answer {
        let why = product.unkept.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let message =
            format!("the music was made, and the cache cannot keep it{why}: name a file for it with -o");
        let failure = Failure::new(FailureKind::Storage, message).after(product.tries);
        let others = product.warnings.into_iter().filter(|warning| Some(warning) != product.unkept.as_ref());
        Answer { warnings: others.collect(), ..Answer::failed(backend, &failure, took) }
    }

    /// What was made, in the file that was asked for, else where the cache keeps it.
    pub(super) fn of(
        studio: &Studio,
        request: &Request,
        made: Result<Product, Failure>,
        out: Option<&Path>,
        took: Duration,
    ) -> Answer {
        match made.and_then(|product| placed(studio, request, product, out)) {
            Ok((product, None, _)) => Answer::lost(&request.backend, product, took),
            Ok((product, Some(path), sha256)) => Answer {
                id: None,
                ok: true,
                from_cache: product.from_cache,
                path: Some(path),
                sha256: Some(sha256),
                frames: product.audio.as_ref().map(|audio| audio.frames()),
                rate_hertz: product.audio.as_ref().map(|audio| audio.rate.hertz()),
                tries: product.tries,
                ms: milliseconds(took),
                backend: request.backend.clone(),
                music: product.chart.as_deref().and_then(music),
                warnings: product.warnings,
                error: None,
            },
            Err(failure) => Answer::failed(&request.backend, &failure, took),
        }
    }

    /// What is kept already, in the file that was asked for, else where it is.
    pub(super) fn kept(request: &Request, kept: Kept, out: Option<&Path>, took: Duration) -> Answer {
        let bytes = kept.bytes.unwrap_or_default();
        let path = match out.map(|out| (out, write_whole(out, &bytes))) {
            None => kept.path,
            Some((out, Ok(()))) => out.to_owned(),
            Some((_, Err(error))) => {
                return Answer::failed(&request.backend, &unwritten(&error, true), took);
            }
        };
        Answer {
            id: None,
            ok: true,
            from_cache: true,
            path: Some(path),
            sha256: Some(kept.sha256),
            frames: kept.frames.map(|frames| frames as usize),
            rate_hertz: kept.frames.map(|_| request.rate.hertz()),
            tries: 0,
            ms: milliseconds(took),
            backend: request.backend.clone(),
            warnings: kept.warnings,
            music: kept.chart.as_deref().and_then(music),
            error: None,
        }
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        let mut lines = Vec::new();
        if let Some(error) = &self.error {
            lines.push(format!("antiphon: {}", error.message));
        } else {
            let path =
                self.path.as_ref().map_or_else(|| "(not kept)".to_owned(), |path| path.display().to_string());
            let length = match (self.frames, self.rate_hertz) {
                (Some(frames), Some(rate)) => format!(", {:.1} s", frames as f64 / f64::from(rate)),
                _ => String::new(),
            };
            let music = self.music.as_ref().map(|music| format!(", {music}")).unwrap_or_default();
            let source = if self.from_cache { "the cache" } else { &self.backend };
            lines.push(format!(
                "{path}{music}{length}, from {source} in {}",
                crate::control::generate::shown_ms(self.ms)
            ));
        }
        lines.extend(self.warnings.iter().map(|warning| format!("note: {warning}")));
        lines.join("\n")
    }
}

/// What cannot be written where it was wanted, and where it is meanwhile.
fn unwritten(error: &crate::engine::Error, is_kept: bool) -> Failure {
    let kept = if is_kept { ". It is made and in the cache: ask again with another -o" } else { "" };
    Failure::new(FailureKind::Storage, format!("{error}{kept}"))
}

/// What a chart is, in a line.
fn music(chart: &str) -> Option<String> {
    let chart = Chart::from_json(chart).ok()?;
    Some(format!("{} in {} at {:.0} BPM", chart.style, chart.key, chart.tempo))
}

/// The file where the music is, if it is in one, and its hash.
fn placed(
    studio: &Studio,
    request: &Request,
    product: Product,
    out: Option<&Path>,
) -> Result<(Product, Option<PathBuf>, String), Failure> {
    let bytes = match (&product.audio, &product.midi, request.form) {
        (Some(audio), _, Form::Audio) => audio.to_wav()?,
        (_, Some(midi), Form::Midi) => midi.to_vec(),
        _ => return Err(Failure::new(FailureKind::Fault, "what was made is not what was asked for")),
    };
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let path = match out {
        Some(out) => {
            let kept = studio.path_of(request).is_some();
            write_whole(out, &bytes).map_err(|error| unwritten(&error, kept).after(product.tries))?;
            Some(out.to_owned())
        }
        None => studio.path_of(request),
    };
    Ok((product, path, sha256))
}
