//! Holds `benches/REPORT.md` against the names that are really written.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::measure::Report;

    const PAGE: &str = include_str!("../../../benches/REPORT.md");
    /// A report in which nothing is null: it names all there is.
    const FULL: &str = include_str!("../../../tests/support/report.json");

    /// Maps, whose names are not ours.
    const MAPS: [&str; 3] = ["conditions", "not_measured", "figures"];

    /// Every path in a value; what is null or empty on the way is noted apart.
    fn paths(at: &str, value: &Value, found: &mut BTreeSet<String>, empty: &mut Vec<String>) {
        if !at.is_empty() {
            found.insert(at.to_owned());
        }
        match value {
            Value::Null => empty.push(at.to_owned()),
            Value::Array(values) if values.is_empty() => empty.push(at.to_owned()),
            Value::Array(values) => {
                for value in values.iter().filter(|value| value.is_object()) {
                    let mut below = BTreeSet::new();
                    paths(&format!("{at}[]"), value, &mut below, empty);
                    below.remove(&format!("{at}[]"));
                    found.extend(below);
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    let name = if MAPS.contains(&at) { "*" } else { name };
                    let path = if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
                    paths(&path, value, found, empty);
                }
            }
            _ => {}
        }
    }

    /// `a.{b, c}` is `a.b` and `a.c`, several times in one.
    fn expanded(text: &str) -> Vec<String> {
        let Some((before, rest)) = text.split_once('{') else { return vec![text.to_owned()] };
        let Some((names, after)) = rest.split_once('}') else { return vec![text.to_owned()] };
        names.split(',').flat_map(|name| expanded(&format!("{before}{}{after}", name.trim()))).collect()
    }

    /// The paths in the first column of the page's tables.
    fn documented() -> BTreeSet<String> {
        let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        rows.flat_map(expanded).collect()
    }

    #[test]
    fn every_name_of_the_report_is_documented_and_no_other() {
        let report: Report = serde_json::from_str(FULL).expect("tests/support/report.json is a report");
        let value = serde_json::to_value(report).expect("it serialises");
        let (mut found, mut empty) = (BTreeSet::new(), Vec::new());
        paths("", &value, &mut found, &mut empty);
        assert!(
            empty.is_empty(),
            "give these a value in tests/support/report.json, so that the names below them are seen: {empty:?}"
        );
        let documented = documented();
        let lacking: Vec<&String> = found.difference(&documented).collect();
        let stale: Vec<&String> = documented.difference(&found).collect();
        assert!(
            lacking.is_empty(),
            "add a row to a table of benches/REPORT.md for each of these: {lacking:#?}"
        );
        assert!(stale.is_empty(), "benches/REPORT.md documents what is not written: {stale:#?}");
    }

    #[test]
    fn short_forms_are_expanded() {
        assert_eq!(expanded("a.{b, c}.{d, e}"), ["a.b.d", "a.b.e", "a.c.d", "a.c.e"]);
        assert_eq!(expanded("a[].b"), ["a[].b"]);
    }
}
