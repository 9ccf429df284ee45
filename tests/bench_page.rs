//! The page of `antiphon bench --html`, looked at by a real browser: whole, without
//! errors, and without anything that sticks out, on a phone's width too.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::program::is_installed;

/// A report with everything in it, and a comparison.
const FULL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/report.json");
const WIDTHS: [u32; 4] = [320, 360, 768, 1_280];

/// The page of a kept report, whose comparison with itself ends with this status.
fn page_of(report: &str, folder: &Path, status: i32) -> String {
    let page = folder.join("page.html");
    let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["bench", "--compare", report, "--with", report, "--html"])
        .arg(&page)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read_to_string(page).expect("it was written")
}

/// Opens a page in frames of each width, and asks the browser what came of it.
fn looked_at(page: &str, folder: &Path) -> (Value, String) {
    let escaped = page.replace('&', "&amp;").replace('"', "&quot;");
    let frames: String = WIDTHS
        .iter()
        .map(|width| format!("<iframe width=\"{width}\" height=\"900\" srcdoc=\"{escaped}\"></iframe>\n"))
        .collect();
    let script = r#"
        addEventListener('load', () => {
            const found = [...document.querySelectorAll('iframe')].map(frame => {
                const page = frame.contentDocument;
                const outside = [...page.querySelectorAll('svg')].flatMap(svg => {
                    const box = svg.viewBox.baseVal;
                    return [...svg.querySelectorAll('text, rect, circle')].filter(part => {
                        const { x, y, width, height } = part.getBBox();
                        return x < -1 || y < -1 || x + width > box.width + 1 || y + height > box.height + 1;
                    }).map(part => part.textContent);
                });
                return {
                    wide: page.documentElement.scrollWidth,
                    room: page.documentElement.clientWidth,
                    sections: [...page.querySelectorAll('section')].map(section => section.id),
                    pictures: page.querySelectorAll('svg').length,
                    outside,
                };
            });
            document.body.innerHTML = '';
            const out = document.createElement('pre');
            out.id = 'found';
            out.textContent = encodeURIComponent(JSON.stringify(found));
            document.body.append(out);
        });"#;
    let around = folder.join("around.html");
    let text =
        format!("<!DOCTYPE html><meta charset=\"utf-8\"><body>{frames}<script>{script}</script></body>");
    std::fs::write(&around, text).expect("a file");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--timeout=60000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", around.display()))
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = dom.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let found = found.unwrap_or_else(|| panic!("the browser says nothing:\n{said}\n{dom}"));
    (serde_json::from_str(&unescaped(found)).expect("JSON"), said)
}

/// `%XX` as the byte that it is.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'%' {
            let digits = std::str::from_utf8(&after[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal"));
            rest = &after[2..];
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn hold(found: &Value, said: &str, sections: &[&str]) {
    let errors: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let frames = found.as_array().expect("a list");
    assert_eq!(frames.len(), WIDTHS.len());
    for (frame, width) in frames.iter().zip(WIDTHS) {
        assert_eq!(frame["sections"], serde_json::json!(sections), "{width}");
        let (wide, room) = (frame["wide"].as_u64(), frame["room"].as_u64());
        assert!(wide <= room && room <= Some(u64::from(width)), "at {width}: {wide:?} in {room:?}");
        assert_eq!(frame["outside"], serde_json::json!([]), "at {width} parts of a plot stick out");
    }
}

#[test]
fn a_full_page_fits_every_width_and_has_no_error() {
    if !is_installed("chromium") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (found, said) = looked_at(&page_of(FULL, folder.path(), 0), folder.path());
    let sections = [
        "verdict",
        "cards",
        "latency",
        "rt",
        "render",
        "rings",
        "actors",
        "midi",
        "soak",
        "comparison",
        "not-measured",
        "machine",
    ];
    hold(&found, &said, &sections);
    assert!(found[0]["pictures"].as_u64() >= Some(10), "{found}");
}

#[test]
fn a_nearly_empty_page_does_too() {
    if !is_installed("chromium") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("empty.json");
    let empty = r#"{"schema": 1, "machine": {}, "figures": {}, "not_measured": {"latency": "no cable"}}"#;
    std::fs::write(&report, empty).expect("a file");
    // There is nothing to compare in it.
    let page = page_of(report.to_str().expect("UTF-8"), folder.path(), 1);
    let (found, said) = looked_at(&page, folder.path());
    hold(&found, &said, &["verdict", "comparison", "not-measured", "machine"]);
}
