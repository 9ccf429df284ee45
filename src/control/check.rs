//! `antiphon check RIG`: what is wrong with a rig, and where.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::engine::load_files;
use crate::rig::{self, Actor, LoadError, Problem, Rig, Severity};
use crate::stage::{Kinds, Role, StreamFormat};
use crate::unit::SampleRate;

/// As `--json` shows a problem. Line 0 stands for the file as a whole.
#[derive(Serialize)]
struct Row<'a> {
    line: usize,
    column: usize,
    message: &'a str,
    hint: Option<&'a str>,
}

/// Checks a rig as far as it can be without devices, and prints what is wrong:
/// for people on stderr, else as an array on stdout, which is empty when it can
/// be played. Warnings go to stderr either way and change nothing else.
///
/// Gives the exit status: 0 when the rig can be played, else 1.
pub fn check(path: &Path, json: bool, kinds: &Kinds) -> u8 {
    check_to(path, json, kinds, &mut io::stdout().lock(), &mut io::stderr().lock())
}

/// As [`check`], to other ends.
pub fn check_to(path: &Path, json: bool, kinds: &Kinds, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let (rig, problems) = match rig::load(path, kinds) {
        Ok(mut rig) => {
            let problems = rehearse(&mut rig);
            (Some(rig), problems)
        }
        Err(LoadError::Problems { problems, .. }) => (None, problems),
        Err(LoadError::Read { source, .. }) => {
            (None, vec![Problem::of_file(format!("cannot read the rig: {source}"), None)])
        }
    };
    let status = u8::from(!problems.is_empty());
    // A reader that went away (`check | head`) is no failure of the rig.
    let _ = print(path, json, rig.as_ref(), &problems, out, err);
    status
}

fn print(
    path: &Path,
    json: bool,
    rig: Option<&Rig>,
    problems: &[Problem],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<()> {
    for warning in rig.map_or(&[][..], |rig| &rig.warnings) {
        writeln!(err, "{}", warning.show(path, Severity::Warning))?;
    }
    if json {
        let rows: Vec<Row<'_>> = problems.iter().map(row).collect();
        serde_json::to_writer_pretty(&mut *out, &rows)?;
        return writeln!(out);
    }
    for problem in problems {
        writeln!(err, "{}", problem.show(path, Severity::Error))?;
    }
    match (rig, problems) {
        (Some(rig), []) => writeln!(out, "{}: OK: {}", path.display(), summary(rig)),
        (_, [_]) => writeln!(err, "1 error"),
        _ => writeln!(err, "{} errors", problems.len()),
    }
}

fn row(problem: &Problem) -> Row<'_> {
    Row {
        line: problem.line,
        column: problem.column,
        message: &problem.message,
        hint: problem.hint.as_deref(),
    }
}

/// Builds every actor once, as playing would, for what only that can tell.
fn rehearse(rig: &mut Rig) -> Vec<Problem> {
    let format = StreamFormat { rate: rig.engine.rate.unwrap_or(SampleRate::DEFAULT), seed: 0 };
    let mut problems = load_files(rig, format.rate);
    let is_ready = |actor: &Actor| actor.clip.as_ref().is_none_or(|clip| clip.loaded.is_some());
    for (index, actor) in rig.actors.iter().enumerate().filter(|(_, actor)| is_ready(actor)) {
        if let Err(error) = actor.kind.prepare(&actor.settings, format) {
            let message = format!("`{}` cannot be built: {error}", actor.name);
            problems.push(rig.problem_at_actor(index, message, None));
        }
    }
    problems
}

fn summary(rig: &Rig) -> String {
    let role = |role| rig.actors.iter().filter(|actor| actor.role() == role).count();
    let counts = [
        (rig.midi.len(), "MIDI port"),
        (rig.inputs.len(), "input"),
        (role(Role::Instrument), "instrument"),
        (role(Role::Stage), "stage"),
        (role(Role::Clip), "clip"),
        (rig.generators.len(), "generator"),
        (rig.cables.len(), "cable"),
        (rig.scenes.len(), "scene"),
        (rig.controls.len(), "control"),
    ];
    let counted = |(count, what): (usize, &str)| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        more => Some(format!("{more} {what}s")),
    };
    let mut parts: Vec<String> = counts.into_iter().filter_map(counted).collect();
    if !rig.name.is_empty() {
        parts.insert(0, rig.name.clone());
    }
    if parts.is_empty() { "an empty rig".into() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str, json: bool) -> (u8, String, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rig.toml");
        std::fs::write(&path, text).expect("written");
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = check_to(&path, json, &Kinds::empty(), &mut out, &mut err);
        let clean = |bytes| String::from_utf8_lossy(bytes).replace(&*path.to_string_lossy(), "rig.toml");
        (status, clean(&out), clean(&err))
    }

    const THRU: &str = "[midi.a]\nin = \"*\"\n[midi.b]\nout = \"*\"\n[[cable]]\nfrom = \"a\"\nto = \"b\"\n";

    #[test]
    fn a_good_rig_is_said_to_be_good() {
        assert_eq!(checked(THRU, false), (0, "rig.toml: OK: 2 MIDI ports, 1 cable\n".into(), String::new()));
        assert_eq!(checked(THRU, true), (0, "[]\n".into(), String::new()));
    }

    #[test]
    fn a_bad_rig_has_its_errors_on_stderr_or_as_json() {
        let bad = THRU.replace("\"b\"", "\"bb\"").replace("from", "fron");
        let (status, out, err) = checked(&bad, false);
        assert_eq!((status, out.as_str()), (1, ""));
        assert!(err.contains("rig.toml:6:1: error: unknown key `fron`"), "{err}");
        assert!(err.contains("\n 7 | to = \"bb\"\n   |      ^^^^\n  hint: did you mean `b`?"), "{err}");
        assert!(err.ends_with("3 errors\n"), "{err}");
        let (status, out, err) = checked(&bad, true);
        let rows: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((status, err.as_str(), rows.as_array().map(Vec::len)), (1, "", Some(3)));
        assert_eq!((&rows[1]["line"], &rows[1]["column"]), (&6.into(), &1.into()));
        assert_eq!(rows[2]["hint"], "did you mean `b`?");
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_too() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = check_to(Path::new("/no/such.toml"), false, &Kinds::empty(), &mut out, &mut err);
        assert_eq!((status, out.len()), (1, 0));
        assert!(err.starts_with(b"/no/such.toml: error: cannot read the rig"));
    }
}
