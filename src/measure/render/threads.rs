use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::{CURVES, INSTRUMENTS, Measured, PERIOD_SECONDS, THREADS, subjects};
use crate::engine::{Error, ErrorKind};
use crate::measure::Run;
use crate::measure::reference::Samples;
use crate::measure::report::{Better, ThreadCost};
use crate::measure::statistics::median;
use crate::unit::{Frame, SampleRate};

/// Rounds of each number of threads.
const ROUNDS: usize = 7;
/// A round is not shorter.
const ROUND_SECONDS_AT_LEAST: f64 = 0.05;

/// How much faster several renders side by side are than one.
pub(super) fn measure(run: &mut Run, rate: SampleRate, block: usize, seconds: f64) -> Result<(), Error> {
    let counts = counts(run.report.machine.processors.max(1));
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); counts.len()];
    let length = (seconds / (ROUNDS * counts.len()) as f64).max(ROUND_SECONDS_AT_LEAST);
    for round in 0..ROUNDS {
        for (index, threads) in counts.iter().enumerate() {
            if run.is_stopped() {
                break;
            }
            let done = (round as f64 + index as f64 / counts.len() as f64) / ROUNDS as f64;
            let doing = format!("{threads} renders side by side");
            run.advance(INSTRUMENTS + CURVES + THREADS * done, &doing);
            samples[index].push(side_by_side(*threads, rate, block, Duration::from_secs_f64(length))?);
        }
    }
    let alone = samples.first().and_then(|samples| median(samples));
    for (threads, samples) in counts.into_iter().zip(samples) {
        let (Some(realtime_factor), Some(alone)) = (median(&samples), alone) else { continue };
        let speedup = realtime_factor / alone;
        run.report.render.by_threads.push(ThreadCost { threads, realtime_factor, speedup });
        run.figure(
            &format!("render.by_threads.{threads}"),
            "× real time",
            Better::More,
            Samples::by_clock(samples),
        );
    }
    Ok(())
}

/// One, doubled as far as there are processors, and all of them.
fn counts(processors: u32) -> Vec<u32> {
    let doubled = std::iter::successors(Some(1), |count| Some(count * 2));
    let mut counts: Vec<u32> = doubled.take_while(|count| *count < processors).collect();
    counts.push(processors);
    counts
}

/// So many Renderers, each on a thread, for so long: how many times faster than real
/// time they are all together.
fn side_by_side(threads: u32, rate: SampleRate, block: usize, length: Duration) -> Result<f64, Error> {
    let period = rate.frames(PERIOD_SECONDS);
    let barrier = Barrier::new(threads as usize);
    let play = || -> Result<f64, Error> {
        let made = Measured::new(subjects::load(block), rate);
        // Whoever failed must not be waited for.
        barrier.wait();
        let mut made = made?;
        let (begin, mut frames): (Instant, Frame) = (Instant::now(), 0);
        while begin.elapsed() < length {
            frames += made.stand.stretch(period / 8, block).frames;
        }
        Ok(rate.seconds(frames) / begin.elapsed().as_secs_f64())
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(play)).collect();
        let mut sum = 0.0;
        for thread in all {
            let factor = thread.join().map_err(|_| Error::new(ErrorKind::Device, "a render panicked"))?;
            sum += factor?;
        }
        Ok(sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Settings, Stop};

    #[test]
    fn one_thread_is_the_measure_of_the_others() {
        let mut run = Run::new(Settings::default(), Stop::default(), &());
        run.report.machine.processors = 3;
        measure(&mut run, SampleRate::DEFAULT, 64, 0.0).expect("it measures");
        let found = &run.report.render.by_threads;
        assert_eq!(found.iter().map(|cost| cost.threads).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(found[0].speedup, 1.0);
        assert!(found.iter().all(|cost| cost.realtime_factor > 0.0 && cost.speedup < 30.0), "{found:?}");
        assert_eq!((counts(1), counts(6)), (vec![1], vec![1, 2, 4, 6]));
    }
}
