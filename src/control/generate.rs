//! `antiphon generate`: music from words, into a file.

mod aloud;
mod answer;
mod bar;
mod lines;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use answer::Answer;
use bar::Bar;

use super::signals::Signals;
use crate::engine::generation::Studio;
use crate::engine::{Error, ErrorKind};
use crate::generate::service::Watch;
use crate::generate::{Failure, FailureKind, Form, Length, Request};
use crate::unit::SampleRate;

/// A look into the cache takes no longer, mostly; then it costs nothing of the time for making.
const GLANCE: Duration = Duration::from_millis(50);

/// `antiphon generate`.
#[derive(Args, Debug)]
pub struct GenerateArguments {
    /// What it shall be like ("slow blues for piano, no drums"); `-` reads a JSON object a line from stdin
    pub description: String,
    /// Which backend makes it: `local` needs no network; others stand in the configuration
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub backend: String,
    /// Which of the backend's models
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// How long, in seconds
    #[arg(long, value_name = "S", allow_negative_numbers = true, conflicts_with = "bars")]
    pub seconds: Option<f64>,
    /// How long, in bars of four beats (without either: 8)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u32>)]
    pub bars: Option<u32>,
    /// It goes round and round: its end leads to its beginning (without it, it comes to an end)
    #[arg(long = "loop")]
    pub looped: bool,
    /// The key ("Eb minor")
    #[arg(long, value_name = "K")]
    pub key: Option<String>,
    /// Beats a minute
    #[arg(long, value_name = "BPM", allow_negative_numbers = true)]
    pub tempo: Option<f64>,
    /// The style ("bossa"); without one, from the description
    #[arg(long, value_name = "S")]
    pub style: Option<String>,
    /// The same words with another seed are other music
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 0, value_parser = whole::<u64>)]
    pub seed: u64,
    /// A word by which `antiphon cache evict --tag` finds it, also where it is kept already; up to 8 times
    #[arg(long = "tag", value_name = "TEXT")]
    pub tags: Vec<String>,
    /// The sound's rate, in Hz
    #[arg(long, value_name = "HZ", value_parser = super::arguments::parse_rate)]
    pub rate: Option<SampleRate>,
    /// Where to write it: a `.wav` or a `.mid`; without it, it stays in the cache
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Plays it when it is there; with --json it is said first
    #[arg(long)]
    pub play: bool,
    /// It is given up after so many seconds
    #[arg(long, value_name = "S", allow_negative_numbers = true, default_value_t = 120.0)]
    pub deadline: f64,
    /// The configuration of backends (without it: config.toml in the folder for configurations)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
}

/// A whole number of the command line.
fn whole<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "write a whole number, such as 8".to_owned())
}

/// How it ended; of each everything has been said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// There is music, or all lines are answered.
    Done,
    /// There is none.
    Failed,
    /// What was asked for makes no sense.
    Misused,
}

/// Generates.
///
/// # Errors
/// [`Error`], of which nothing has been printed yet.
pub(super) fn generate(arguments: &GenerateArguments) -> Result<Ended, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Device, format!("the control threads cannot start: {e}")))?;
    let done = runtime.block_on(async {
        let studio = match Studio::open(arguments.config.as_deref()).await {
            Ok(studio) => studio,
            Err(error) if arguments.json => return closed(arguments, error).await,
            Err(error) => return Err(error),
        };
        let done = if arguments.description == "-" {
            lines::serve(arguments, &studio).await
        } else {
            once(arguments, &studio).await
        };
        studio.close().await;
        done
    });
    // What still computes for nobody is not waited for.
    runtime.shutdown_background();
    done
}

/// Answers a program where nothing can be generated at all: each of its requests.
async fn closed(arguments: &GenerateArguments, error: Error) -> Result<Ended, Error> {
    let kind = match error.kind {
        ErrorKind::Usage => FailureKind::Config,
        ErrorKind::Disk => FailureKind::Storage,
        ErrorKind::Input | ErrorKind::Device => FailureKind::Fault,
    };
    let failure = Failure::new(kind, error.message);
    if arguments.description == "-" {
        lines::refuse(arguments, &failure).await?;
    } else {
        super::print_json(&Answer::failed(&arguments.backend, &failure, Duration::ZERO))?;
    }
    Ok(if error.kind == ErrorKind::Usage { Ended::Misused } else { Ended::Failed })
}

async fn once(arguments: &GenerateArguments, studio: &Studio) -> Result<Ended, Error> {
    let mut stop = Signals::stop()?;
    let started = Instant::now();
    let asked = request(arguments).and_then(|request| Ok((request, seconds(arguments.deadline)?)));
    let answer = match &asked {
        Ok((request, limit)) => {
            let mut bar = None;
            let watch = || bar.insert(Bar::start(!arguments.json)).watch();
            let answer = tokio::select! {
                answer = answered(studio, request, *limit, arguments.out.as_deref(), watch) => answer,
                () = stop.came() => stopped(&request.backend, started.elapsed()),
            };
            if let Some(bar) = bar {
                bar.finish();
            }
            answer
        }
        Err(failure) => Answer::failed(&arguments.backend, failure, started.elapsed()),
    };
    said(arguments, &answer, &mut stop).await
}

/// Answers a request: with what is kept, or else with what is made, within the limit. Dropping the future
/// cancels.
async fn answered(
    studio: &Studio,
    request: &Request,
    limit: Duration,
    out: Option<&Path>,
    watch: impl FnOnce() -> Watch,
) -> Answer {
    let started = Instant::now();
    match tokio::time::timeout(limit, studio.kept(request, out.is_some())).await {
        Ok(Some(kept)) => return Answer::kept(request, kept, out, started.elapsed()),
        Ok(None) => {}
        Err(_) => {
            let message = "the cache could not be read in time: is its disk there, or does it answer slowly?";
            let failure = Failure::new(FailureKind::Timeout, message);
            return Answer::failed(&request.backend, &failure, started.elapsed());
        }
    }
    let looked = started.elapsed();
    let left = if looked < GLANCE { limit } else { limit.saturating_sub(looked) };
    let made = studio.generate(request, left, &watch()).await;
    Answer::of(studio, request, made, out, started.elapsed())
}

/// The answer to what is not wanted any more.
fn stopped(backend: &str, took: Duration) -> Answer {
    let failure = Failure::new(FailureKind::Cancelled, "stopped before it was done");
    Answer::failed(backend, &failure, took)
}

/// Says what came of it, and plays it where that was asked for.
async fn said(arguments: &GenerateArguments, answer: &Answer, stop: &mut Signals) -> Result<Ended, Error> {
    if arguments.json {
        super::print_json(answer)?;
    } else {
        super::tell(&answer.words());
        if let (None, false, Some(_)) = (&arguments.out, arguments.play, &answer.path) {
            super::tell(
                "note: the cache keeps it there for a while; `-o FILE.wav` writes it where you want it",
            );
        }
    }
    let Some(error) = &answer.error else {
        if let (true, Some(path)) = (arguments.play, &answer.path) {
            aloud::play(path, stop).await?;
        }
        return Ok(Ended::Done);
    };
    Ok(match error.kind {
        FailureKind::Usage | FailureKind::Config => Ended::Misused,
        _ => Ended::Failed,
    })
}

/// The request that the arguments come to.
fn request(arguments: &GenerateArguments) -> Result<Request, Failure> {
    let extension =
        arguments.out.as_ref().map(|out| out.extension().unwrap_or_default().to_ascii_lowercase());
    let form = match extension.as_ref().map(|extension| extension.to_str()) {
        None | Some(Some("wav")) => Form::Audio,
        Some(Some("mid" | "midi")) => Form::Midi,
        Some(_) => {
            return Err(Failure::new(FailureKind::Usage, "the file to write must end in .wav or .mid"));
        }
    };
    if let Some(out) = &arguments.out {
        placeable(out)?;
    }
    let mut request = Request::new(&arguments.description, arguments.rate.unwrap_or(SampleRate::DEFAULT));
    request.backend.clone_from(&arguments.backend);
    request.model.clone_from(&arguments.model);
    request.length = length(arguments.seconds, arguments.bars, request.length);
    request.key.clone_from(&arguments.key);
    request.tempo = arguments.tempo;
    request.style.clone_from(&arguments.style);
    request.seed = arguments.seed;
    request.form = form;
    request.looped = arguments.looped;
    request.tags = arguments.tags.iter().cloned().collect();
    checked(request)
}

/// A request that may be begun.
fn checked(request: Request) -> Result<Request, Failure> {
    match request.check() {
        Ok(()) => Ok(request),
        Err(error) => Err(Failure::new(FailureKind::Usage, error.to_string())),
    }
}

/// Whether a file may be written there: said before anything is made, which may take long.
fn placeable(out: &Path) -> Result<(), Failure> {
    let usage = |message: String| Err(Failure::new(FailureKind::Usage, message));
    if out.is_dir() {
        return usage(format!("{} is a folder: name a file in it", out.display()));
    }
    match out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) if !folder.is_dir() => {
            usage(format!("there is no folder {}: make it first, or name another file", folder.display()))
        }
        _ => Ok(()),
    }
}

fn length(seconds: Option<f64>, bars: Option<u32>, otherwise: Length) -> Length {
    match (seconds, bars) {
        (Some(seconds), _) => Length::Seconds(seconds),
        (None, Some(bars)) => Length::Bars(bars),
        (None, None) => otherwise,
    }
}

/// A limit in seconds.
fn seconds(limit: f64) -> Result<Duration, Failure> {
    const LONGEST: f64 = 3_600.0;
    if limit > 0.0 && limit <= LONGEST {
        return Ok(Duration::from_secs_f64(limit));
    }
    Err(Failure::new(
        FailureKind::Usage,
        format!("a deadline of {limit} s cannot be; more than 0 and at most {LONGEST} can"),
    ))
}

/// Milliseconds for people.
fn shown_ms(ms: f64) -> String {
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1_000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.1} s", ms / 1_000.0)
    }
}
