use super::*;

fn full() -> Report {
    serde_json::from_str(include_str!("../../../../tests/support/report.json")).expect("it is a report")
}

#[test]
fn all_that_was_measured_is_said_in_eighty_columns_with_units() {
    let text = of(&full(), false);
    for line in text.lines() {
        assert!(line.chars().count() <= WIDTH && line == line.trim_end(), "`{line}`");
    }
    assert!(text.starts_with("At 64 frames this machine holds 212 voices; your keyboard"), "{text}");
    for part in [
        "audio round trip             6.51 ms",
        "really it is 56.2 frames more",
        "callback                      410 µs",
        "one thread                   23.4 × real time",
        "1: 0.20, 16: 1.20, 64: 4.30",
        "ring                         9.10 ns",
        "restart                      84.0 µs",
        "memory at the end            39.3 MiB",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains('\x1b'));
    assert!(of(&full(), true).contains("\x1b[1mLatency\x1b[0m"));
}

#[test]
fn names_from_outside_are_not_obeyed_by_the_terminal() {
    let mut report = full();
    report.rt.device = Some("evil\x1b[2J\ncard".to_owned());
    report.not_measured.insert("x\x1b]0;".to_owned(), format!("a\x07{}", "long".repeat(60)));
    let text = of(&report, false);
    assert!(text.contains("evil·[2J·card"), "{text}");
    assert!(!text.contains(['\x1b', '\x07']));
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
}

#[test]
fn a_nearly_empty_report_says_why() {
    let mut report = Report::default();
    report.not_measured.insert("latency".to_owned(), "no cable".to_owned());
    report.not_measured.insert("soak".to_owned(), "not asked for".to_owned());
    let text = of(&report, false);
    assert!(text.contains("Nothing was measured.\n"), "{text}");
    assert!(text.contains("Not measured\n  latency                 no cable\n"), "{text}");
    assert!(text.ends_with("Not asked for: soak.\n"), "{text}");
}

#[test]
fn words_that_are_too_long_are_cut() {
    assert_eq!(wrapped("a bcdef gh", 3), ["a", "bcd", "ef", "gh"]);
    assert_eq!(wrapped("", 3), [""]);
}
