use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::generate::service::Watch;
use crate::generate::{Progress, Stage};

const DRAWS_HERTZ: u8 = 10;
const SPIN: Duration = Duration::from_millis(100);

/// Where a generation is: a line on a terminal, nothing elsewhere.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Starts it where stderr is a terminal and `shown`.
    pub(super) fn start(shown: bool) -> Bar {
        let target = if shown {
            ProgressDrawTarget::stderr_with_hz(DRAWS_HERTZ)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        // A template that is not understood costs the looks only.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(SPIN);
        }
        Bar(bar)
    }

    /// What shows progress here.
    pub(super) fn watch(&self) -> Watch {
        let bar = self.0.clone();
        Arc::new(move |progress: Progress| bar.set_message(words(&progress)))
    }

    /// Takes it away.
    pub(super) fn finish(self) {
        self.0.finish_and_clear();
    }
}

fn words(progress: &Progress) -> String {
    let stage = match progress.stage {
        Stage::Waiting => "waits for a generator",
        Stage::Drafting => "composes",
        Stage::Performing => "plays",
        Stage::Verifying => "listens",
        Stage::Keeping => "keeps it",
    };
    let done = progress.done.map(|done| format!(" {:.0} %", done * 100.0)).unwrap_or_default();
    let more = if progress.words.is_empty() { String::new() } else { format!(": {}", progress.words) };
    format!("{stage}{done}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_said_in_words() {
        assert_eq!(words(&Progress::at(Stage::Verifying)), "listens");
        let progress = Progress { stage: Stage::Drafting, done: Some(0.5), words: "try 2 of 3".to_owned() };
        assert_eq!(words(&progress), "composes 50 %: try 2 of 3");
    }
}
