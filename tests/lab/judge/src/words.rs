//! Looks for lines that other programs printed inside.

use serde_json::Value;

/// `expect["lines"]` has, for each section between `==NAME` and the next `==`, lines
/// that must be there in that order; blanks count as one.
pub fn compare(expect: &Value, serial: &str, complaints: &mut Vec<String>) {
    for (name, wanted) in expect.as_object().into_iter().flatten() {
        let section = serial.split_once(&format!("=={name}\n")).map_or("", |(_, rest)| rest);
        let section = section.split("\n==").next().unwrap_or_default();
        let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut lines = section.lines().map(plain);
        for wanted in wanted.as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !lines.any(|line| line.contains(wanted)) {
                complaints.push(format!("`{wanted}` is not in its place in what `{name}` shows"));
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wanted_in_their_order() {
        let serial = "==seen\na   1\nb 2\n==end\nc 3\n";
        let complaints = |lines: &[&str]| {
            let mut list = Vec::new();
            compare(&serde_json::json!({ "seen": lines }), serial, &mut list);
            list.len()
        };
        assert_eq!([complaints(&["a 1", "b 2"]), complaints(&["b 2", "a 1"]), complaints(&["c 3"])], [0, 1, 1]);
    }
}
