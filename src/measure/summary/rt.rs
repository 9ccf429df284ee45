use super::{Mark, Plot, Quantity, Section, latency::stream, micros, number, seconds};
use crate::measure::Report;
use crate::measure::report::{Lateness, Load};

pub(super) fn section(report: &Report) -> Section {
    let mut section = Section::new(
        "rt",
        "Under load",
        "Whether each block of sound is ready in time, and how much there is room for.",
    );
    let rt = &report.rt;
    let count = |value: Option<u64>, unit| value.map(|value| Quantity::count(value, unit));
    section.row("most voices", count(rt.max_voices.map(u64::from), "voices"), "that held the whole time");
    let shortest = match rt.driver.as_deref() {
        Some("jack") => "the server's period, which it alone sets",
        _ => "that held likewise",
    };
    section.row("shortest block", count(rt.min_block_frames.map(u64::from), "frames"), shortest);
    section.row("xruns", count(rt.xruns, ""), rt.load.as_ref().map_or_else(String::new, load));
    section.row("violations", count(rt.violations, ""), "allocations inside the callback; 0 is right");
    if let Some(callback) = &rt.callback_us {
        let note = format!(
            "99 % {}, 99.9 % {}, longest {} µs",
            number(callback.p99),
            number(callback.p999),
            number(callback.max)
        );
        section.row("callback", Some(micros(callback.median)), note);
        let used =
            format!("of which the longest callback took {:.0} %", 100.0 * callback.max / callback.budget);
        section.row("  it may take", Some(micros(callback.budget)), used);
    }
    late(&mut section, "this machine wakes late", rt.wakeup_us.as_ref());
    late(&mut section, "callbacks come late", rt.lateness_us.as_ref());
    late(&mut section, "cyclictest wakes late", rt.cyclictest_us.as_ref());
    section.row("missed deadlines", count(rt.missed_deadlines, ""), "that one period of buffer made up for");
    if let Some(bound) = &rt.lateness_bound {
        let holds = if bound.holds { "callbacks came earlier" } else { "callbacks came LATER" };
        let note = format!("99 % of them {} µs", number(bound.lateness_p99));
        section.row("lateness bound", Some(micros(bound.bound)), format!("{holds}: {note}"));
    }
    if let Some(alone) = &rt.without_pressure {
        let note = format!("longest {}, {} xruns", micros(alone.callback_us.max), alone.xruns);
        section.row("callback, no busy threads", Some(micros(alone.callback_us.median)), note);
    }
    if let Some(faults) = &rt.page_faults {
        let note = format!("{} without the disk, {} with it", faults.minor, faults.major);
        section.row("page faults", Some(Quantity::count(faults.minor + faults.major, "")), note);
    }
    if let Some(switches) = &rt.context_switches {
        let note = format!("of its own will {}", switches.voluntary);
        section.row("thread was pushed off", Some(Quantity::count(switches.involuntary, "times")), note);
    }
    section.text("scheduler", rt.scheduler.as_ref());
    if rt.callbacks > 0 {
        section.text("driver", stream(rt.driver.as_ref(), rt.rate_hertz, rt.block_frames).as_ref());
        section.text("device", rt.device.as_ref());
    }
    plots(&mut section, report);
    section
}

/// What was played, in words.
pub(super) fn load(load: &Load) -> String {
    let stages = match load.stages {
        0 => String::new(),
        1 => " and 1 stage".to_owned(),
        more => format!(" and {more} stages"),
    };
    let busy = match load.busy_threads {
        0 => String::new(),
        1 => ", beside 1 busy thread".to_owned(),
        more => format!(", beside {more} busy threads"),
    };
    format!("in {} of {} voices{stages}{busy}", seconds(load.seconds), load.voices)
}

fn late(section: &mut Section, what: &'static str, lateness: Option<&Lateness>) {
    let Some(late) = lateness else { return };
    let note =
        format!("99 % {}, 99.9 % {}, latest {} µs", number(late.p99), number(late.p999), number(late.max));
    section.row(what, Some(micros(late.median)), note);
}

fn marks(late: &Lateness) -> Vec<Mark> {
    vec![
        Mark { what: "median", at: late.median, is_limit: false },
        Mark { what: "99.9 %", at: late.p999, is_limit: false },
    ]
}

fn plots(section: &mut Section, report: &Report) {
    let rt = &report.rt;
    if let Some(histogram) = &rt.histogram {
        let marks = rt.callback_us.as_ref().map_or_else(Vec::new, |callback| {
            vec![
                Mark { what: "median", at: callback.median, is_limit: false },
                Mark { what: "99.9 %", at: callback.p999, is_limit: false },
                Mark { what: "budget", at: callback.budget, is_limit: true },
            ]
        });
        let title = "How long callbacks took";
        section.plots.push(Plot::Spread { title, of: "callbacks", histogram: histogram.clone(), marks });
    }
    if let Some(histogram) = &rt.lateness_histogram {
        let title = "How late callbacks came";
        let marks = rt.lateness_us.as_ref().map_or_else(Vec::new, marks);
        section.plots.push(Plot::Spread { title, of: "callbacks", histogram: histogram.clone(), marks });
    }
    if let Some(histogram) = &rt.wakeup_histogram {
        let marks = rt.wakeup_us.as_ref().map_or_else(Vec::new, marks);
        let title = "How late this machine wakes a bare thread";
        section.plots.push(Plot::Spread { title, of: "wake-ups", histogram: histogram.clone(), marks });
    }
    if !rt.timeline.is_empty() {
        let budget_us = rt.callback_us.as_ref().map(|callback| callback.budget);
        section.plots.push(Plot::Timeline { seconds: rt.timeline.clone(), budget_us });
    }
}
