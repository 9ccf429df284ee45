use std::path::{Path, PathBuf};

/// Where `/proc`, `/sys` and `/dev` are: another place only in tests.
#[derive(Clone, Debug)]
pub struct Root(PathBuf);

impl Default for Root {
    fn default() -> Root {
        Root(PathBuf::from("/"))
    }
}

impl Root {
    /// A folder that stands for `/`.
    pub fn at(folder: &Path) -> Root {
        Root(folder.to_owned())
    }

    /// Whether this is the system itself.
    pub fn is_system(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// A path in it, given without its first `/`.
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// What a file says, trimmed; `None` where it cannot be read.
    pub fn text(&self, path: &str) -> Option<String> {
        let bytes = std::fs::read(self.path(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// A file that is a number.
    pub fn number(&self, path: &str) -> Option<u64> {
        self.text(path)?.parse().ok()
    }

    /// A line of a file that says so many kiB, in bytes.
    pub fn kib(&self, path: &str, name: &str) -> Option<u64> {
        let text = self.text(path)?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib << 10)
    }

    /// The names in a folder, in order; none where there is no such folder.
    pub fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}
