use serde::{Deserialize, Serialize};

use super::{Root, ask};

/// A sound server or driver.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SoundServer {
    /// `alsa`, `jack`, `pipewire` or `pulseaudio`.
    pub name: String,
    /// Null where it does not say.
    pub version: Option<String>,
}

/// What runs here: the kernel's ALSA, and servers by their processes' names.
pub(super) fn running(root: &Root) -> Vec<SoundServer> {
    let mut servers = Vec::new();
    if let Some(text) = root.text("proc/asound/version") {
        servers.push(SoundServer { name: "alsa".to_owned(), version: version_in(&text) });
    }
    let processes: Vec<String> = root
        .names("proc")
        .iter()
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|number| root.text(&format!("proc/{number}/comm")))
        .collect();
    for (name, programs) in [
        ("jack", ["jackd", "jackdbus"].as_slice()),
        ("pipewire", &["pipewire"]),
        ("pulseaudio", &["pulseaudio"]),
    ] {
        let Some(program) =
            programs.iter().find(|program| processes.iter().any(|process| process == *program))
        else {
            continue;
        };
        let version = root.is_system().then(|| says(program)).flatten();
        servers.push(SoundServer { name: name.to_owned(), version });
    }
    servers
}

/// The version that a program prints.
fn says(program: &str) -> Option<String> {
    // Some say it with another status than 0.
    let output = ask(program, &["--version"])?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

/// The first word of a text that is a version: `1.9.22`, `v16.1`, `k6.18.44`.
fn version_in(text: &str) -> Option<String> {
    let words = text.split_whitespace().map(|word| word.trim_end_matches(['.', ',']));
    let versions = words.map(|word| word.trim_start_matches(['v', 'k']));
    let mut versions =
        versions.filter(|word| word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit()));
    versions.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (text, version) in [
            ("jackdmp 1.9.21\nCopyright 2001-2005 Paul Davis", Some("1.9.21")),
            ("pipewire\nCompiled with libpipewire 1.0.5\nLinked with 1.0.5", Some("1.0.5")),
            ("pulseaudio 16.1", Some("16.1")),
            ("Advanced Linux Sound Architecture Driver Version k6.18.44.", Some("6.18.44")),
            ("no idea", None),
        ] {
            assert_eq!(version_in(text).as_deref(), version, "{text}");
        }
    }

    #[test]
    fn servers_are_known_by_their_processes() {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in [
            ("proc/asound/version", "Version k6.1.0.\n"),
            ("proc/12/comm", "jackdbus\n"),
            ("proc/7/comm", "sh\n"),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let found = running(&Root::at(folder.path()));
        let expected = [("alsa", Some("6.1.0".to_owned())), ("jack", None)];
        assert_eq!(found, expected.map(|(name, version)| SoundServer { name: name.to_owned(), version }));
    }
}
