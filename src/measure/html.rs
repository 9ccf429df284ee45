//! The report as a page: one file that needs nothing else, for a browser, a phone
//! and paper. A verdict first, then cards, then all the rest.

mod cards;
mod changes;
mod curve;
mod machine;
mod markup;
mod plot;
mod shares;
mod spread;
mod timeline;

use super::report::Report;
use super::summary::{Plot, Section, Tone, missing, not_asked, sections, verdict};
use markup::Markup;

const STYLE: &str = include_str!("html/style.css");

/// The page, as text. All that came from outside is escaped in it.
pub fn page(report: &Report) -> String {
    let mut page = Markup::document();
    page.open("html", &[("lang", &"en")]);
    head(&mut page);
    page.open("body", &[]);
    top(&mut page, report);
    page.open("main", &[]);
    say_verdict(&mut page, report);
    cards::write(&mut page, report);
    for section in sections(report).iter().filter(|section| !section.is_empty()) {
        write_section(&mut page, section);
    }
    if let Some(comparison) = &report.comparison {
        changes::write(&mut page, comparison);
    }
    say_missing(&mut page, report);
    machine::write(&mut page, report);
    page.close();
    page.open("footer", &[]);
    let made = format!(
        "Made by antiphon {} bench. Every figure was measured on this machine.",
        report.machine.version
    );
    page.leaf("p", &[], &made);
    page.close();
    page.close();
    page.close();
    page.finish()
}

fn head(page: &mut Markup) {
    page.open("head", &[]);
    page.void("meta", &[("charset", &"utf-8")]);
    page.void("meta", &[("name", &"viewport"), ("content", &"width=device-width, initial-scale=1")]);
    page.void("meta", &[("name", &"color-scheme"), ("content", &"light dark")]);
    page.leaf("title", &[], "Antiphon bench");
    // An icon of its own, or a browser asks the server for one.
    page.void("link", &[("rel", &"icon"), ("href", &"data:,")]);
    page.leaf("style", &[], STYLE);
    page.close();
}

fn top(page: &mut Markup, report: &Report) {
    page.open("header", &[]);
    page.leaf("h1", &[], "Antiphon bench");
    let machine = &report.machine;
    let parts =
        [machine.processor.clone(), machine.kernel.clone(), super::machine::iso_date(machine.unix_seconds)];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    page.leaf("p", &[], &parts.join(" · "));
    page.close();
}

fn say_verdict(page: &mut Markup, report: &Report) {
    page.open("section", &[("id", &"verdict"), ("aria-label", &"Verdict")]);
    for sentence in verdict(report) {
        let (class, sign, said) = match sentence.tone {
            Tone::Good => ("good", "✓", "good: "),
            Tone::Fair => ("fair", "!", "fair: "),
            Tone::Bad => ("bad", "✗", "bad: "),
            Tone::Plain => ("plain", "·", ""),
        };
        page.open("p", &[("class", &class)]);
        page.leaf("span", &[("class", &"sign"), ("aria-hidden", &"true")], sign);
        page.leaf("span", &[("class", &"unseen")], said);
        page.text(&sentence.text);
        page.close();
    }
    page.close();
}

fn write_section(page: &mut Markup, section: &Section) {
    page.open("section", &[("id", &section.name)]);
    page.leaf("h2", &[], section.title);
    page.leaf("p", &[("class", &"about")], section.about);
    if !section.plots.is_empty() {
        page.open("div", &[("class", &"plots")]);
        for plot in &section.plots {
            match plot {
                Plot::Spread { title, of, histogram, marks } => {
                    spread::write(page, title, of, histogram, marks);
                }
                Plot::Curve(curve) => curve::write(page, curve),
                Plot::Timeline { seconds, budget_us } => timeline::write(page, seconds, *budget_us),
                Plot::Shares(budget) => shares::write(page, budget),
            }
        }
        page.close();
    }
    let rows: Vec<[String; 3]> = section
        .rows
        .iter()
        .map(|row| [row.what.trim().to_owned(), row.quantity.to_string(), row.note.clone()])
        .collect();
    if !rows.is_empty() {
        page.table(&format!("{}: figures", section.title), ["what", "how much", ""], &rows);
    }
    page.close();
}

fn say_missing(page: &mut Markup, report: &Report) {
    let rows: Vec<[String; 2]> =
        missing(report).map(|(path, why)| [path.to_owned(), why.to_owned()]).collect();
    let others: Vec<&str> = not_asked(report).collect();
    if rows.is_empty() && others.is_empty() {
        return;
    }
    page.open("section", &[("id", &"not-measured")]);
    page.leaf("h2", &[], "Not measured");
    if !rows.is_empty() {
        page.table("What was not measured, and why", ["what", "why"], &rows);
    }
    if !others.is_empty() {
        page.leaf("p", &[], &format!("Not asked for: {}.", others.join(", ")));
    }
    page.close();
}

#[cfg(test)]
mod tests;
