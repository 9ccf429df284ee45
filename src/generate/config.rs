//! The configuration of generation: which backends there are, and where.

mod environment;
mod file;
mod folders;
mod problem;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::backends::{Chat, Hf, Program};
use super::client::{Client, Limits, ModelClients, Roster, Secret, Server};
use super::local::Local;
use super::service::Backends;
use super::{Backend, Failure, FailureKind};
use crate::actor::Rate;
use crate::library;

pub use environment::Environment;
use file::{Entry, Kind};
use problem::nearest;

/// What Hugging Face's own servers are reached by.
const HF_URL: &str = "https://router.huggingface.co/hf-inference";
/// What is asked for where nobody names a model.
const HF_MODEL: &str = "facebook/musicgen-small";
/// A chat server of this machine's own, where nobody says another (Ollama's port).
const CHAT_URL: &str = "http://127.0.0.1:11434/v1";
const CHAT_MODEL: &str = "llama3.2";
/// No request takes longer, whatever it says.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The backends there are, each made once when it is first asked for, and the cache's folder.
pub struct Config {
    /// The file that was read.
    path: Option<PathBuf>,
    entries: BTreeMap<String, Entry>,
    cache_folder: Option<PathBuf>,
    cache_limits: library::Limits,
    environment: Environment,
    local: Option<Arc<dyn Backend>>,
    made: Mutex<BTreeMap<String, Made>>,
    roster: Arc<Roster>,
}

#[derive(Clone)]
struct Made {
    backend: Arc<dyn Backend>,
    client: Option<Client>,
}

impl Config {
    /// Reads a file, or `config.toml` in the platform's folder where that exists; and the environment.
    ///
    /// # Errors
    /// [`FailureKind::Config`]: every problem, with its place and what to do.
    pub fn load(path: Option<&Path>) -> Result<Config, Failure> {
        Config::load_in(path, Environment::of_process())
    }

    /// As [`load`](Self::load), in an environment.
    ///
    /// # Errors
    /// As there.
    pub fn load_in(path: Option<&Path>, environment: Environment) -> Result<Config, Failure> {
        let given = path.map(Path::to_owned);
        let file = given.clone().or_else(|| Config::default_path(&environment));
        let read = match &file {
            None => None,
            Some(path) => match file::read(path) {
                Ok(text) => Some(text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && given.is_none() => None,
                Err(error) => {
                    let message = format!("cannot read the configuration {}: {error}", path.display());
                    return Err(Failure::new(FailureKind::Config, message));
                }
            },
        };
        let (parsed, path) = match (read, file) {
            (Some(text), Some(path)) => (file::parse(&text, &path)?, Some(path)),
            _ => (file::Parsed::default(), None),
        };
        let mut entries = parsed.entries;
        entries.entry("local".to_owned()).or_insert_with(|| Entry::new(Kind::Local));
        for (kind, variable) in [(Kind::Hf, "ANTIPHON_MODEL_URL"), (Kind::Chat, "ANTIPHON_CHAT_URL")] {
            let exists = entries.values().any(|entry| entry.kind == kind);
            if environment.get(variable).is_some() && !exists {
                entries.entry(kind.name().to_owned()).or_insert_with(|| Entry::new(kind));
            }
        }
        let usual = library::Limits::default();
        let day = Duration::from_secs(24 * 60 * 60);
        let cache_limits = library::Limits {
            file_bytes: parsed.cache_size_mib.map_or(usual.file_bytes, |mib| mib << 20),
            ttl: parsed.cache_ttl_days.map_or(usual.ttl, |days| Some(day * days as u32)),
            ..usual
        };
        Ok(Config {
            path,
            entries,
            cache_folder: parsed.cache_folder,
            cache_limits,
            environment,
            local: None,
            made: Mutex::new(BTreeMap::new()),
            roster: Arc::default(),
        })
    }

    /// Where the file is looked for: `ANTIPHON_CONFIG`, or the platform's folder.
    pub fn default_path(environment: &Environment) -> Option<PathBuf> {
        if let Some(path) = environment.get("ANTIPHON_CONFIG") {
            return Some(PathBuf::from(path));
        }
        Some(folders::config(environment)?.join("config.toml"))
    }

    /// The file that was read; `None` where there is none.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// With something else in place of the embedded generator.
    pub fn with_local(mut self, local: Arc<dyn Backend>) -> Config {
        self.local = Some(local);
        self
    }

    /// The names of the backends, and their kinds.
    pub fn backends(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry.kind.name()))
    }

    /// Where the cache is: `ANTIPHON_CACHE_DIR`, else as the file says, else the platform's folder.
    ///
    /// # Errors
    /// [`FailureKind::Config`] where the platform has none.
    pub fn cache_folder(&self) -> Result<PathBuf, Failure> {
        if let Some(folder) = self.environment.get("ANTIPHON_CACHE_DIR") {
            return Ok(PathBuf::from(folder));
        }
        if let Some(folder) = &self.cache_folder {
            return Ok(folder.clone());
        }
        folders::cache(&self.environment).ok_or_else(|| {
            let message = "there is no home folder to keep the cache in: set ANTIPHON_CACHE_DIR";
            Failure::new(FailureKind::Config, message)
        })
    }

    /// How much the cache keeps, and for how long: as the file says, else [`Limits`](library::Limits)' own.
    pub fn cache_limits(&self) -> library::Limits {
        self.cache_limits
    }

    /// A backend by its name; the same one each time. To be asked for within a runtime of tokio's.
    ///
    /// # Errors
    /// [`FailureKind::Usage`] for a name that there is not; [`FailureKind::Config`] where it cannot be made.
    pub fn backend(&self, name: &str) -> Result<Arc<dyn Backend>, Failure> {
        self.made(name).map(|made| made.backend)
    }

    /// What builds the supervisor of the clients' actors, for a place in a tree.
    pub fn clients(&self) -> impl FnMut() -> ModelClients + Send + 'static {
        let roster = Arc::clone(&self.roster);
        move || ModelClients::new(Arc::clone(&roster))
    }

    /// The client of a backend that has one.
    ///
    /// # Errors
    /// As [`backend`](Self::backend).
    pub fn client(&self, name: &str) -> Result<Option<Client>, Failure> {
        self.made(name).map(|made| made.client)
    }

    fn made(&self, name: &str) -> Result<Made, Failure> {
        let Some(entry) = self.entries.get(name) else {
            return Err(self.unknown(name));
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.get(name) {
            return Ok(made.clone());
        }
        let fresh = self.make(name, entry)?;
        if let Some(client) = &fresh.client {
            self.roster.enter(name, client.clone());
        }
        made.insert(name.to_owned(), fresh.clone());
        Ok(fresh)
    }

    fn unknown(&self, name: &str) -> Failure {
        let names: Vec<&str> = self.entries.keys().map(String::as_str).collect();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? "),
            None => String::new(),
        };
        let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        let mut message = format!("there is no backend `{shown}`: {hint}there are: {}", names.join(", "));
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) {
            message.push_str(&self.how_to_add(kind));
        }
        Failure::new(FailureKind::Usage, message)
    }

    /// Where a backend is written, for whoever asks for one by its kind.
    fn how_to_add(&self, kind: Kind) -> String {
        let file = self.path.clone().or_else(|| Config::default_path(&self.environment));
        let file = file.map_or_else(|| "a file for --config".to_owned(), |file| file.display().to_string());
        let name = kind.name();
        let variable = match kind {
            Kind::Hf => ", or set ANTIPHON_MODEL_URL",
            Kind::Chat => ", or set ANTIPHON_CHAT_URL",
            Kind::Local | Kind::Program => "",
        };
        format!(". To have one, write [backend.{name}] with kind = \"{name}\" into {file}{variable}")
    }

    fn make(&self, name: &str, entry: &Entry) -> Result<Made, Failure> {
        let model = |default: &str| entry.model.clone().unwrap_or_else(|| default.to_owned());
        match entry.kind {
            Kind::Local => {
                let local = self.local.clone().unwrap_or_else(|| Arc::new(Local));
                Ok(Made { backend: local, client: None })
            }
            Kind::Hf => {
                let client =
                    self.connect(entry, "model server", "ANTIPHON_MODEL_URL", "ANTIPHON_MODEL_KEY", HF_URL)?;
                let backend = Arc::new(Hf::new(name, client.clone(), model(HF_MODEL)));
                Ok(Made { backend, client: Some(client) })
            }
            Kind::Chat => {
                let (url, key) = ("ANTIPHON_CHAT_URL", "ANTIPHON_CHAT_KEY");
                let client = self.connect(entry, "chat server", url, key, CHAT_URL)?;
                let backend = Arc::new(Chat::new(client.clone(), model(CHAT_MODEL)));
                Ok(Made { backend, client: Some(client) })
            }
            Kind::Program => {
                let limits = entry.limits();
                let backend =
                    Arc::new(Program::new(name, entry.command.clone(), limits.in_flight, limits.deadline));
                Ok(Made { backend, client: None })
            }
        }
    }

    /// A backend's file of certificates; one without a folder is beside the configuration.
    fn ca_file(&self, entry: &Entry) -> Option<PathBuf> {
        let folder = self.path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        entry.ca_file.as_deref().map(|file| folder.join(file))
    }

    fn connect(
        &self,
        entry: &Entry,
        what: &'static str,
        url_variable: &str,
        key_variable: &str,
        url: &str,
    ) -> Result<Client, Failure> {
        let from_environment = self.environment.get(url_variable);
        let url = from_environment.or(entry.url.as_deref()).unwrap_or(url);
        let named = |variable: &str| self.environment.get(variable).and_then(Secret::new);
        let own = entry.key_env.as_deref();
        let (key, variable) = match (named(key_variable), own) {
            (Some(key), _) => (Some(key), key_variable),
            (None, Some(own)) => (named(own), own),
            (None, None) => (None, key_variable),
        };
        let server = Server::new(what, url, key, variable)?.judged_by(self.ca_file(entry));
        Client::new(server, entry.limits())
    }
}

impl Entry {
    /// The client's limits, with what the file says of them.
    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        if let Some(in_flight) = self.in_flight {
            limits.in_flight = in_flight;
        }
        let burst = self.burst.and_then(NonZeroU32::new).unwrap_or(limits.rate.burst);
        let every =
            self.requests_per_second.map_or(limits.rate.every, |rate| Duration::from_secs_f64(1.0 / rate));
        limits.rate = Rate { every, burst };
        limits.tries = self.tries.unwrap_or(limits.tries);
        // Without a word of the file a request's own deadline holds, which is the client's where it says none.
        limits.deadline = self.deadline_seconds.map_or(LONGEST, Duration::from_secs_f64);
        limits
    }
}

impl Backends for Config {
    fn backend(&self, name: &str) -> Result<Arc<dyn Backend>, Failure> {
        Config::backend(self, name)
    }
}
