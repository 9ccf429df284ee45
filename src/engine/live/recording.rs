use std::sync::Arc;
use std::time::Duration;

use super::Recording;
use super::parts::{Parts, take_over};
use crate::actor::{Actor, Context, Heirloom, Held, Outcome};
use crate::journal::{RecordNews, RecordSummary, Recorder};
use crate::unit::SampleRate;

/// How often the disk writer is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Keeps the recording going: the disk writer when it fails, the files when the
/// disk does.
pub(super) struct RecordKeeper {
    recorder: Recorder,
    rate: SampleRate,
    is_interrupted: bool,
}

impl RecordKeeper {
    pub(super) fn new(recorder: Recorder, rate: SampleRate) -> RecordKeeper {
        RecordKeeper { recorder, rate, is_interrupted: false }
    }

    /// Looks after it; gives what the musician should hear of.
    pub(super) fn attend(&mut self) -> Vec<String> {
        let news = self.recorder.attend();
        news.into_iter()
            .map(|news| {
                self.is_interrupted = matches!(news, RecordNews::Stopped(_));
                match news {
                    RecordNews::Stopped(error) => format!("{error}; it is tried again"),
                    RecordNews::Resumed(gap) => format!(
                        "the recording goes on in {}, {:.2} s ({} frames) after the end of the file before",
                        gap.path.display(),
                        self.rate.seconds(gap.frames),
                        gap.frames
                    ),
                }
            })
            .collect()
    }

    pub(super) fn state(&self) -> Recording {
        Recording {
            path: self.recorder.path().to_owned(),
            frames: self.recorder.frames(),
            lost_frames: self.recorder.lost_frames(),
            failed: self.is_interrupted,
        }
    }

    pub(super) fn finish(self) -> RecordSummary {
        self.recorder.finish()
    }
}

/// The keeper of the recording in the tree.
pub(super) struct RecordActor {
    parts: Arc<Parts>,
    keeper: Held<RecordKeeper>,
}

/// What it takes.
pub(super) struct Look;

impl RecordActor {
    pub(super) fn new(parts: &Arc<Parts>, keeper: &Heirloom<RecordKeeper>) -> RecordActor {
        RecordActor { parts: Arc::clone(parts), keeper: take_over(keeper) }
    }
}

impl Actor for RecordActor {
    type Message = Look;
    const LABELS: &'static [&'static str] = &["look"];

    async fn started(&mut self, context: &mut Context<RecordActor>) -> Outcome {
        context.every(LOOK, || Look);
        Ok(())
    }

    async fn handle(&mut self, _: Look, _: &mut Context<RecordActor>) -> Outcome {
        for message in self.keeper.attend() {
            self.parts.board.say(message);
        }
        self.parts.board.shown().recording = Some(self.keeper.state());
        Ok(())
    }
}
