//! The configuration of generation: which backends there are, and where.

mod environment;
mod file;
mod folders;
mod place;
mod problem;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::backends::{Chat, Discreet, Hf, Program};
use super::client::{Client, Limits, ModelClients, Roster, Secret, Secrets, Server};
use super::local::Local;
use super::service::{Backends, GENERATORS};
use super::{Backend, Failure, FailureKind, Identity};
use crate::actor::Rate;
use crate::library;

pub use environment::Environment;
use file::{Entry, Kind};
use place::{CHAT, HF, Place};
use problem::nearest;

/// Of a program so many are run at a time where the file does not say.
const PROGRAMS: usize = GENERATORS - 1;
/// No request takes longer, whatever it says.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The backends there are, each made once when it is first asked for, and the cache's folder.
pub struct Config {
    /// The file that was read.
    path: Option<PathBuf>,
    entries: BTreeMap<String, Entry>,
    cache_folder: Option<PathBuf>,
    generators: Option<usize>,
    cache_limits: library::Limits,
    environment: Environment,
    secrets: Secrets,
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
            if environment.get(variable).is_some() {
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
            cache_folder: parsed.cache_folder,
            cache_limits,
            generators: parsed.generators,
            secrets: secrets(&entries, &environment),
            entries,
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

    /// The keys and passwords that there are, to be kept out of texts.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
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

    /// How many generators there are to be: as the file says, else enough that each backend may have as much
    /// under way as it takes, and one is left for the others.
    pub fn generators(&self) -> usize {
        let needed = self.entries.values().filter_map(Entry::most_at_once).max().map_or(0, |most| most + 1);
        self.generators.unwrap_or(needed.max(GENERATORS))
    }

    /// What whoever asks a backend is told where the file has too few generators for it.
    pub fn cramped(&self, name: &str) -> Option<String> {
        let generators = self.generators?;
        let most = self.entries.get(name)?.most_at_once()?;
        (generators <= most).then(|| {
            format!(
                "`generators = {generators}` in [generation] lets {} of `{name}` be under way at once, and its \
                 `in_flight` {most}: write generators = {}, or a smaller in_flight",
                generators.saturating_sub(1).max(1),
                most + 1
            )
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
        let mut fresh = self.make(name, entry)?;
        if entry.kind != Kind::Local {
            fresh.backend = Arc::new(Discreet::new(fresh.backend, self.secrets.clone()));
        }
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

    /// What a backend is, without making it.
    ///
    /// # Errors
    /// As [`backend`](Self::backend), for its name and its URL.
    pub fn identity(&self, name: &str, model: Option<&str>) -> Result<Identity, Failure> {
        let entry = self.entries.get(name).ok_or_else(|| self.unknown(name))?;
        let mut identity = Identity::new(entry.kind.name());
        if let Some(place) = Place::of(entry.kind) {
            let mut url =
                Server::new(place.what, self.url(entry, place), None, place.key_variable)?.url().clone();
            url.set_query(None);
            identity.url = Some(url.into());
            identity.model = Some(model.map_or_else(|| entry.model(place), str::to_owned));
        }
        identity.command.clone_from(&entry.command);
        Ok(identity)
    }

    fn make(&self, name: &str, entry: &Entry) -> Result<Made, Failure> {
        let limits = entry.limits();
        match entry.kind {
            Kind::Local => {
                let local = self.local.clone().unwrap_or_else(|| Arc::new(Local));
                Ok(Made { backend: local, client: None })
            }
            Kind::Hf => {
                let client = self.connect(entry, &HF, limits)?;
                let backend = Arc::new(Hf::new(name, client.clone(), entry.model(&HF)));
                Ok(Made { backend, client: Some(client) })
            }
            Kind::Chat => {
                let client = self.connect(entry, &CHAT, Chat::limits(limits))?;
                let backend = Arc::new(Chat::new(client.clone(), entry.model(&CHAT)));
                Ok(Made { backend, client: Some(client) })
            }
            Kind::Program => {
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

    /// Where a server is: the environment wins over the file.
    fn url<'a>(&'a self, entry: &'a Entry, place: &'a Place) -> &'a str {
        self.environment.get(place.url_variable).or(entry.url.as_deref()).unwrap_or(place.url)
    }

    fn connect(&self, entry: &Entry, place: &Place, limits: Limits) -> Result<Client, Failure> {
        let key_variable = place.key_variable;
        let named = |variable: &str| self.environment.get(variable).and_then(Secret::new);
        let own = entry.key_env.as_deref();
        let (key, variable) = match (named(key_variable), own) {
            (Some(key), _) => (Some(key), key_variable),
            (None, Some(own)) => (named(own), own),
            (None, None) => (None, key_variable),
        };
        let server =
            Server::new(place.what, self.url(entry, place), key, variable)?.judged_by(self.ca_file(entry));
        Client::new(server, limits)
    }
}

/// The keys of all backends, and the passwords in their URLs.
fn secrets(entries: &BTreeMap<String, Entry>, environment: &Environment) -> Secrets {
    let own = entries.values().filter_map(|entry| entry.key_env.as_deref());
    let keys =
        own.chain(["ANTIPHON_MODEL_KEY", "ANTIPHON_CHAT_KEY"]).filter_map(|name| environment.get(name));
    let given =
        ["ANTIPHON_MODEL_URL", "ANTIPHON_CHAT_URL"].into_iter().filter_map(|name| environment.get(name));
    let urls = given.chain(entries.values().filter_map(|entry| entry.url.as_deref()));
    keys.filter_map(Secret::new).chain(urls.flat_map(Secret::in_url)).collect()
}

impl Entry {
    /// The model that is asked where a request names none.
    fn model(&self, place: &Place) -> String {
        self.model.clone().unwrap_or_else(|| place.model.to_owned())
    }

    /// How many requests it takes at a time; nothing for what is of this process. A program is a whole one
    /// more each time: of those there are fewer where the file does not say.
    fn most_at_once(&self) -> Option<usize> {
        let usual = match self.kind {
            Kind::Local => return None,
            Kind::Hf | Kind::Chat => Limits::default().in_flight,
            Kind::Program => PROGRAMS,
        };
        Some(self.in_flight.unwrap_or(usual))
    }

    /// The client's limits, with what the file says of them.
    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.in_flight = self.most_at_once().unwrap_or(limits.in_flight);
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

    fn identity(&self, name: &str, model: Option<&str>) -> Result<Identity, Failure> {
        Config::identity(self, name, model)
    }
}
