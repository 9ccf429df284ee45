//! `antiphon cache`: what was generated and kept, looked at and thrown away.

mod amount;
mod show;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};

use crate::engine::{Error, ErrorKind};
use crate::generate::{Config, Failure, FailureKind};
use crate::library::{Cache, CacheStats, Evict, Key, LibraryError, Limits, Listed, Verified};

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
    /// Reads all of it, changes nothing, and says what is damaged: exit status 0 where it is whole, 1 where an
    /// entry or the index is damaged, 3 where it could not be looked at
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
        let hint = if error.damage().is_some() {
            ": the next generation sets it aside, `antiphon cache clear` begins a new one now"
        } else if error.is_full() {
            ", or let `antiphon cache clear --yes` throw all of the cache away: that needs none"
        } else {
            ""
        };
        Error::new(kind, format!("{error}{hint}"))
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

/// `verify` could not look, and so does not know.
const NOT_LOOKED: u8 = 3;

/// Does it, and says what came of it; gives the exit status.
pub fn cache(arguments: &CacheArguments) -> u8 {
    let out = &mut std::io::stdout();
    let error = match done(arguments, out) {
        Ok(status) => return status,
        Err(error) => error,
    };
    let is_verify = matches!(arguments.command, CacheCommand::Verify);
    if arguments.json {
        show::failed(&error, is_verify, out);
    } else {
        super::tell(&format!("antiphon: {error}"));
    }
    match error.kind {
        ErrorKind::Usage => 2,
        _ if is_verify => NOT_LOOKED,
        _ => 1,
    }
}

/// Where the cache is, and how much it may hold.
fn place(arguments: &CacheArguments) -> Result<(PathBuf, Limits), Error> {
    let config = Config::load(arguments.config.as_deref());
    if let Some(folder) = &arguments.cache_dir {
        // Where it stands is said: a configuration that is wrong hinders nobody.
        return Ok((
            folder.clone(),
            config.map_or_else(|_| Limits::default(), |config| config.cache_limits()),
        ));
    }
    config.and_then(|config| Ok((config.cache_folder()?, config.cache_limits()))).map_err(|failure| {
        let is_usage = failure.kind == FailureKind::Usage;
        Error::new(if is_usage { ErrorKind::Usage } else { ErrorKind::Input }, failure.to_string())
    })
}

/// Gives the exit status.
fn done(arguments: &CacheArguments, out: &mut impl Write) -> Result<u8, Error> {
    let (folder, limits) = place(arguments)?;
    let cannot = |error| Error::new(ErrorKind::Disk, format!("{} cannot be read: {error}", folder.display()));
    if !Cache::is_in(&folder).map_err(cannot)? {
        show::nothing(&folder, &limits, arguments, out);
        return Ok(0);
    }
    let json = arguments.json;
    match &arguments.command {
        CacheCommand::Stats => show::stats(&Cache::look(&folder, limits)?.stats(), json, out),
        CacheCommand::List => show::list(Cache::look(&folder, limits)?.list(), json, out),
        CacheCommand::Verify => {
            let verified = verified(&folder, limits)?;
            show::verified(&folder, &verified, json, out);
            return Ok(u8::from(verified.bad() > 0));
        }
        CacheCommand::Evict(which) => {
            let cache = Cache::open(&folder, limits)?;
            let which = chosen(which, &cache.list())?;
            let before = cache.stats();
            let evicted = cache.evict(&which)?;
            let after = cache.stats();
            show::evicted(Some(evicted), before.bytes.saturating_sub(after.bytes), &after, json, out);
        }
        CacheCommand::Clear { yes } => clear(&folder, limits, *yes, json, out)?,
    }
    Ok(0)
}

fn verified(folder: &Path, limits: Limits) -> Result<Verified, LibraryError> {
    let verified = Cache::look(folder, limits).and_then(|cache| cache.verify());
    verified.or_else(|error| match error.damage() {
        Some(reason) => Ok(Verified { index: Some(reason.to_owned()), ..Verified::default() }),
        None => Err(error),
    })
}

fn clear(folder: &Path, limits: Limits, yes: bool, json: bool, out: &mut impl Write) -> Result<(), Error> {
    let known = Cache::look(folder, limits).ok().map(|cache| cache.stats());
    if !yes && !json && !is_meant(folder, known.as_ref())? {
        let _ = writeln!(out, "Nothing was removed.");
        return Ok(());
    }
    let cleared = Cache::open(folder, limits).and_then(|cache| {
        let before = cache.stats();
        Ok((cache.clear()?, before, cache.stats()))
    });
    match cleared {
        Ok((evicted, before, after)) => {
            show::evicted(Some(evicted), before.bytes.saturating_sub(after.bytes), &after, json, out);
        }
        // To write down that they are gone takes room.
        Err(error) if error.is_full() => {
            let (_, freed_bytes) = Cache::empty(folder)?;
            let evicted = known.map(|known| known.entries);
            show::evicted(evicted, freed_bytes, &CacheStats::default(), json, out);
        }
        Err(error) => return Err(error.into()),
    }
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
fn is_meant(folder: &Path, known: Option<&CacheStats>) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    let what = known.map_or_else(String::new, |stats| {
        format!(" {} entries ({})", stats.entries, amount::size(stats.bytes))
    });
    let asked = format!("Remove all{what} in {}? [y/N] ", folder.display());
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
