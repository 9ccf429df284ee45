use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};

/// Blocks of lines that wait for a slow terminal.
const WAITING: usize = 16;

/// Writes to stdout on a thread of its own: a terminal that stands still must
/// not stop the counting. What it has no time for is dropped, counted and said.
pub(super) struct Printer {
    blocks: Option<Sender<String>>,
    done: Receiver<()>,
    is_closed: Arc<AtomicBool>,
    dropped: u64,
    /// Dropped since it was last said.
    unsaid: u64,
}

impl Printer {
    pub(super) fn start() -> Printer {
        let (blocks, receiver) = bounded::<String>(WAITING);
        let (finished, done) = bounded(1);
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&is_closed);
        let body = move || {
            let mut out = std::io::stdout();
            for block in receiver {
                if out.write_all(block.as_bytes()).and_then(|()| out.flush()).is_err() {
                    closed.store(true, Ordering::Release);
                    break;
                }
            }
            let _ = finished.send(());
        };
        let spawned = std::thread::Builder::new().name("antiphon-print".to_owned()).spawn(body);
        is_closed.fetch_or(spawned.is_err(), Ordering::Release);
        Printer { blocks: Some(blocks), done, is_closed, dropped: 0, unsaid: 0 }
    }

    /// Prints a block of so many lines, or counts them.
    pub(super) fn print(&mut self, mut block: String, lines: u64) {
        let Some(blocks) = &self.blocks else { return };
        if block.is_empty() {
            return;
        }
        if self.unsaid > 0 && !blocks.is_full() {
            super::super::tell(&format!("({} events not shown: the output is too slow)", self.unsaid));
            self.unsaid = 0;
        }
        block.shrink_to_fit();
        if blocks.try_send(block).is_err() {
            self.dropped += lines;
            self.unsaid += lines;
        }
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Lines that were not printed.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Prints the last block, and waits for it as long as `patience` lasts.
    pub(super) fn finish(mut self, block: String, patience: Duration) {
        if let Some(blocks) = self.blocks.take() {
            let _ = blocks.send_timeout(block, patience);
        }
        let _ = self.done.recv_timeout(patience);
    }
}
