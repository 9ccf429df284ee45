use std::path::{Path, PathBuf};

use crate::engine::{BUILT_IN_RIG, Error, ErrorKind, NamedScore};
use crate::midi::file::Score;
use crate::rig::{self, LoadError, Rig, Severity};
use crate::stage::Kinds;
use crate::transport::{Beats, Course, Tempo};

/// The rig of a command: the file named, or the built-in one. What is wrong
/// with a file is printed; then there is no rig.
pub(super) fn load_rig(path: Option<&Path>, kinds: &Kinds) -> Result<Rig, Error> {
    let Some(path) = path else {
        return rig::parse(BUILT_IN_RIG, kinds).map_err(|problems| {
            let first = problems.first().map_or_else(String::new, |p| p.message.clone());
            Error::new(ErrorKind::Input, format!("the built-in rig does not parse: {first}"))
        });
    };
    let rig = rig::load(path, kinds).map_err(|error| match error {
        LoadError::Problems { problems, .. } => {
            for problem in &problems {
                super::tell(&problem.show(path, Severity::Error).to_string());
            }
            let count = problems.len();
            let s = if count == 1 { "" } else { "s" };
            Error::new(
                ErrorKind::Input,
                format!("{} has {count} error{s}; nothing is played", path.display()),
            )
        }
        unreadable => Error::new(ErrorKind::Input, unreadable.to_string()),
    })?;
    for warning in &rig.warnings {
        super::tell(&warning.show(path, Severity::Warning).to_string());
    }
    Ok(rig)
}

/// Refuses a scene that a rig does not have.
pub(super) fn known_scene(rig: &Rig, name: &str) -> Result<(), Error> {
    if rig.scenes.iter().any(|scene| scene.name == name) {
        return Ok(());
    }
    let names: Vec<&str> = rig.scenes.iter().map(|scene| scene.name.as_str()).collect();
    let hint = match rig::nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "it has none; add a [[scene]]".to_owned(),
        None => format!("it has {}", names.join(", ")),
    };
    Err(Error::new(ErrorKind::Usage, format!("the rig has no scene `{name}`; {hint}")))
}

/// The MIDI files of `--midi [NAME=]FILE`.
pub(super) fn load_scores(arguments: &[String]) -> Result<Vec<NamedScore>, Error> {
    arguments
        .iter()
        .map(|argument| {
            let (port, path) = named_file(argument);
            let score = Score::open(&path)
                .map_err(|e| Error::new(ErrorKind::Input, format!("{}: {e}", path.display())))?;
            Ok(NamedScore { port, score })
        })
        .collect()
}

/// Sets the tempo of `--tempo BPM|FILE`.
pub(super) fn fix_tempo(rig: &mut Rig, argument: Option<&str>) -> Result<(), Error> {
    let Some(argument) = argument else { return Ok(()) };
    if let Ok(tempo) = argument.parse::<f64>() {
        let tempo = Tempo::new(tempo).map_err(|error| Error::new(ErrorKind::Usage, error.to_string()))?;
        rig.transport.fix(tempo, Course::default());
        return Ok(());
    }
    let wrong = |reason: String| {
        let message = format!(
            "`--tempo {argument}` is neither a number, such as 96.5, nor a MIDI file with a tempo map: {reason}"
        );
        Error::new(ErrorKind::Usage, message)
    };
    let score = Score::open(Path::new(argument)).map_err(|error| wrong(error.to_string()))?;
    let course = score.tempo.course().ok_or_else(|| wrong("it counts in seconds, not in beats".into()))?;
    let course = course.map_err(|error| wrong(error.to_string()))?;
    rig.transport.fix(course.at(Beats(0)).unwrap_or_default(), course);
    Ok(())
}

/// The WAVs of `--audio NAME=FILE`.
pub(super) fn named_wavs(arguments: &[String]) -> Result<Vec<(String, PathBuf)>, Error> {
    arguments
        .iter()
        .map(|argument| {
            let (name, path) = argument.split_once('=').ok_or_else(|| {
                let message = format!("`--audio {argument}` does not say where to: write NAME=FILE.wav, with the name of an [input.NAME]");
                Error::new(ErrorKind::Usage, message)
            })?;
            Ok((name.to_owned(), PathBuf::from(path)))
        })
        .collect()
}

/// Writes a file whole or not at all: beside its place first, then in it. Through a link to the file that it
/// names; a device takes it as it comes, and is never replaced.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Disk, format!("{} cannot be written: {error}", path.display()))
    };
    let place = match std::fs::metadata(path) {
        Ok(there) if there.is_dir() => return Err(failed(std::io::ErrorKind::IsADirectory.into())),
        Ok(there) if !there.is_file() => return std::fs::write(path, bytes).map_err(failed),
        Ok(_) => std::fs::canonicalize(path).map_err(failed)?,
        Err(_) => path.to_owned(),
    };
    let mut name = std::ffi::OsString::from(".");
    name.push(place.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    let beside = place.with_file_name(name);
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()
    });
    written.and_then(|()| std::fs::rename(&beside, &place)).map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        failed(error)
    })
}

/// `NAME=FILE` or `FILE`; a file whose own name has a `=` is found as it is.
fn named_file(argument: &str) -> (Option<String>, PathBuf) {
    match argument.split_once('=') {
        Some((name, path)) if !name.contains(['/', '\\', '.']) && !Path::new(argument).exists() => {
            (Some(name.to_owned()), PathBuf::from(path))
        }
        _ => (None, PathBuf::from(argument)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_is_replaced_where_it_is_and_a_device_is_not() {
        use std::io::Read;
        use std::os::unix::fs::FileTypeExt;

        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("a.mid"), folder.path().join("link"));
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        for bytes in [b"one", b"two"] {
            write_whole(&file, bytes).expect("it is ours");
            assert_eq!(std::fs::read(&file).expect("it is there"), bytes);
        }
        write_whole(&link, b"three").expect("it is ours");
        assert!(link.is_symlink() && std::fs::read(&file).expect("it is there") == b"three");
        assert_eq!(std::fs::read_dir(folder.path()).expect("ours").count(), 2, "nothing is left beside it");
        assert!(write_whole(folder.path(), b"x").is_err());
        // A pipe stands for a device: it hands on what it is given, and stays.
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there");
        assert!(made.success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || {
                let mut heard = Vec::new();
                std::fs::File::open(pipe).and_then(|mut pipe| pipe.read_to_end(&mut heard)).map(|_| heard)
            }
        });
        write_whole(&pipe, b"four").expect("somebody reads");
        assert_eq!(reader.join().expect("it ends").expect("it is read"), b"four");
        assert!(std::fs::metadata(&pipe).expect("it is there").file_type().is_fifo());
    }

    #[test]
    fn a_name_before_the_file_is_told_from_a_path_with_an_equals_sign() {
        assert_eq!(named_file("keys=a.mid"), (Some("keys".into()), "a.mid".into()));
        assert_eq!(named_file("a.mid"), (None, "a.mid".into()));
        assert_eq!(named_file("./x=y/a.mid"), (None, "./x=y/a.mid".into()));
    }
}
