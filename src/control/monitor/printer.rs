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
    /// On stdout.
    pub(super) fn start() -> Printer {
        Printer::on(std::io::stdout())
    }

    fn on(mut out: impl Write + Send + 'static) -> Printer {
        let (blocks, receiver) = bounded::<String>(WAITING);
        let (finished, done) = bounded(1);
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&is_closed);
        let body = move || {
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::PoisonError;

    use super::*;

    /// A terminal that stands still until it is let go.
    struct Terminal {
        go: Receiver<()>,
        shown: Arc<Mutex<String>>,
    }

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // Let go for ever once the other end is dropped.
            let _ = self.go.recv();
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            shown.push_str(&String::from_utf8_lossy(bytes));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_that_stands_still_costs_lines_that_are_counted_and_nothing_else() {
        let (let_go, go) = bounded(1);
        let shown = Arc::new(Mutex::new(String::new()));
        let mut printer = Printer::on(Terminal { go, shown: Arc::clone(&shown) });
        for _ in 0..1_000 {
            printer.print("x\n".repeat(10), 10);
        }
        // One block may be in the writer's hands.
        let kept = 10_000 - printer.dropped();
        assert!((160..=170).contains(&kept), "{kept}");
        assert!(!printer.is_closed());
        drop(let_go);
        printer.finish("the end".to_owned(), Duration::from_secs(10));
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(shown.lines().filter(|line| *line == "x").count() as u64, kept);
        assert!(shown.ends_with("the end"));
    }

    #[test]
    fn a_reader_that_went_away_is_noticed_and_the_end_does_not_hang() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut printer = Printer::on(Gone);
        printer.print("x".to_owned(), 1);
        let begin = std::time::Instant::now();
        while !printer.is_closed() && begin.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        assert!(printer.is_closed());
        printer.finish("x".to_owned(), Duration::from_secs(10));
    }
}
