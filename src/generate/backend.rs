use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use super::{Failure, Request};

/// What a backend gives, as it came: not verified, not performed.
#[derive(Clone, PartialEq, Debug)]
pub enum Draft {
    /// An audio file, and what its server called its type.
    Sound {
        /// The file.
        bytes: Vec<u8>,
        /// The server's `Content-Type`, where it said one.
        content_type: Option<String>,
    },
    /// A MIDI file, to be performed.
    Midi {
        /// The file.
        bytes: Vec<u8>,
        /// The chord chart that it was arranged from, as JSON.
        chart: Option<String>,
        /// Beats a minute.
        tempo: f64,
    },
}

/// Where a generation is. In this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Waits for a generator.
    Waiting,
    /// The backend is at it.
    Drafting,
    /// MIDI is being played to sound.
    Performing,
    /// It is being listened to.
    Verifying,
    /// It is being kept.
    Keeping,
}

/// What a generation says of itself on its way.
#[derive(Clone, PartialEq, Debug)]
pub struct Progress {
    /// Where it is.
    pub stage: Stage,
    /// How much of the stage is done, from 0 to 1, where known.
    pub done: Option<f32>,
    /// In words ("try 2 of 3, in 1.5 s").
    pub words: String,
}

impl Progress {
    /// At the beginning of a stage.
    pub fn at(stage: Stage) -> Progress {
        Progress { stage, done: None, words: String::new() }
    }
}

impl Stage {
    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Waiting => "waiting",
            Stage::Drafting => "drafting",
            Stage::Performing => "performing",
            Stage::Verifying => "verifying",
            Stage::Keeping => "keeping",
        }
    }
}

/// Which music a backend makes: part of the cache's key, so that another server, model or program under the
/// same name is asked anew. Never a key or a password.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Identity {
    /// Its kind.
    pub kind: &'static str,
    /// Where it is: without name, password and query, which may hold a key.
    pub url: Option<String>,
    /// The model that is asked: the request's, or the configuration's where that names none.
    pub model: Option<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
}

impl Identity {
    /// Of something that its kind says all about.
    pub fn new(kind: &'static str) -> Identity {
        Identity { kind, url: None, model: None, command: Vec::new() }
    }
}

/// What a backend is told beside the request. It is cut off at its next await where it is cancelled or
/// late: dropping its future must leave nothing behind (a process, a connection).
pub struct Drafting<'a> {
    /// Hears how far it is; called as often as one likes.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
    /// When the request came. What it waited here since then says nothing of a server.
    pub begun: tokio::time::Instant,
    /// The whole generation ends by then.
    pub deadline: tokio::time::Instant,
}

/// A draft and how many tries it took.
pub type Drafted = (Draft, u32);

/// Something that turns a request into a draft: a generator of our own, or a server's client.
///
/// One backend serves many requests at once.
pub trait Backend: Send + Sync {
    /// Drafts the music.
    ///
    /// # Errors
    /// [`Failure`], whose kind says whether another try may help; with its tries counted.
    fn draft<'a>(
        &'a self,
        request: &'a Request,
        drafting: Drafting<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Drafted, Failure>> + Send + 'a>>;

    /// What of a request it does not do as it is worded, for whoever asked. Not why it fails.
    fn remarks(&self, request: &Request) -> Vec<String> {
        let _ = request;
        Vec::new()
    }

    /// How many requests it takes at a time.
    fn in_flight(&self) -> usize {
        10
    }
}
