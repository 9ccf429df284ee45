//! Where the report goes besides the terminal.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::control::files::write_whole;
use crate::engine::{Error, ErrorKind};
use crate::measure::{Report, html};

/// The files that were asked for.
#[derive(Debug)]
pub(super) struct Files {
    json: Option<PathBuf>,
    html: Option<PathBuf>,
}

impl Files {
    /// # Errors
    /// Where one of them could not be written: nobody wants to learn that after minutes.
    pub(super) fn at(json: Option<&Path>, html: Option<&Path>) -> Result<Files, Error> {
        for path in [json.filter(|path| !is_stdout(path)), html].into_iter().flatten() {
            try_out(path)?;
        }
        if html.is_some_and(is_stdout) {
            let message = "`--html -` would print a page: name a file that ends in .html";
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok(Files { json: json.map(Path::to_owned), html: html.map(Path::to_owned) })
    }

    /// Whether stdout is for the JSON alone.
    pub(super) fn is_piped(&self) -> bool {
        self.json.as_deref().is_some_and(is_stdout)
    }

    /// Writes them, each whole or not at all.
    pub(super) fn write(&self, report: &Report) -> Result<(), Error> {
        if let Some(path) = &self.html {
            write_whole(path, html::page(report).as_bytes())?;
        }
        let Some(path) = &self.json else { return Ok(()) };
        let mut text = serde_json::to_string_pretty(report)
            .map_err(|e| Error::new(ErrorKind::Disk, format!("{} cannot be written: {e}", path.display())))?;
        text.push('\n');
        if is_stdout(path) {
            // Whoever asked and went away misses nothing but this.
            let _ = std::io::stdout().write_all(text.as_bytes());
            return Ok(());
        }
        write_whole(path, text.as_bytes())
    }

    /// Where they are, in words.
    pub(super) fn told(&self) -> String {
        let line = |what: &str, path: &PathBuf| format!("{what}: {}\n", path.display());
        let json = self.json.iter().filter(|path| !is_stdout(path)).map(|path| line("JSON", path));
        let told: String = json.chain(self.html.iter().map(|path| line("Page", path))).collect();
        if told.is_empty() { told } else { format!("\n{told}") }
    }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether a file could be put there: another is, beside it, and taken away again.
fn try_out(path: &Path) -> Result<(), Error> {
    let refused = |why: String| {
        let message = format!("{} cannot be written: {why}; nothing was measured", path.display());
        Err(Error::new(ErrorKind::Disk, message))
    };
    if path.is_dir() {
        return refused("it is a folder".to_owned());
    }
    if path.file_name().is_none() {
        return refused("it has no name".to_owned());
    }
    let beside = path.with_file_name(format!(".antiphon-bench.{}.part", std::process::id()));
    let tried = std::fs::File::create(&beside).and_then(|_| std::fs::remove_file(&beside));
    tried.or_else(|error| refused(error.to_string()))
}
