//! Generation: a request becomes music that was verified and is ready to be played.
//!
//! A [`Request`] goes through a [`Service`](service::Service): the cache is asked, else a generator of the pool lets a
//! [`Backend`] draft it, the draft is performed, verified and kept. All of this is the control world's;
//! the audio world gets what is ready, or is not told.

pub mod backends;
pub mod client;
pub mod config;
pub mod service;
pub mod tasks;
pub mod verify;

mod backend;
mod error;
mod lean;
pub mod local;
mod perform;
mod product;
mod request;

pub use backend::{Backend, Draft, Drafted, Drafting, Identity, Progress, Stage};
pub use config::Config;
pub use error::{Failure, FailureKind};
pub use perform::Perform;
pub use product::{Audio, CHART_PART, MIDI_PART, Product, SOUND_PART};
pub use request::{BEATS_PER_BAR, Form, Length, Request, RequestError};
