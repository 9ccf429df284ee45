//! Where the sound of a `[clip.NAME]` comes from.

use super::super::keys;
use super::super::model::clip::{Clip, ClipSource, ClipWords};
use super::fields::{Fields, Problems};
use super::generators::line;

/// The longest path, in bytes.
const PATH_BYTES: usize = 1_024;

/// What is only said of a sound that is generated.
const OF_WORDS: [&str; 8] = ["backend", "model", "seed", "bars", "seconds", "key", "tempo", "style"];

pub(super) fn source(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Option<Clip> {
    let stream = fields.switch(keys::STREAM, problems);
    let source = match (fields.has("file"), fields.has("description")) {
        (true, false) => {
            if let Some(key) = OF_WORDS.into_iter().find(|key| fields.has(key)) {
                let hint = "it is for a clip with `description`, which is generated";
                let message = format!("a clip with `file` has no `{key}`");
                problems.add(fields.key_at(key), message, Some(hint.into()));
            }
            ClipSource::File(line(fields, "file", PATH_BYTES, problems)?)
        }
        (false, true) if fields.has(keys::STREAM) => {
            let hint = "what is generated is kept in memory; leave it away";
            let message = format!("a clip with `description` has no `{}`", keys::STREAM);
            problems.add(fields.key_at(keys::STREAM), message, Some(hint.into()));
            ClipSource::Words(Box::new(words(fields, problems)?))
        }
        (false, true) => ClipSource::Words(Box::new(words(fields, problems)?)),
        (given, _) => {
            let message =
                if given { "a clip has `file` or `description`, not both" } else { "this clip has no sound" };
            let hint = "write file = \"loop.wav\", or description = \"a slow bossa\" to have it generated";
            problems.add(&fields.at, message, Some(hint.into()));
            return None;
        }
    };
    Some(Clip { source, stream, loaded: None, modified: None })
}

fn words(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Option<ClipWords> {
    let description = line(fields, "description", keys::DESCRIPTION_BYTES, problems);
    let text = |name, problems: &mut Problems<'_>| line(fields, name, keys::TEXT_BYTES, problems);
    let find = |name| keys::CLIP.iter().find(|key| key.name == name);
    let whole = |name, problems: &mut Problems<'_>| find(name).and_then(|key| fields.integer(key, problems));
    let number = |name, problems: &mut Problems<'_>| find(name).and_then(|key| fields.number(key, problems));
    if fields.has("bars") && fields.has("seconds") {
        let hint = Some("leave one of them away".to_owned());
        problems.add(fields.key_at("seconds"), "a clip is so many bars or seconds long, not both", hint);
    }
    Some(ClipWords {
        backend: text("backend", problems).unwrap_or_else(|| "local".to_owned()),
        model: text("model", problems),
        seed: whole("seed", problems).and_then(|seed| u64::try_from(seed).ok()).unwrap_or(0),
        bars: whole("bars", problems).and_then(|bars| u32::try_from(bars).ok()).unwrap_or(keys::SEGMENT_BARS),
        seconds: number("seconds", problems),
        key: text("key", problems),
        tempo: number("tempo", problems),
        style: text("style", problems),
        description: description?,
    })
}
