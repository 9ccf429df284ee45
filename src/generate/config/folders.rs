//! Where the platform keeps what a program is told, and what it may lose.

use std::path::PathBuf;

use super::Environment;

const NAME: &str = "antiphon";

/// The folder of the configuration.
pub(super) fn config(environment: &Environment) -> Option<PathBuf> {
    if cfg!(windows) {
        return Some(path(environment, "APPDATA")?.join(NAME).join("config"));
    }
    if cfg!(target_os = "macos") {
        return Some(path(environment, "HOME")?.join("Library/Application Support").join(NAME));
    }
    let base =
        path(environment, "XDG_CONFIG_HOME").or_else(|| Some(path(environment, "HOME")?.join(".config")))?;
    Some(base.join(NAME))
}

/// The folder of the cache.
pub(super) fn cache(environment: &Environment) -> Option<PathBuf> {
    if cfg!(windows) {
        return Some(path(environment, "LOCALAPPDATA")?.join(NAME).join("cache"));
    }
    if cfg!(target_os = "macos") {
        return Some(path(environment, "HOME")?.join("Library/Caches").join(NAME));
    }
    let base =
        path(environment, "XDG_CACHE_HOME").or_else(|| Some(path(environment, "HOME")?.join(".cache")))?;
    Some(base.join(NAME))
}

/// A variable that names a whole path; others are not obeyed (XDG Base Directory Specification).
fn path(environment: &Environment, variable: &str) -> Option<PathBuf> {
    environment.get(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}
