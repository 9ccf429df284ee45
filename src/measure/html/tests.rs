use super::*;
use crate::measure::summary::tests::full;

/// Elements of a class.
fn of_class<'a>(
    document: &'a roxmltree::Document<'a>,
    tag: &'a str,
    class: &'a str,
) -> impl Iterator<Item = roxmltree::Node<'a, 'a>> {
    document
        .descendants()
        .filter(move |node| node.has_tag_name(tag) && node.attribute("class") == Some(class))
}

fn parsed(text: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    roxmltree::Document::parse_with_options(text, options).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The rows of the table with a caption.
fn table(document: &roxmltree::Document, caption: &str) -> Vec<Vec<String>> {
    let is_it = |node: &roxmltree::Node| node.has_tag_name("caption") && node.text() == Some(caption);
    let table = document.descendants().find(is_it).and_then(|node| node.parent()).expect(caption);
    let body = table.children().find(|node| node.has_tag_name("tbody")).expect("a body");
    let cells = |row: roxmltree::Node| {
        row.children()
            .filter(|node| node.is_element())
            .map(|cell| cell.text().unwrap_or("").to_owned())
            .collect()
    };
    body.children().filter(|node| node.has_tag_name("tr")).map(cells).collect()
}

#[test]
fn a_full_page_is_well_formed_and_has_all_sections() {
    let text = page(&full());
    let document = parsed(&text);
    for id in [
        "verdict",
        "cards",
        "latency",
        "rt",
        "render",
        "rings",
        "actors",
        "midi",
        "soak",
        "not-measured",
        "machine",
    ] {
        assert!(document.descendants().any(|node| node.attribute("id") == Some(id)), "no {id}");
    }
    for svg in document.descendants().filter(|node| node.has_tag_name("svg")) {
        assert!(svg.attribute("aria-label").is_some_and(|label| label.len() > 20), "a picture without words");
    }
    assert_eq!(of_class(&document, "div", "card").count(), 7);
}

#[test]
fn a_page_asks_for_nothing_from_elsewhere() {
    let text = page(&full());
    for part in ["http", "//", "url(", "@import", "<script", "src="] {
        assert!(!text.contains(part), "{part}");
    }
}

#[test]
fn an_empty_report_is_a_page_too() {
    let mut report = Report::default();
    report.not_measured.insert("latency".to_owned(), "no cable".to_owned());
    let text = page(&report);
    let document = parsed(&text);
    assert!(document.descendants().all(|node| !node.has_tag_name("svg")));
    assert_eq!(table(&document, "What was not measured, and why"), [["latency", "no cable"]]);
}

#[test]
fn names_from_outside_are_text() {
    let mut report = full();
    report.rt.device = Some("<script>alert('x')</script>\u{202e}\u{1b}".to_owned());
    let text = page(&report);
    assert!(!text.contains("<script"));
    let document = parsed(&text);
    let cell = document
        .descendants()
        .filter(|node| node.has_tag_name("td"))
        .any(|cell| cell.text() == Some("<script>alert('x')</script>··"));
    assert!(cell, "the name is shown as it is");
}

#[test]
fn the_figures_of_plots_are_the_reports() {
    let report = full();
    let text = page(&report);
    let document = parsed(&text);
    let histogram = report.rt.histogram.as_ref().expect("it is full");
    let rows = table(&document, "How long callbacks took");
    assert_eq!(rows.len(), histogram.bins.len());
    for (row, bin) in rows.iter().zip(&histogram.bins) {
        assert_eq!(row[..], [bin.from.to_string(), bin.to.to_string(), bin.count.to_string()]);
    }
    let rows = table(&document, "Load and dropouts by the second");
    assert_eq!(rows[1], ["1", "45.0", "1,702", "2"]);
    let rows = table(&document, "Cost by voices");
    assert_eq!(rows.last().expect("a row")[..], ["256", "17.1"]);
}

#[test]
fn bars_are_as_high_as_their_counts() {
    let mut report = Report::default();
    let bin = |from: f64, count| crate::measure::report::Bin { from, to: 1.1 * from, count };
    let bins = vec![bin(100.0, 6), bin(200.0, 60), bin(400.0, 600)];
    report.rt.histogram = Some(crate::measure::report::Histogram { unit: "us".to_owned(), bins });
    let text = page(&report);
    let document = parsed(&text);
    let number = |node: &roxmltree::Node, name| {
        node.attribute(name).and_then(|text| text.parse::<f64>().ok()).expect("a number")
    };
    let bars: Vec<(f64, f64)> =
        of_class(&document, "rect", "bar").map(|bar| (number(&bar, "x"), number(&bar, "height"))).collect();
    // From the foot at 0.6, each is ten times the one before: a third of the height more.
    let tallest = bars[2].1;
    assert!(
        (bars[0].1 - tallest / 3.0).abs() < 0.2 && (bars[1].1 - tallest * 2.0 / 3.0).abs() < 0.2,
        "{bars:?}"
    );
    // Doublings are equally far apart.
    assert!(((bars[1].0 - bars[0].0) - (bars[2].0 - bars[1].0)).abs() < 0.3, "{bars:?}");
}

#[test]
fn the_latency_budget_is_stacked_in_proportion() {
    let text = page(&full());
    let document = parsed(&text);
    let widths: Vec<f64> = document
        .descendants()
        .filter(|node| {
            node.has_tag_name("rect") && node.attribute("class").is_some_and(|c| c.starts_with("share"))
        })
        .map(|bar| bar.attribute("width").and_then(|text| text.parse().ok()).expect("a width"))
        .collect();
    assert_eq!(widths.len(), 5);
    assert!((widths[3] / widths[1] - 3.067).abs() < 0.02 && widths[4] == 0.0, "{widths:?}");
}

#[test]
fn what_is_always_the_same_adds_up_in_one_step() {
    let mut report = Report::default();
    let histogram = crate::measure::report::Histogram::of("us", [1_333.0; 10]);
    report.rt.histogram = Some(histogram);
    report.machine.sound = full().machine.sound;
    let text = page(&report);
    let document = parsed(&text);
    let curve =
        of_class(&document, "path", "curve").next().and_then(|path| path.attribute("d")).expect("a curve");
    let points: Vec<(&str, &str)> =
        curve.trim_start_matches('M').split('L').filter_map(|point| point.split_once(',')).collect();
    assert!(points.windows(2).all(|two| two[0].0 == two[1].0 || two[0].1 == two[1].1), "no ramp: {curve}");
    let rows = table(&document, "The machine");
    assert!(rows.iter().any(|row| row[0] == "sound" && row[1] == "jack 1.9.22"), "{rows:?}");
}
