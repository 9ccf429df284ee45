use std::cell::RefCell;

use indicatif::{ProgressBar, ProgressStyle};

use crate::measure::Watch;

const STEPS: u64 = 1_000;

/// A bar for what is measured just now; on stderr, and only on a terminal; elsewhere
/// a line where a part begins.
#[derive(Default)]
pub(super) struct Bars {
    bar: RefCell<Option<ProgressBar>>,
}

impl Bars {
    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Bars {
    fn begin(&self, what: &str) {
        self.finish();
        let bar = ProgressBar::new(STEPS);
        // A template that is not understood costs the looks, not the run.
        if let Ok(style) = ProgressStyle::with_template("{prefix:<9} {percent:>3} % {bar:30} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        if bar.is_hidden() {
            super::super::tell(&format!("Measuring: {what}"));
        }
        *self.bar.borrow_mut() = Some(bar);
    }

    fn advance(&self, share: f64, doing: &str) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.set_position((share.clamp(0.0, 1.0) * STEPS as f64) as u64);
            bar.set_message(doing.to_owned());
        }
    }

    fn say(&self, text: &str) {
        match &*self.bar.borrow() {
            Some(bar) if !bar.is_hidden() => bar.println(text),
            _ => super::super::tell(text),
        }
    }
}
