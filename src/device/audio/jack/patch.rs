use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use ::jack::{Client, Error, LatencyType, PortFlags};

use super::super::DriverError;
use super::server::{self, AUDIO};

/// How long a server may take to answer; a dead one may never.
const PATIENCE: Duration = Duration::from_secs(2);

/// Questions that may wait, where a server does not answer; another is not asked.
const WAITING: usize = 4;

type Question = Box<dyn FnOnce(&Client) + Send>;

/// A hand at the patchbay of a JACK server, as a person has one: a client of its own, with no
/// ports, on a thread of its own, so that a server that hangs is waited for no longer
/// than two seconds a question. Real-time: no.
pub struct JackPatch {
    questions: Option<SyncSender<Question>>,
    ended: Receiver<()>,
}

impl JackPatch {
    /// Opens it at the running server.
    ///
    /// # Errors
    /// [`DriverError::Unavailable`] where none runs.
    pub fn open() -> Result<JackPatch, DriverError> {
        let client = server::connect("antiphon-patch")?;
        let (questions, receiver) = sync_channel::<Question>(WAITING);
        let (end, ended) = sync_channel(1);
        let body = move || {
            for question in receiver {
                question(&client);
            }
            drop(client);
            let _ = end.send(());
        };
        std::thread::Builder::new().name("antiphon-patch".to_owned()).spawn(body).map_err(|error| {
            DriverError::Unavailable {
                driver: "JACK",
                reason: error.to_string(),
                advice: "the system allows this user no more threads",
            }
        })?;
        Ok(JackPatch { questions: Some(questions), ended })
    }

    fn ask<T: Send + 'static>(&self, question: impl FnOnce(&Client) -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = sync_channel(1);
        let question = move |client: &Client| {
            let _ = answer.send(question(client));
        };
        self.questions.as_ref()?.try_send(Box::new(question)).ok()?;
        answered.recv_timeout(PATIENCE).ok()
    }

    /// Audio ports that sound goes to; `None` where the server does not answer.
    pub fn destinations(&self) -> Option<Vec<String>> {
        self.ask(|client| client.ports(None, Some(AUDIO), PortFlags::IS_INPUT))
    }

    /// Audio ports that sound comes from.
    pub fn sources(&self) -> Option<Vec<String>> {
        self.ask(|client| client.ports(None, Some(AUDIO), PortFlags::IS_OUTPUT))
    }

    /// The ports that a port is connected to, in order of their names.
    pub fn connections(&self, port: &str) -> Option<Vec<String>> {
        let port = port.to_owned();
        let mut names = self.ask(move |client| {
            client.port_by_name(&port).map(|port| port.get_connections()).unwrap_or_default()
        })?;
        names.sort();
        Some(names)
    }

    /// Connects two ports; `false` where the server does not.
    pub fn connect(&self, source: &str, destination: &str) -> bool {
        let (source, destination) = (source.to_owned(), destination.to_owned());
        let asked = self.ask(move |client| client.connect_ports_by_name(&source, &destination));
        matches!(asked, Some(Ok(()) | Err(Error::PortAlreadyConnected(..))))
    }

    /// Takes a connection away; `false` where the server does not.
    pub fn disconnect(&self, source: &str, destination: &str) -> bool {
        let (source, destination) = (source.to_owned(), destination.to_owned());
        let asked = self.ask(move |client| client.disconnect_ports_by_name(&source, &destination));
        matches!(asked, Some(Ok(())))
    }

    /// What the server says that it takes from this output to the device's jack, and from
    /// the device's jack to this input, in frames.
    pub fn latency_frames(&self, output: &str, input: &str) -> Option<(u32, u32)> {
        let (output, input) = (output.to_owned(), input.to_owned());
        self.ask(move |client| {
            let of =
                |port: &str, which| client.port_by_name(port).map(|port| port.get_latency_range(which).1);
            Some((of(&output, LatencyType::Playback)?, of(&input, LatencyType::Capture)?))
        })?
    }
}

impl Drop for JackPatch {
    fn drop(&mut self) {
        self.questions = None;
        // Of a server that hangs the thread stays behind.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}
