//! The instruction counts that are kept: what is taken for dearer, and that the file says
//! what the gate reads. Counting itself is the deep tier's (`make bench-instructions`).
#![allow(dead_code)] // The counting program uses the rest.

#[path = "../benches/instructions/kept.rs"]
mod kept;

use kept::{Count, Kept, Maker, OTHER_COMPILER_TOLERANCE, TOLERANCE, Verdict, compare, tolerance};

const FILE: &str = include_str!("../benches/instructions.json");

fn maker() -> Maker {
    Maker { rustc: "1.0".to_owned(), target: "x86_64".to_owned(), valgrind: "valgrind-3".to_owned() }
}

fn counted(counts: &[(&str, f64)]) -> Kept {
    let count = |&(name, instructions): &(&str, f64)| {
        (name.to_owned(), Count { instructions, unit: "block".to_owned() })
    };
    Kept { maker: maker(), counts: counts.iter().map(count).collect() }
}

fn verdicts(before: &[(&str, f64)], now: &[(&str, f64)]) -> Vec<(String, Verdict)> {
    let lines = compare(&counted(before), &counted(now), TOLERANCE);
    lines.into_iter().map(|line| (line.name, line.verdict)).collect()
}

fn named(list: &[(&str, Verdict)]) -> Vec<(String, Verdict)> {
    list.iter().map(|&(name, verdict)| (name.to_owned(), verdict)).collect()
}

#[test]
fn a_path_that_became_dearer_shuts_the_gate() {
    let before = [("callback", 1_000.0), ("stage", 200.0), ("event", 50.0)];
    let now = [("callback", 1_021.0), ("stage", 203.0), ("event", 48.0)];
    let expected =
        named(&[("callback", Verdict::Dearer), ("event", Verdict::Cheaper), ("stage", Verdict::Same)]);
    assert_eq!(verdicts(&before, &now), expected);
    assert!(Verdict::Dearer.is_failure() && !Verdict::Same.is_failure() && !Verdict::Cheaper.is_failure());
}

#[test]
fn a_path_that_nobody_counts_is_no_good_one() {
    let expected = named(&[("new", Verdict::Unknown), ("old", Verdict::Gone)]);
    assert_eq!(verdicts(&[("old", 1.0)], &[("new", 1.0)]), expected);
    assert!(Verdict::Unknown.is_failure() && Verdict::Gone.is_failure());
    let mut other = counted(&[("one", 1.0)]);
    other.counts.get_mut("one").expect("it is there").unit = "event".to_owned();
    assert_eq!(compare(&counted(&[("one", 1.0)]), &other, TOLERANCE)[0].verdict, Verdict::Unknown);
}

#[test]
fn another_compiler_has_more_room_and_another_machine_is_not_compared() {
    assert_eq!(tolerance(&maker(), &maker()), Some(TOLERANCE));
    let newer = Maker { rustc: "2.0".to_owned(), ..maker() };
    assert_eq!(tolerance(&maker(), &newer), Some(OTHER_COMPILER_TOLERANCE));
    assert_eq!(tolerance(&maker(), &Maker { target: "aarch64".to_owned(), ..maker() }), None);
}

#[test]
fn what_is_kept_is_read_again_and_stays_under_its_bound() {
    let kept = Kept::read(FILE).expect("benches/instructions.json is what is written");
    assert_eq!(kept.write(), FILE);
    assert!(kept.counts.len() >= 20);
    let load = &kept.counts["callback, 64 voices through a reverb"];
    assert!(load.instructions <= 600_000.0, "{load:?}");
    assert!(kept.counts.values().all(|count| count.instructions > 1.0));
    assert_eq!(Kept::read("{}"), None);
}
