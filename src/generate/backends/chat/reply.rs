use serde_json::Value;

use crate::generate::client::judge::{looks_like_html, words};
use crate::generate::{Failure, FailureKind};

/// The text of the first choice, whole or in parts.
pub(super) fn text(body: &[u8], named: &str) -> Result<String, Failure> {
    let unfit = |what: String| Failure::new(FailureKind::Unfit, format!("{named} {what}"));
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        let what = if looks_like_html(body) { "a web page" } else { "no JSON" };
        return Err(unfit(format!("answered with {what} instead of a chat: check `url`")));
    };
    let Some(choice) = json.get("choices").and_then(|choices| choices.get(0)) else {
        let said: String =
            words(&json).unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
        let said = if said.is_empty() { String::new() } else { format!(" (\"{said}\")") };
        return Err(unfit(format!("answered without a choice{said}: check `url` and `model`")));
    };
    let message = choice.get("message");
    let content = match message.and_then(|message| message.get("content")).or_else(|| choice.get("text")) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        _ => String::new(),
    };
    if choice.get("finish_reason").and_then(Value::as_str) == Some("length") {
        return Err(unfit("broke its answer off, it was too long for it: ask for fewer bars".to_owned()));
    }
    if content.trim().is_empty() {
        return Err(unfit("answered with no words: try again, or another model".to_owned()));
    }
    Ok(content)
}

/// The JSON object in a text: what stands between the first brace and its own end, whatever is around it.
pub(super) fn json_in(text: &str) -> Option<&str> {
    let start = text.find('{')?;
    let (mut depth, mut in_text, mut escaped) = (0_u32, false, false);
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' if !in_text => depth += 1,
            b'}' if !in_text => {
                depth -= 1;
                if depth == 0 {
                    return text.get(start..=at);
                }
            }
            _ => {}
        }
    }
    // It breaks off: the reader says where.
    text.get(start..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_is_found_in_fences_and_talk() {
        for (around, json) in [
            ("{\"a\":1}", "{\"a\":1}"),
            ("```json\n{\"a\":{\"b\":\"}\"}}\n```", "{\"a\":{\"b\":\"}\"}}"),
            ("Sure! {\"a\":\"\\\"}\"} {\"b\":2}", "{\"a\":\"\\\"}\"}"),
            ("{\"a\":", "{\"a\":"),
        ] {
            assert_eq!(json_in(around), Some(json));
        }
        assert_eq!(json_in("no"), None);
    }

    #[test]
    fn the_text_is_the_first_choice() {
        let of =
            |json: &str| text(json.as_bytes(), "the chat server at x").map_err(|failure| failure.message);
        assert_eq!(of(r#"{"choices":[{"message":{"content":"hi"}}]}"#), Ok("hi".to_owned()));
        let parts = r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"text":"b"}]}}]}"#;
        assert_eq!(of(parts), Ok("ab".to_owned()));
        for (json, words) in [
            (r#"{"error":{"message":"no model"}}"#, "no model"),
            (r#"{"choices":[{"message":{"content":null}}]}"#, "no words"),
            (r#"{"choices":[{"finish_reason":"length","message":{"content":"{"}}]}"#, "fewer bars"),
            ("<html>", "web page"),
            ("x", "no JSON"),
        ] {
            assert!(of(json).expect_err(json).contains(words), "{json}");
        }
    }
}
