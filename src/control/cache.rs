//! `antiphon cache`: what was generated and kept, looked at and thrown away.

mod amount;
mod show;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};

use crate::engine::{Error, ErrorKind};
use crate::generate::{Config, Failure, FailureKind};
use crate::library::{Cache, Evict, Key, LibraryError, Limits, Listed};

/// The fewest digits of a key that stand for all of it.
const KEY_DIGITS: usize = 4;

/// `antiphon cache`.
#[derive(Args, Debug)]
pub struct CacheArguments {
    /// The cache's folder; without it, that of ANTIPHON_CACHE_DIR, of the configuration, or the platform's
    #[arg(long, global = true, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// The configuration; without it, `config.toml` in the platform's folder
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Prints JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: CacheCommand,
}

/// What can be done with it.
#[derive(Subcommand, Debug)]
enum CacheCommand {
    /// Says how much there is, and how often it was found
    Stats,
    /// Lists what there is, the newest first
    List,
    /// Throws away what is old, too much, tagged, or named
    Evict(EvictArguments),
    /// Throws all of it away
    Clear {
        /// Does not ask first
        #[arg(long)]
        yes: bool,
    },
    /// Reads all of it, and says what is damaged: exit status 0 where it is whole, 1 where it is not
    Verify,
}

/// `antiphon cache evict`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").required(true))]
struct EvictArguments {
    /// The key of an entry, or its first digits
    #[arg(group = "which")]
    key: Option<String>,
    /// Those stored longer ago than this: 90s, 30m, 12h, 30d, 2w
    #[arg(long, group = "which", value_name = "AGE", value_parser = amount::parse_age)]
    older_than: Option<Duration>,
    /// Those found the longest ago, until the rest is no larger than this: 500M, 2G, 1GiB
    #[arg(long, group = "which", value_name = "SIZE", value_parser = amount::parse_size)]
    to: Option<u64>,
    /// Those with a tag
    #[arg(long, group = "which", value_name = "TAG")]
    tag: Option<String>,
}

impl From<LibraryError> for Error {
    fn from(error: LibraryError) -> Error {
        let kind = if let LibraryError::Key(_) = error { ErrorKind::Usage } else { ErrorKind::Disk };
        Error::new(kind, error.to_string())
    }
}

/// The cache's folder: the one named, else that of the environment, of the configuration, or the platform's.
///
/// # Errors
/// [`Failure`] where the configuration is wrong, or there is none.
pub(super) fn folder(named: Option<&Path>, config: Option<&Path>) -> Result<PathBuf, Failure> {
    match named {
        Some(folder) => Ok(folder.to_owned()),
        None => Config::load(config)?.cache_folder(),
    }
}

/// Does it; gives whether all is well.
///
/// # Errors
/// [`Error`], of which nothing has been printed yet.
pub fn cache(arguments: &CacheArguments) -> Result<bool, Error> {
    let folder = folder(arguments.cache_dir.as_deref(), arguments.config.as_deref()).map_err(|failure| {
        let is_usage = failure.kind == FailureKind::Usage;
        Error::new(if is_usage { ErrorKind::Usage } else { ErrorKind::Input }, failure.to_string())
    })?;
    let out = &mut std::io::stdout();
    let there_is_one = folder.join("index.sqlite").try_exists();
    let cannot = |error| Error::new(ErrorKind::Disk, format!("{} cannot be read: {error}", folder.display()));
    if !there_is_one.map_err(cannot)? {
        return Ok(show::nothing(&folder, arguments, out));
    }
    let cache = Cache::open(&folder, Limits::default())?;
    let json = arguments.json;
    match &arguments.command {
        CacheCommand::Stats => show::stats(&cache.stats(), json, out),
        CacheCommand::List => show::list(cache.list(), json, out),
        CacheCommand::Verify => {
            let verified = cache.verify()?;
            show::verified(&folder, &verified, json, out);
            return Ok(verified.bad() == 0);
        }
        CacheCommand::Evict(which) => {
            let which = chosen(which, &cache.list())?;
            evict(&cache, &which, json, out)?;
        }
        CacheCommand::Clear { yes } => {
            if *yes || json || is_meant(&folder, &cache)? {
                evict(&cache, &Evict::All, json, out)?;
            } else {
                let _ = writeln!(out, "Nothing was removed.");
            }
        }
    }
    Ok(true)
}

fn evict(cache: &Cache, which: &Evict, json: bool, out: &mut impl Write) -> Result<(), Error> {
    let before = cache.stats();
    let evicted = cache.evict(which)?;
    show::evicted(evicted, &before, &cache.stats(), json, out);
    Ok(())
}

fn chosen(arguments: &EvictArguments, list: &[Listed]) -> Result<Evict, Error> {
    match arguments {
        EvictArguments { older_than: Some(age), .. } => Ok(Evict::OlderThan(*age)),
        EvictArguments { to: Some(bytes), .. } => Ok(Evict::To(*bytes)),
        EvictArguments { tag: Some(tag), .. } => Ok(Evict::Tag(tag.clone())),
        EvictArguments { key, .. } => {
            key_of(key.as_deref().unwrap_or_default(), list.iter().map(|listed| listed.key)).map(Evict::Key)
        }
    }
}

/// The one key that begins so.
fn key_of(begin: &str, keys: impl Iterator<Item = Key>) -> Result<Key, Error> {
    let wrong = |text: String| Err(Error::new(ErrorKind::Usage, text));
    let begin = begin.to_ascii_lowercase();
    let shown: String = begin.chars().take(64).map(crate::rig::printable).collect();
    if begin.len() < KEY_DIGITS || !begin.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return wrong(format!(
            "`{shown}` is no key: give its first {KEY_DIGITS} digits or more, as `antiphon cache list` shows them"
        ));
    }
    let mut found = keys.filter(|key| key.to_string().starts_with(&begin));
    match (found.next(), found.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => wrong(format!("no entry's key begins with `{shown}`: see `antiphon cache list`")),
        (Some(_), Some(_)) => wrong(format!("several keys begin with `{shown}`: give more digits")),
    }
}

/// Asks on a terminal; elsewhere it is meant.
fn is_meant(folder: &Path, cache: &Cache) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    let stats = cache.stats();
    let size = amount::size(stats.bytes);
    let asked = format!("Remove all {} entries ({size}) in {}? [y/N] ", stats.entries, folder.display());
    let mut answer = String::new();
    let mut err = std::io::stderr();
    // Who cannot be asked has not said yes.
    let _ = write!(err, "{asked}").and_then(|()| err.flush());
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Error::new(ErrorKind::Usage, format!("nobody answered: {error}; say --yes")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_first_digits() {
        let keys = || (0..100_u32).map(|number| Key::of(&number).expect("a key"));
        let key = Key::of(&7).expect("a key");
        assert_eq!(key_of(&key.to_string()[..12].to_uppercase(), keys()).ok(), Some(key));
        for (wrong, why) in [("ab", "first 4 digits"), ("wxyz", "no key"), ("abcdefabcdef", "no entry's key")]
        {
            let error = key_of(wrong, keys()).expect_err("wrong");
            assert!(error.kind == ErrorKind::Usage && error.message.contains(why), "{}", error.message);
        }
        let twice = [key, key].into_iter();
        assert!(key_of(&key.to_string(), twice).is_err_and(|error| error.message.contains("several")));
    }
}
