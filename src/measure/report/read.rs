use std::path::Path;

use serde_json::Value;

use super::{Report, SCHEMA};
use crate::engine::{Error, ErrorKind};

impl Report {
    /// Reads a report that `antiphon bench --json` wrote. What an older one does not
    /// have is as not measured.
    ///
    /// # Errors
    /// [`Error`] where it cannot be read, is something else, or is newer than this program.
    pub fn read(path: &Path) -> Result<Report, Error> {
        let shown = path.display();
        let fault = |why: String| Error::new(ErrorKind::Input, why);
        let text =
            std::fs::read_to_string(path).map_err(|e| fault(format!("{shown} cannot be read: {e}")))?;
        Report::parse(&text).map_err(|why| fault(format!("{shown} {why}")))
    }

    fn parse(text: &str) -> Result<Report, String> {
        let foreign = "is no report of `antiphon bench --json`";
        let value: Value = serde_json::from_str(text).map_err(|e| format!("{foreign}, or damaged: {e}"))?;
        let schema = value.get("schema").and_then(Value::as_u64);
        let has = |name: &str| value.get(name).is_some_and(Value::is_object);
        match schema {
            Some(schema) if schema > u64::from(SCHEMA) => Err(format!(
                "was written by a newer Antiphon (its schema is {schema}, this one reads {SCHEMA}): compare with that one"
            )),
            Some(schema) if schema > 0 && has("machine") && has("figures") => {
                serde_json::from_value(value).map_err(|e| format!("is damaged: {e}"))
            }
            _ => Err(format!("{foreign}: it has no schema, machine and figures")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Report::parse(text).expect_err("it is not one")
    }

    #[test]
    fn what_is_no_report_is_said_to_be_none() {
        assert!(refused("RIFF").contains("or damaged: expected value at line 1"));
        assert!(refused("{\"schema\":1,").contains("or damaged: EOF"));
        assert!(refused("[1, 2]").contains("is no report"));
        assert!(refused(r#"{"schema": 1, "name": "package"}"#).contains("it has no schema, machine"));
        assert!(refused(r#"{"schema": 2, "else": 1}"#).contains("newer Antiphon (its schema is 2"));
        let wrong = r#"{"schema": 1, "machine": {}, "figures": {"a": {"samples": [1, null]}}}"#;
        assert!(refused(wrong).contains("is damaged: invalid type: null"));
    }

    #[test]
    fn what_an_older_one_did_not_measure_is_not_missed() {
        let old = r#"{"schema": 1, "machine": {"processor": "Old"}, "figures": {}, "gone": 3, "comparison": {"with": "older.json"}}"#;
        let report = Report::parse(old).expect("it is one");
        assert_eq!((report.machine.processor.as_str(), report.rt.xruns), ("Old", None));
        assert!(report.comparison.is_some_and(|comparison| comparison.vanished.is_empty()));
    }
}
