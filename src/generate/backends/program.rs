//! A program of the musician's own: a line of JSON in, lines of JSON out.
//!
//! It reads the request on its standard input and writes `{"progress": 0.3, "words": "…"}` as often as it
//! likes, then what came of it: `midi_base64`, `audio_base64`, `path` or `chart`, or `{"error": "…"}`. It
//! is a group of processes of its own, which is killed as a whole.

mod line;
mod pages;
mod process;
mod words;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::asked;
use crate::actor::{Bulkhead, BulkheadError};
use crate::generate::{Backend, Draft, Drafted, Drafting, Failure, FailureKind, Request};
use line::Line;
use process::Process;

pub use words::split_command;

/// So many more wait for a place.
const WAITING: usize = 1_024;

/// The draft in a line of anything, for tests/fuzz; files are not read.
///
/// # Errors
/// [`Failure`]: the line says so, or says nothing.
#[cfg(fuzzing)]
pub fn draft_of(line: &[u8], request: &Request) -> Result<Option<Draft>, Failure> {
    Ok(match line::read(line, request, "fuzz")? {
        Line::Draft(line::Came::Here(draft)) => Some(draft),
        Line::Draft(line::Came::File { .. }) | Line::Progress(_) | Line::Strange(_) => None,
    })
}

/// A command, which is run once for each request.
pub struct Program {
    name: String,
    command: Vec<String>,
    deadline: Duration,
    in_flight: usize,
    bulkhead: Bulkhead,
}

impl Program {
    /// A command, so many of it at a time, each no longer than the deadline.
    pub fn new(
        name: impl Into<String>,
        command: Vec<String>,
        in_flight: usize,
        deadline: Duration,
    ) -> Program {
        let bulkhead = Bulkhead::new(in_flight, WAITING);
        Program { name: name.into(), command, deadline, in_flight, bulkhead }
    }

    async fn drafted(&self, request: &Request, drafting: &Drafting<'_>) -> Result<Drafted, Failure> {
        let deadline = drafting.deadline.min(Instant::now() + self.deadline);
        let left = deadline.saturating_duration_since(Instant::now());
        let _place = self.bulkhead.enter(left).await.map_err(|error| match error {
            BulkheadError::Full { .. } => {
                let message = format!(
                    "{WAITING} requests wait for the program `{}` already: try again later",
                    self.name
                );
                Failure::new(FailureKind::Busy, message)
            }
            BulkheadError::Late(_) => self.late(),
        })?;
        let mut process = Process::start(&self.name, &self.command)?;
        let left = deadline.saturating_duration_since(Instant::now()).as_secs_f64();
        let asked = asked(request, left);
        let talk = self.talk(&mut process, &asked, request, drafting);
        let Ok(drafted) = timeout_at(deadline, talk).await else {
            // Killed here and now, with all of its own.
            drop(process);
            return Err(self.late().after(1));
        };
        process.end(deadline).await;
        drafted.map(|draft| (draft, 1)).map_err(|failure| failure.after(1))
    }

    async fn talk(
        &self,
        process: &mut Process,
        asked: &Value,
        request: &Request,
        drafting: &Drafting<'_>,
    ) -> Result<Draft, Failure> {
        process.say(asked);
        let mut strange = None;
        while let Some(line) = process.line().await? {
            match line::read(&line, request, &self.name)? {
                Line::Progress(progress) => (drafting.progress)(progress),
                Line::Draft(read) => return read.draft().await,
                Line::Strange(text) => strange = Some(text),
            }
        }
        Err(process.ended(strange).await)
    }

    fn late(&self) -> Failure {
        let message = format!(
            "the program `{}` was not done in time: ask for less, or allow more time (`deadline_seconds`)",
            self.name
        );
        Failure::new(FailureKind::Timeout, message)
    }
}

impl Backend for Program {
    fn draft<'a>(
        &'a self,
        request: &'a Request,
        drafting: Drafting<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Drafted, Failure>> + Send + 'a>> {
        Box::pin(async move { self.drafted(request, &drafting).await })
    }

    fn in_flight(&self) -> usize {
        self.in_flight
    }
}

/// The line that a program reads.
fn asked(request: &Request, deadline_seconds: f64) -> Value {
    let mut asked = serde_json::to_value(request).unwrap_or_else(|_| json!({}));
    asked["seconds"] = json!(asked::seconds(request));
    asked["deadline_seconds"] = json!(deadline_seconds);
    asked
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::unit::SampleRate;

    /// By a clock that stands still while anything is done.
    #[tokio::test(start_paused = true)]
    async fn one_that_is_late_is_killed_at_its_deadline() {
        let limit = Duration::from_secs(2);
        let program = Program::new("mine", ["sleep", "600"].map(str::to_owned).to_vec(), 1, limit);
        let (begun, request) = (Instant::now(), Request::new("a tune", SampleRate::DEFAULT));
        let drafting = Drafting { progress: &|_| {}, begun, deadline: begun + 10 * limit };
        let failure = program.draft(&request, drafting).await.expect_err("it sleeps");
        assert_eq!((failure.kind, failure.tries), (FailureKind::Timeout, 1), "{failure}");
        let elapsed = begun.elapsed();
        assert!((limit..limit + Duration::from_millis(100)).contains(&elapsed), "{elapsed:?}");
    }
}
