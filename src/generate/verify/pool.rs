//! Jobs that are done at the same time, each failing alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Something to be found out, by its name.
pub struct Job<'a, T> {
    /// What it is called where it fails.
    pub name: &'static str,
    run: Mutex<Option<Box<dyn FnOnce() -> T + Send + 'a>>>,
}

impl<'a, T> Job<'a, T> {
    /// A job of a name.
    pub fn new(name: &'static str, run: impl FnOnce() -> T + Send + 'a) -> Job<'a, T> {
        Job { name, run: Mutex::new(Some(Box::new(run))) }
    }
}

/// A job that panicked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the check of {0} failed itself; the others hold")]
pub struct Failed(pub &'static str);

/// Does all jobs, on as many threads as given at most, this one among them; what came of each, in
/// their order. One that panics fails alone.
pub fn run<T: Send>(jobs: &[Job<'_, T>], threads: usize) -> Vec<Result<T, Failed>> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Result<T, Failed>>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { return };
            let Some(run) = take(&job.run) else { continue };
            let begun = Instant::now();
            let result = catch_unwind(AssertUnwindSafe(run)).map_err(|_| Failed(job.name));
            tracing::debug!(check = job.name, micros = begun.elapsed().as_micros() as u64, "done");
            *done[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(jobs.len()) {
            scope.spawn(work);
        }
        work();
    });
    done.iter().zip(jobs).map(|(done, job)| take(done).unwrap_or(Err(Failed(job.name)))).collect()
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_stand_in_order_and_a_panic_is_one_failure() {
        let jobs = [
            Job::new("one", || 1),
            Job::new("two", || std::panic::resume_unwind(Box::new("died"))),
            Job::new("three", || 3),
        ];
        for threads in [0, 1, 2, 9] {
            let again = [Job::new("a", || 1), Job::new("b", || 2)];
            assert_eq!(run(&again, threads), [Ok(1), Ok(2)]);
        }
        assert_eq!(run(&jobs, 2), [Ok(1), Err(Failed("two")), Ok(3)]);
        assert_eq!(Failed("tempo").to_string(), "the check of tempo failed itself; the others hold");
    }

    #[test]
    fn jobs_run_at_the_same_time() {
        // Each waits for all others: with fewer threads it would wait without end.
        let barrier = Barrier::new(4);
        let jobs: Vec<Job<'_, bool>> =
            (0..4).map(|_| Job::new("waits", || barrier.wait().is_leader())).collect();
        assert_eq!(run(&jobs, 4).into_iter().filter(|leads| *leads == Ok(true)).count(), 1);
    }
}
