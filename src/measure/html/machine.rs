//! The machine and what was asked of it: without them a figure is worth nothing.

use serde_json::Value;

use super::markup::Markup;
use crate::measure::report::Report;

pub(super) fn write(page: &mut Markup, report: &Report) {
    page.open("section", &[("id", &"machine")]);
    page.leaf("h2", &[], "The machine and the settings");
    // Every name that the JSON has, in its order: nothing is forgotten here.
    for (caption, value) in [
        ("The machine", serde_json::to_value(&report.machine)),
        ("What was asked for", serde_json::to_value(&report.asked)),
    ] {
        let rows = value.map(|value| rows("", &value)).unwrap_or_default();
        page.leaf("h3", &[], caption);
        page.table(caption, ["what", ""], &rows);
    }
    page.close();
}

fn rows(path: &str, value: &Value) -> Vec<[String; 2]> {
    let Value::Object(fields) = value else { return vec![[path.to_owned(), shown(value)]] };
    fields
        .iter()
        .flat_map(|(name, value)| {
            let name = name.replace('_', " ");
            rows(&if path.is_empty() { name } else { format!("{path}: {name}") }, value)
        })
        .collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if text.is_empty() => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "–".to_owned(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let said = fields.values().filter(|value| !value.is_null()).map(shown);
            said.collect::<Vec<_>>().join(" ")
        }
        Value::Number(_) => value.to_string(),
    }
}
