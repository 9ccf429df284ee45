//! Holds the house's rules that the compiler does not: who may know whom, what
//! may stand in the source, what the README may promise, whose licences fit.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each room and the rooms that it may import, beside itself. The audio world's
/// come first: none of them knows a room of the control world.
const ROOMS: &[(&str, &[&str])] = &[
    ("unit", &[]),
    ("transport", &["unit"]),
    ("midi", &["unit", "transport"]),
    ("rt", &["unit"]),
    ("dsp", &["unit"]),
    ("stage", &["unit", "midi", "rt", "transport", "dsp"]),
    ("instrument", &["unit", "midi", "rt", "dsp", "stage"]),
    ("route", &["unit", "midi", "transport"]),
    ("render", &["unit", "midi", "rt", "transport", "stage", "route"]),
    // The control world.
    ("actor", &["unit"]),
    ("rig", &["unit", "midi", "transport", "stage", "instrument", "route", "render"]),
    ("device", &["unit", "midi", "rt", "transport", "render", "actor"]),
    ("feed", &["unit", "midi", "rt", "transport", "render", "actor"]),
    ("journal", &["unit", "midi", "rt", "render", "actor"]),
    ("theory", &["unit"]),
    ("persistence", &["unit", "actor"]),
    ("library", &["unit", "actor", "persistence"]),
    ("generate", &["unit", "midi", "transport", "actor", "journal", "theory", "persistence", "library"]),
    (
        "engine",
        &[
            "unit",
            "midi",
            "rt",
            "transport",
            "stage",
            "instrument",
            "route",
            "render",
            "actor",
            "rig",
            "device",
            "feed",
            "journal",
            "theory",
            "persistence",
            "library",
            "generate",
        ],
    ),
    // What is measured of the engine, by the engine.
    (
        "measure",
        &[
            "unit",
            "midi",
            "rt",
            "transport",
            "dsp",
            "stage",
            "instrument",
            "route",
            "render",
            "actor",
            "rig",
            "device",
            "feed",
            "journal",
            "theory",
            "persistence",
            "library",
            "generate",
            "engine",
        ],
    ),
    // What talks to people and scripts: on top of everything, and known by nobody.
    (
        "control",
        &[
            "unit",
            "midi",
            "rt",
            "transport",
            "stage",
            "instrument",
            "render",
            "actor",
            "rig",
            "device",
            "feed",
            "journal",
            "theory",
            "persistence",
            "library",
            "generate",
            "engine",
            "measure",
        ],
    ),
];

const AUDIO_WORLD: &[&str] =
    &["unit", "midi", "rt", "transport", "dsp", "stage", "instrument", "route", "render"];

/// A file this long is two rooms in one.
const LINES_AT_MOST: usize = 600;
/// Longer than this is said, not refused.
const LINES_TO_NOTE: usize = 300;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust files below a folder of the project, in a fixed order; none where
/// there is no such folder.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string().replace('\\', "/")
}

/// The lines of a file that go into the program, with their numbers: without
/// the unit tests, which stand last in a file or in `tests.rs`.
fn program_lines(path: &Path, text: &str) -> Vec<(usize, String)> {
    let is_test = |part: &std::ffi::OsStr| part == "tests.rs" || part == "tests";
    if path.strip_prefix(root().join("src")).is_ok_and(|path| path.iter().any(is_test)) {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.iter().enumerate().position(|(index, line)| {
        line.starts_with("#[cfg(")
            && line.contains("test")
            && lines[index + 1..].iter().find(|line| !line.starts_with("#[")).is_some_and(|line| {
                line.starts_with("mod ")
                    || line.starts_with("pub mod ")
                    || line.starts_with("pub(crate) mod ")
            })
            && line.contains("test")
    });
    lines[..tests.unwrap_or(lines.len())]
        .iter()
        .map(|line| (*line).to_owned())
        .enumerate()
        .map(|(i, l)| (i + 1, l))
        .collect()
}

fn code_of(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// The room that a file belongs to: `src/render/plan.rs` is `render`.
fn room_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).ok()?;
    let first = Path::new(inside.iter().next()?).file_stem()?.to_str()?;
    (!matches!(first, "lib" | "main")).then(|| first.to_owned())
}

/// The rooms that a line names by `crate::room` or `crate::{room, …}`.
fn rooms_in(line: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (_, rest) in line.match_indices("crate::").map(|(at, _)| line.split_at(at + "crate::".len())) {
        let names = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or(list).split(',').collect(),
            None => vec![rest],
        };
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !name.is_empty() {
                rooms.push(name);
            }
        }
    }
    rooms
}

fn hold(complaints: &[String], rule: &str) {
    assert!(complaints.is_empty(), "{rule}\n  {}\n", complaints.join("\n  "));
}

#[test]
fn rooms_import_what_they_may() {
    let mut complaints = Vec::new();
    for path in rust_files("src") {
        let Some(room) = room_of(&path) else { continue };
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            complaints.push(format!("{}: the room `{room}` is not in the table of this test", shown(&path)));
            continue;
        };
        for (number, line) in program_lines(&path, &read(&path)) {
            for named in rooms_in(code_of(&line)) {
                let is_room = ROOMS.iter().any(|(name, _)| *name == named);
                if is_room && named != room && !allowed.contains(&named.as_str()) {
                    complaints.push(format!("{}:{number}: `{room}` imports `{named}`", shown(&path)));
                }
            }
        }
    }
    hold(&complaints, "A room knows only what the table in ARCHITECTURE.md lets it know:");
}

#[test]
fn the_table_of_rooms_has_no_way_from_audio_to_control() {
    for (room, allowed) in ROOMS.iter().filter(|(room, _)| AUDIO_WORLD.contains(room)) {
        for import in *allowed {
            assert!(AUDIO_WORLD.contains(import), "{room} may import {import}");
        }
    }
}

#[test]
fn the_audio_world_uses_nothing_that_blocks() {
    let blocking =
        ["tokio::", "tracing::", "std::fs", "std::net", "std::io", "Mutex", "RwLock", "Condvar", "mpsc"];
    let mut complaints = Vec::new();
    for path in rust_files("src") {
        let room = room_of(&path).unwrap_or_default();
        // The codec for files and the MIDI writer live beside the vocabulary, in the control world.
        if !AUDIO_WORLD.contains(&room.as_str()) || shown(&path).starts_with("src/midi/file") {
            continue;
        }
        for (number, line) in program_lines(&path, &read(&path)) {
            for word in blocking.iter().filter(|word| code_of(&line).contains(**word)) {
                complaints.push(format!("{}:{number}: `{word}`", shown(&path)));
            }
        }
    }
    hold(&complaints, "The audio world never locks, waits, or reads and writes:");
}

/// Whoever calls into the audio world reads whether that may be done there.
#[test]
fn public_items_of_the_audio_world_say_whether_they_are_real_time() {
    let mut complaints = Vec::new();
    for path in rust_files("src") {
        if !room_of(&path).is_some_and(|room| AUDIO_WORLD.contains(&room.as_str())) {
            continue;
        }
        let mut said = false;
        for (index, line) in read(&path).lines().enumerate() {
            let line = line.trim_start();
            if line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test") {
                break;
            }
            if line.starts_with("///") {
                said |= line.contains("Real-time: ");
                continue;
            }
            let items = ["pub fn ", "pub const fn ", "pub struct ", "pub enum ", "pub trait "];
            if items.iter().any(|item| line.starts_with(item)) && !said {
                complaints.push(format!("{}:{}: {line}", shown(&path), index + 1));
            }
            said &= line.starts_with("#[");
        }
    }
    hold(&complaints, "a public item of the audio world has a `Real-time: yes` or `no` in its documentation");
}

#[test]
fn results_do_not_depend_on_the_platforms_maths() {
    let functions = [
        "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sin_cos", "sinh", "cosh", "tanh", "exp",
        "exp2", "exp_m1", "ln", "ln_1p", "log", "log2", "log10", "powf", "powi", "cbrt", "hypot",
    ];
    let mut complaints = Vec::new();
    for path in rust_files("src") {
        if room_of(&path).is_none_or(|room| !AUDIO_WORLD.contains(&room.as_str())) {
            continue;
        }
        for (number, line) in program_lines(&path, &read(&path)) {
            for function in functions.iter().filter(|name| code_of(&line).contains(&format!(".{name}("))) {
                complaints.push(format!("{}:{number}: `.{function}()`", shown(&path)));
            }
        }
    }
    hold(
        &complaints,
        "Transcendental functions come from `unit::maths`, or a render differs between machines:",
    );
}

#[test]
fn a_panic_outside_tests_has_its_reason() {
    let mut complaints = Vec::new();
    for path in rust_files("src") {
        let lines = program_lines(&path, &read(&path));
        for (index, (number, line)) in lines.iter().enumerate() {
            let code = code_of(line);
            if !code.contains(".unwrap()") && !code.contains(".expect(") {
                continue;
            }
            let has_reason =
                lines[index.saturating_sub(2)..=index].iter().any(|(_, line)| line.contains("// PANIC:"));
            if !has_reason {
                complaints.push(format!("{}:{number}: {}", shown(&path), line.trim()));
            }
        }
    }
    hold(&complaints, "`unwrap` and `expect` need a `// PANIC:` line that says why they cannot fail:");
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, or this file would be the first to be found.
    let words = ["TO", "FIX", "XX"].map(|half| {
        half.to_owned()
            + if half == "TO" {
                "DO"
            } else if half == "FIX" {
                "ME"
            } else {
                "X"
            }
    });
    let ignored = ["#[", "ignore"].concat();
    let mut complaints = Vec::new();
    for folder in ["src", "tests", "benches", "examples"] {
        for path in rust_files(folder) {
            for (index, line) in read(&path).lines().enumerate() {
                let is_word =
                    |word: &String| line.split(|c: char| !c.is_alphanumeric()).any(|part| part == word);
                if words.iter().any(is_word) || line.contains("todo!(") || line.contains("unimplemented!(") {
                    complaints.push(format!("{}:{}: {}", shown(&path), index + 1, line.trim()));
                }
                if line.contains(&ignored) {
                    complaints.push(format!("{}:{}: an ignored test runs nowhere", shown(&path), index + 1));
                }
            }
        }
    }
    complaints.retain(|line| !line.starts_with("tests/tidy.rs"));
    hold(&complaints, "What is not done is not in the source:");
}

#[test]
fn files_are_rooms_with_one_purpose() {
    let mut complaints = Vec::new();
    let mut long = String::new();
    for path in rust_files("src") {
        let lines = read(&path).lines().count();
        if lines > LINES_AT_MOST {
            complaints.push(format!("{}: {lines} lines", shown(&path)));
        } else if lines > LINES_TO_NOTE {
            let _ = writeln!(long, "  {}: {lines} lines", shown(&path));
        }
        if path.file_name().is_some_and(|name| name == "mod.rs") {
            complaints.push(format!("{}: is `noun.rs` beside a folder `noun` here", shown(&path)));
        }
    }
    println!("longer than {LINES_TO_NOTE} lines:\n{long}");
    hold(&complaints, &format!("A file has at most {LINES_AT_MOST} lines:"));
}

#[test]
fn the_readme_names_only_commands_that_exist() {
    let makefile = read(root().join("Makefile"));
    let manifest = read(root().join("Cargo.toml"));
    let help = Command::new(env!("CARGO_BIN_EXE_antiphon")).arg("--help").output().expect("it starts");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let subcommands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let mut complaints = Vec::new();
    let mut commands = 0;
    let mut in_code = false;
    for (index, line) in read(root().join("README.md")).lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let exists = match words.as_slice() {
            _ if !in_code => continue,
            ["make", target, ..] => makefile.lines().any(|line| line.starts_with(&format!("{target}:"))),
            ["antiphon" | "target/release/antiphon", subcommand, ..] => {
                subcommands.contains(subcommand) || subcommand.starts_with("--")
            }
            ["cargo", "run", "--example", example, ..]
            | ["cargo", "run", "--release", "--example", example, ..] => {
                root().join(format!("examples/{example}.rs")).exists()
                    || manifest.contains(&format!("name = \"{example}\""))
            }
            ["cargo", "run", .., "--", subcommand] => subcommands.contains(subcommand),
            ["cargo", "build" | "test" | "bench" | "doc" | "run" | "install" | "add", ..] => true,
            ["cargo", ..] => false,
            _ => continue,
        };
        commands += 1;
        if !exists {
            complaints.push(format!("README.md:{}: {}", index + 1, line.trim()));
        }
    }
    assert!(commands > 0, "the README has no commands any more, or this test does not see them");
    hold(&complaints, "The README promises what is not there:");
}

#[test]
fn the_licences_of_all_that_is_linked_are_permissive_but_for_one_that_is_used_as_it_is() {
    const PERMISSIVE: &[&str] = &[
        "MIT",
        "MIT-0",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "0BSD",
        "BSL-1.0",
        "CC0-1.0",
        "Unlicense",
        "WTFPL",
        "Unicode-3.0",
        "Unicode-DFS-2016",
        "CDLA-Permissive-2.0",
    ];
    /// The decoder of other people's audio is under a licence that asks for changes to its own files
    /// only; it is used as it is.
    const AS_IT_IS: (&str, &str) = ("symphonia", "MPL-2.0");
    fn is_as_it_is(package: &str, licence: &str) -> bool {
        package.starts_with(AS_IT_IS.0) && licence == AS_IT_IS.1
    }
    /// SPDX: one side of an OR is enough, both of an AND are needed.
    fn fits(expression: &str) -> bool {
        let expression = expression.replace('/', " OR ");
        let bare = expression.trim();
        if let Some(inner) = bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'))
            && !inner.contains(['(', ')'])
        {
            return fits(inner);
        }
        let mut depth = 0_i32;
        for operator in [" AND ", " OR "] {
            for (at, letter) in bare.char_indices() {
                depth += i32::from(letter == '(') - i32::from(letter == ')');
                if depth == 0 && bare[at..].starts_with(operator) {
                    let (left, right) = (&bare[..at], &bare[at + operator.len()..]);
                    return if operator == " OR " {
                        fits(left) || fits(right)
                    } else {
                        fits(left) && fits(right)
                    };
                }
            }
        }
        PERMISSIVE.contains(&bare)
    }
    assert!(fits("MIT OR GPL-3.0-only") && fits("(MIT OR Apache-2.0) AND Unicode-3.0") && fits("Zlib/MIT"));
    assert!(!fits("MPL-2.0") && !fits("MIT AND LGPL-2.1") && !fits(""));

    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let tree = Command::new(cargo)
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}\t{l}"])
        .current_dir(root())
        .output()
        .expect("cargo is there");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    let mut packages: Vec<(&str, &str)> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter_map(|line| line.split_once('\t'))
        .collect();
    packages.sort_unstable();
    packages.dedup();
    assert!(packages.len() > 20, "the tree of dependencies was not understood:\n{tree}");
    let complaints: Vec<String> = packages
        .iter()
        .filter(|(package, licence)| !fits(licence) && !is_as_it_is(package, licence))
        .map(|(package, licence)| format!("{package}: {licence}"))
        .collect();
    hold(&complaints, "What is linked into the program must allow any use:");
}
