use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::amount::{age, size};
use super::{CacheArguments, CacheCommand};
use crate::engine::{Error, ErrorKind};
use crate::generate::FailureKind;
use crate::library::{CacheStats, ENTRIES_AT_MOST, Limits, Listed, Verified};

/// Digits of a key that people are shown.
const KEY_DIGITS: usize = 12;
/// Of what is said of an entry people are shown so much.
const TEXT_CHARACTERS: usize = 60;

/// `antiphon cache stats --json`. These names are a promise to scripts, as those below are.
#[derive(Serialize)]
struct StatsReport {
    folder: Option<String>,
    entries: u64,
    bytes: u64,
    limit_bytes: u64,
    limit_entries: u64,
    index_bytes: u64,
    memory_entries: u64,
    memory_bytes: u64,
    memory_limit_bytes: u64,
    hits: u64,
    memory_hits: u64,
    file_hits: u64,
    joined: u64,
    misses: u64,
    hit_ratio: Option<f64>,
    generations: u64,
    stored: u64,
    evictions: u64,
    damaged: u64,
    unwritten: u64,
}

#[derive(Serialize)]
struct EntryReport {
    key: String,
    description: Option<String>,
    age_seconds: f64,
    stored_unix_seconds: f64,
    bytes: u64,
    uses: u64,
    tags: Vec<String>,
    parts: BTreeMap<String, u64>,
    meta: serde_json::Value,
}

#[derive(Serialize)]
struct VerifyReport {
    ok: bool,
    folder: String,
    entries: u64,
    bytes: u64,
    bad: u64,
    damage: Vec<DamageReport>,
    index: Option<String>,
    /// Null: it was looked at.
    error: Option<()>,
}

#[derive(Serialize)]
struct DamageReport {
    key: String,
    part: String,
    path: String,
    reason: String,
}

#[derive(Serialize)]
struct EvictReport {
    /// Null where the index could not say how many there were.
    evicted: Option<u64>,
    freed_bytes: u64,
    entries: u64,
    bytes: u64,
}

/// What comes from a file or from outside is shown, not obeyed.
fn shown(text: &str, characters: usize) -> String {
    let mut shown: String = text.chars().take(characters).map(crate::rig::printable).collect();
    if text.chars().nth(characters).is_some() {
        shown.push('…');
    }
    shown
}

fn json(value: &impl Serialize, out: &mut impl Write) {
    // Whoever asked and went away misses nothing but this.
    let _ =
        serde_json::to_writer(&mut *out, value).map_err(std::io::Error::from).and_then(|()| writeln!(out));
}

/// What there is to say of a folder in which no cache was made yet: nothing is wrong.
pub fn nothing(folder: &Path, limits: &Limits, arguments: &CacheArguments, out: &mut impl Write) {
    if !arguments.json {
        let _ = writeln!(
            out,
            "There is no cache yet in {}: it is made by the first generation.",
            folder.display()
        );
        return;
    }
    let none = CacheStats {
        folder: Some(folder.to_owned()),
        limit_bytes: limits.file_bytes,
        limit_entries: ENTRIES_AT_MOST as u64,
        memory_limit_bytes: limits.memory_bytes,
        ..CacheStats::default()
    };
    match arguments.command {
        CacheCommand::Stats => stats(&none, true, out),
        CacheCommand::List => list(Vec::new(), true, out),
        CacheCommand::Verify => verified(folder, &Verified::default(), true, out),
        CacheCommand::Evict(_) | CacheCommand::Clear { .. } => evicted(Some(0), 0, &none, true, out),
    }
}

/// Why it could not be done, for scripts.
pub fn failed(error: &Error, is_verify: bool, out: &mut impl Write) {
    let kind = match error.kind {
        ErrorKind::Usage => FailureKind::Usage,
        ErrorKind::Input => FailureKind::Config,
        ErrorKind::Disk => FailureKind::Storage,
        ErrorKind::Device => FailureKind::Fault,
    };
    let mut report = serde_json::json!({"ok": false, "error": {"kind": kind, "message": error.message}});
    if is_verify {
        for unknown in ["entries", "bytes", "bad"] {
            report[unknown] = serde_json::Value::Null;
        }
    }
    json(&report, out);
}

pub fn stats(stats: &CacheStats, as_json: bool, out: &mut impl Write) {
    let folder = stats.folder.as_ref().map(|folder| folder.display().to_string());
    if as_json {
        let report = StatsReport {
            folder,
            entries: stats.entries,
            bytes: stats.bytes,
            limit_bytes: stats.limit_bytes,
            limit_entries: stats.limit_entries,
            index_bytes: stats.index_bytes,
            memory_entries: stats.memory_entries,
            memory_bytes: stats.memory_bytes,
            memory_limit_bytes: stats.memory_limit_bytes,
            hits: stats.hits(),
            memory_hits: stats.counts.memory_hits,
            file_hits: stats.counts.file_hits,
            joined: stats.counts.joined,
            misses: stats.counts.misses,
            hit_ratio: stats.hit_ratio(),
            generations: stats.counts.generations,
            stored: stats.stored,
            evictions: stats.evicted,
            damaged: stats.damaged,
            unwritten: stats.counts.unwritten,
        };
        return json(&report, out);
    }
    let counts = &stats.counts;
    let mut line = |what: &str, value: String| {
        let _ = writeln!(out, "{what:<13} {value}");
    };
    line("folder", folder.unwrap_or_else(|| "none".to_owned()));
    line("entries", format!("{}, {} of {}", stats.entries, size(stats.bytes), size(stats.limit_bytes)));
    line("index", format!("{}, {} entries at most", size(stats.index_bytes), stats.limit_entries));
    line("in memory", format!("up to {} in each engine", size(stats.memory_limit_bytes)));
    let ratio = stats.hit_ratio().map(|ratio| format!(", {:.0} % of all questions", ratio * 100.0));
    line("hits", format!("{}{}", stats.hits(), ratio.unwrap_or_default()));
    line("  in memory", counts.memory_hits.to_string());
    line("  in files", counts.file_hits.to_string());
    line("  joined", format!("{} waited for one who was generating the same", counts.joined));
    line("misses", counts.misses.to_string());
    line("generations", counts.generations.to_string());
    line("stored", stats.stored.to_string());
    line("evictions", stats.evicted.to_string());
    line("damaged", stats.damaged.to_string());
    line("unwritten", counts.unwritten.to_string());
}

fn description(listed: &Listed) -> Option<String> {
    listed.meta.get("description").and_then(|text| text.as_str()).map(str::to_owned)
}

pub fn list(mut list: Vec<Listed>, as_json: bool, out: &mut impl Write) {
    list.sort_by_key(|listed| (std::cmp::Reverse(listed.stored_ms), listed.key));
    if as_json {
        let report = |listed: Listed| EntryReport {
            key: listed.key.to_string(),
            description: description(&listed),
            age_seconds: listed.age_seconds,
            stored_unix_seconds: listed.stored_ms as f64 / 1_000.0,
            bytes: listed.bytes,
            uses: listed.uses,
            tags: listed.tags.into_iter().collect(),
            parts: listed.parts.into_iter().collect(),
            meta: listed.meta,
        };
        return json(&list.into_iter().map(report).collect::<Vec<_>>(), out);
    }
    if list.is_empty() {
        let _ = writeln!(out, "The cache is empty.");
        return;
    }
    let _ = writeln!(out, "{:<KEY_DIGITS$}  {:>7}  {:>8}  {:>6}  WHAT", "KEY", "AGE", "SIZE", "FOUND");
    for listed in &list {
        let key = &listed.key.to_string()[..KEY_DIGITS];
        let mut what = description(listed).map(|text| shown(&text, TEXT_CHARACTERS)).unwrap_or_default();
        if !listed.tags.is_empty() {
            let tags: Vec<String> = listed.tags.iter().map(|tag| shown(tag, TEXT_CHARACTERS)).collect();
            what.push_str(&format!("  [{}]", tags.join(", ")));
        }
        let (age, size, uses) = (age(listed.age_seconds), size(listed.bytes), listed.uses);
        let line = format!("{key}  {age:>7}  {size:>8}  {uses:>6}  {what}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

pub fn verified(folder: &Path, verified: &Verified, as_json: bool, out: &mut impl Write) {
    if as_json {
        let damage = verified.damage.iter().map(|damage| DamageReport {
            key: damage.key.to_string(),
            part: damage.part.clone(),
            path: damage.path.display().to_string(),
            reason: damage.reason.clone(),
        });
        let report = VerifyReport {
            ok: verified.bad() == 0,
            folder: folder.display().to_string(),
            entries: verified.entries,
            bytes: verified.bytes,
            bad: verified.bad(),
            damage: damage.collect(),
            index: verified.index.clone(),
            error: None,
        };
        return json(&report, out);
    }
    for damage in &verified.damage {
        let (key, part) = (damage.key.to_string(), shown(&damage.part, TEXT_CHARACTERS));
        let (key, path, reason) = (&key[..KEY_DIGITS], damage.path.display(), &damage.reason);
        let _ = writeln!(out, "{key}  {part}: {reason} ({path})");
    }
    if let Some(index) = &verified.index {
        let _ = writeln!(
            out,
            "the index: {index}\nThe next generation sets it aside; `antiphon cache clear` begins a new one now."
        );
    }
    let (entries, bytes) = (verified.entries, size(verified.bytes));
    let _ = match verified.bad() {
        0 => writeln!(out, "All is whole: {entries} entries, {bytes}."),
        bad => writeln!(
            out,
            "{bad} damaged, of {entries} entries and the index, {bytes}. A damaged entry is generated again when it is asked for."
        ),
    };
}

pub fn evicted(
    evicted: Option<u64>,
    freed_bytes: u64,
    after: &CacheStats,
    as_json: bool,
    out: &mut impl Write,
) {
    let (entries, bytes) = (after.entries, after.bytes);
    if as_json {
        return json(&EvictReport { evicted, freed_bytes, entries, bytes }, out);
    }
    let (freed, left) = (size(freed_bytes), size(bytes));
    let evicted = evicted.map_or_else(|| "All".to_owned(), |evicted| evicted.to_string());
    let _ = writeln!(out, "{evicted} entries removed, {freed}; {entries} are left, {left}.");
}
