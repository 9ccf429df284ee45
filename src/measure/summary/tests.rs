use super::*;

/// A report in which nothing is null: also what `benches/REPORT.md` is held against.
pub(crate) fn full() -> Report {
    serde_json::from_str(include_str!("../../../tests/support/report.json")).expect("it is a report")
}

fn text_of(report: &Report) -> String {
    verdict(report).iter().map(|sentence| format!("{:?}: {}\n", sentence.tone, sentence.text)).collect()
}

#[test]
fn the_verdict_begins_with_what_a_player_feels() {
    let verdict = verdict(&full());
    let first =
        "At 64 frames this machine holds 212 voices; your keyboard to your speakers is 6.1 ms, felt as one.";
    assert_eq!(verdict[0], Sentence { tone: Tone::Good, text: first.to_owned() });
}

#[test]
fn the_verdict_is_honest_where_it_is_bad() {
    let mut report = full();
    report.rt.max_voices = None;
    report.rt.xruns = Some(12);
    report.rt.violations = Some(3);
    report.latency.key_to_sound_ms = Some(31.0);
    report.latency.audio.round_trip_frames = None;
    let text = text_of(&report);
    for part in [
        "Bad: The engine allocated memory inside the callback 3 times",
        "Bad: At 64 frames this machine dropped out 12 times in 60.0 s of 64 voices and 1 stage",
        "is 31.0 ms, which is felt as late",
        "Bad: Sound that was sent out never came back in.",
        "Bad: Of 1000 MIDI messages 2 were lost",
        "Bad: In 2.00 h there were 3 dropouts.",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    report.rt.max_voices = Some(841);
    let text = text_of(&report);
    let said = "At 64 frames this machine holds 841 voices, but dropped out 12 times in 60.0 s of 64 voices and 1 stage";
    assert!(text.contains(&format!("Bad: {said}")), "as bad as the key beside it: {text}");
    report.latency.key_to_sound_ms = None;
    assert!(text_of(&report).contains(&format!("Fair: {said}")), "{}", text_of(&report));
    report.rt.max_voices = Some(0);
    assert!(text_of(&report).contains("Bad: At 64 frames this machine holds not a single voice"));
}

#[test]
fn the_verdict_says_nothing_of_what_was_not_measured() {
    let mut report = Report::default();
    report.machine.optimised = true;
    assert_eq!(text_of(&report), "Plain: Nothing was measured.\n");
    assert!(sections(&report).iter().all(Section::is_empty), "{:?}", sections(&report));
    let figure = crate::measure::report::Figure { samples: vec![1.0], ..Default::default() };
    let mut early = report.clone();
    early.stopped = true;
    early.figures.insert("render.by_voices.1".to_owned(), figure);
    assert_eq!(text_of(&early), "Plain: It was stopped early: this is what there was by then.\n");
    report.rings.event_ns = Some(9.0);
    report.stopped = true;
    let text = text_of(&report);
    assert!(text.starts_with("Plain: An event's way to the audio thread takes 9.00 ns.\n"), "{text}");
    assert!(text.contains("stopped early"), "{text}");
    report.machine.optimised = false;
    assert!(text_of(&report).contains("Fair: This program was built for debugging"));
}

#[test]
fn a_machine_that_others_had_much_of_is_said_to_be_so() {
    let mut report = full();
    assert!(!text_of(&report).contains("left alone"));
    for there in report.conditions.values_mut() {
        (there.others_processors, there.stolen_processors) = (Some(3.0), Some(0.1));
    }
    let said = "Fair: Others had 3.1 of 8 processors meanwhile: a machine that is left alone does better.";
    assert!(text_of(&report).contains(said), "{}", text_of(&report));
}

#[test]
fn a_clock_without_a_sound_card_is_no_sound_card() {
    let mut report = full();
    report.rt.driver = Some("null".to_owned());
    assert!(
        text_of(&report).contains("holds 212 voices, on a clock with no sound card"),
        "{}",
        text_of(&report)
    );
}

#[test]
fn every_section_of_a_full_report_has_rows_and_plots_what_there_is() {
    let sections = sections(&full());
    let names: Vec<&str> = sections.iter().map(|section| section.name).collect();
    assert_eq!(names, ["latency", "rt", "render", "rings", "actors", "midi", "soak"]);
    assert!(sections.iter().all(|section| !section.rows.is_empty()));
    let plots: Vec<usize> = sections.iter().map(|section| section.plots.len()).collect();
    assert_eq!(plots, [2, 4, 6, 0, 0, 0, 0]);
}

#[test]
fn what_was_not_asked_for_is_told_from_what_failed() {
    let mut report = Report::default();
    report.not_measured.insert("soak".to_owned(), crate::measure::NOT_ASKED.to_owned());
    report.not_measured.insert("latency".to_owned(), "no cable".to_owned());
    assert_eq!(missing(&report).collect::<Vec<_>>(), [("latency", "no cable")]);
    assert_eq!(not_asked(&report).collect::<Vec<_>>(), ["soak"]);
}
