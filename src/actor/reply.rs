use tokio::sync::oneshot;

/// Where the answer to a question goes: once, or never.
#[derive(Debug)]
pub struct Reply<R>(oneshot::Sender<R>);

impl<R> Reply<R> {
    pub(super) fn new(sender: oneshot::Sender<R>) -> Reply<R> {
        Reply(sender)
    }

    /// Answers.
    ///
    /// # Errors
    /// The answer, where nobody waits for it any more.
    pub fn send(self, answer: R) -> Result<(), R> {
        self.0.send(answer)
    }

    /// Whether somebody waits for the answer still.
    pub fn is_awaited(&self) -> bool {
        !self.0.is_closed()
    }
}
