use crate::generate::client::Server;
use crate::generate::client::judge::looks_like_html;
use crate::generate::lean::Lean;
use crate::generate::{Failure, FailureKind};

/// What is looked for in an answer.
const FIELDS: [&str; 8] =
    ["choices", "message", "content", "text", "finish_reason", "error", "detail", "msg"];
/// So many bytes are looked at before the search for an object is given up.
const WORK_BYTES: usize = 32 << 20;

/// The text of the first choice, whole or in parts.
pub(super) fn text(body: &[u8], server: &Server) -> Result<String, Failure> {
    let named = server.named();
    let unfit = |what: String| Failure::new(FailureKind::Unfit, format!("{named} {what}"));
    let Some(json) = Lean::read(body, &FIELDS) else {
        let what = if looks_like_html(body) { "a web page" } else { "no JSON" };
        return Err(unfit(format!("answered with {what} instead of a chat: check `url`")));
    };
    let Some(choice) = json.get("choices").and_then(Lean::list).and_then(<[Lean<'_>]>::first) else {
        let said = json.words().map(|words| server.quote(words)).filter(|said| !said.is_empty());
        let said = said.map_or_else(String::new, |said| format!(" (\"{said}\")"));
        return Err(unfit(format!("answered without a choice{said}: check `url` and `model`")));
    };
    let message = choice.get("message");
    let content = match message.and_then(|message| message.get("content")).or_else(|| choice.get("text")) {
        Some(Lean::Text(text)) => text.to_string(),
        Some(Lean::List(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Lean::text)).collect()
        }
        _ => String::new(),
    };
    if choice.get("finish_reason").and_then(Lean::text) == Some("length") {
        return Err(unfit("broke its answer off, it was too long for it: ask for fewer bars".to_owned()));
    }
    if content.trim().is_empty() {
        return Err(unfit("answered with no words: try again, or another model".to_owned()));
    }
    Ok(content)
}

/// What the first object in a text comes to that `read` takes, whatever is around it: a model may think
/// aloud, in braces too. Else what is wrong with the longest.
pub(super) fn object<T, E>(text: &str, read: impl Fn(&str) -> Result<T, E>) -> Option<Result<T, E>> {
    let mut longest: Option<(usize, E)> = None;
    let mut work = 0;
    for (start, _) in text.match_indices('{') {
        let (length, is_whole) = balanced(&text[start..]);
        work += length;
        // Of one that breaks off the reader says where.
        if is_whole || longest.is_none() {
            work += length;
            match read(&text[start..start + length]) {
                Ok(object) => return Some(Ok(object)),
                Err(wrong) if longest.as_ref().is_none_or(|(most, _)| is_whole && length > *most) => {
                    longest = Some((if is_whole { length } else { 0 }, wrong));
                }
                Err(_) => {}
            }
        }
        if work > WORK_BYTES {
            break;
        }
    }
    longest.map(|(_, wrong)| Err(wrong))
}

/// How long the object is that a text begins with, and whether it ends there: else it breaks off.
fn balanced(text: &str) -> (usize, bool) {
    let (mut depth, mut in_text, mut escaped) = (0_u32, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' if !in_text => depth += 1,
            b'}' if !in_text => {
                depth -= 1;
                if depth == 0 {
                    return (at + 1, true);
                }
            }
            _ => {}
        }
    }
    (text.len(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::client::Secret;

    fn json_in(text: &str) -> Option<Result<String, String>> {
        object(text, |json| match serde_json::from_str::<serde_json::Value>(json) {
            Ok(value) if value.get("no").is_none() => Ok(json.to_owned()),
            _ => Err(json.to_owned()),
        })
    }

    #[test]
    fn the_object_is_found_in_fences_and_talk() {
        for (around, json) in [
            ("{\"a\":1}", "{\"a\":1}"),
            ("```json\n{\"a\":{\"b\":\"}\"}}\n```", "{\"a\":{\"b\":\"}\"}}"),
            ("Sure! {\"a\":\"\\\"}\"} {\"b\":2}", "{\"a\":\"\\\"}\"}"),
            ("maybe {C, F} or { hm \" {\"a\":1}", "{\"a\":1}"),
            ("{\"no\":1} {\"no\":{\"a\":1}}", "{\"a\":1}"),
        ] {
            assert_eq!(json_in(around), Some(Ok(json.to_owned())), "{around}");
        }
        for (around, wrong) in
            [("{\"a\":", "{\"a\":"), ("{C} {\"no\":1} {}}", "{\"no\":1}"), ("{ { {C}", "{C}")]
        {
            assert_eq!(
                object(around, |json| Err::<(), _>(json.to_owned())),
                Some(Err(wrong.to_owned())),
                "{around}"
            );
        }
        assert_eq!(json_in("no"), None);
    }

    #[test]
    fn however_many_braces_there_are_the_search_ends() {
        for text in
            ["{".repeat(1 << 20), "{\"".repeat(1 << 19), "{}".repeat(1 << 19), "{\"a\":".repeat(1 << 18)]
        {
            let looked = std::cell::Cell::new(0);
            let found = object(&text, |json| {
                looked.set(looked.get() + json.len());
                Err::<(), _>(())
            });
            assert_eq!(found, Some(Err(())));
            assert!(looked.get() <= 2 * WORK_BYTES, "{}", looked.get());
        }
    }

    #[test]
    fn the_text_is_the_first_choice() {
        let key = Secret::new("SEKRET99");
        let server = Server::new("chat server", "http://x", key, "KEY").expect("a server");
        let of = |json: &str| text(json.as_bytes(), &server).map_err(|failure| failure.message);
        assert_eq!(of(r#"{"choices":[{"message":{"content":"hi"}}]}"#), Ok("hi".to_owned()));
        let parts = r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"text":"b"}]}}]}"#;
        assert_eq!(of(parts), Ok("ab".to_owned()));
        for (json, words) in [
            (r#"{"error":{"message":"no model"}}"#, "no model"),
            (r#"{"error":"no access for Bearer SEKRET99"}"#, "(\"no access for Bearer [redacted]\")"),
            (r#"{"choices":[{"message":{"content":null}}]}"#, "no words"),
            (r#"{"choices":[{"finish_reason":"length","message":{"content":"{"}}]}"#, "fewer bars"),
            ("<html>", "web page"),
            ("x", "no JSON"),
        ] {
            assert!(of(json).expect_err(json).contains(words), "{json}");
        }
    }
}
