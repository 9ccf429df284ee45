//! How fast the engine renders: each instrument, and what voices, stages, tracks,
//! events, blocks and threads cost, by the Renderer that plays live.
//!
//! Times are the thread's own, so that what else runs on this machine counts little;
//! only renders side by side are timed by the clock.

mod instruments;
mod subjects;
mod threads;

use std::time::{Duration, Instant};

use super::Run;
use super::reference::{Clock, Pace, Samples};
use super::report::{Better, Point, Render};
use super::stand::{Stand, Stretch};
use crate::engine::Error;
use crate::unit::{Frame, SampleRate};
use subjects::{Curve, Subject};

/// How long all of it lasts where nothing else is asked for.
const SECONDS: f64 = 24.0;
/// Shares of that time.
const INSTRUMENTS: f64 = 0.4;
const CURVES: f64 = 0.45;
const THREADS: f64 = 0.15;
/// Rounds that are made however long they take …
const ROUNDS_AT_LEAST: usize = 5;
/// … and rounds after which nothing is learned any more.
const ROUNDS_AT_MOST: usize = 25;
/// Frames of a call where it is not the block that is varied.
const BLOCK_FRAMES: usize = 64;
/// A note's length, and the length of a sample.
const PERIOD_SECONDS: f64 = 1.0 / PERIODS_PER_SECOND as f64;
const PERIODS_PER_SECOND: u32 = 8;

pub(super) fn measure(run: &mut Run) -> Result<(), Error> {
    let rate = run.settings.rate.unwrap_or(SampleRate::DEFAULT);
    let block = run.settings.block_frames.map_or(BLOCK_FRAMES, |frames| frames as usize);
    let seconds = run.seconds(SECONDS);
    instruments::measure(run, rate, block, seconds * INSTRUMENTS)?;
    curves(run, rate, block, seconds * CURVES)?;
    threads::measure(run, rate, block, seconds * THREADS)?;
    if run.is_stopped() && run.report.render.by_threads.is_empty() {
        run.missing("render.by_threads", "stopped before its turn");
        if run.report.render.realtime_factor.is_none() {
            run.missing("render.realtime_factor", "stopped before its turn");
        }
    }
    Ok(())
}

/// A stand, and what it came to, round by round.
struct Measured {
    subject: Subject,
    stand: Stand,
    stretches: Vec<Stretch>,
    /// Beside each of them.
    paces: Vec<Pace>,
}

impl Measured {
    fn new(subject: Subject, rate: SampleRate) -> Result<Measured, Error> {
        let period = rate.frames(PERIOD_SECONDS);
        let mut stand = Stand::new(&subject.rig, rate, subject.events(period), period)?;
        // Once without a clock: what is touched for the first time is slow.
        stand.stretch(period, subject.block_frames);
        Ok(Measured { subject, stand, stretches: Vec::new(), paces: Vec::new() })
    }

    fn round(&mut self, run: &Run, period: Frame) {
        let before = run.pace();
        let stretch = self.stand.stretch(period, self.subject.block_frames);
        self.stretches.push(stretch);
        self.paces.push(before.between(run.pace()));
    }

    /// Whether there were voices as it was meant.
    fn sounds(&self) -> bool {
        let wanted = f64::from(self.subject.sounding);
        self.stretches.iter().all(|stretch| stretch.voices() >= 0.99 * wanted)
    }

    /// What is told of the stretches; nothing of those of which it cannot be.
    fn samples(&self, of: impl Fn(&Stretch) -> Option<f64>) -> Samples {
        let told = self.stretches.iter().zip(&self.paces);
        Samples::paced(Clock::Own, told.filter_map(|(stretch, pace)| Some((of(stretch)?, *pace))))
    }
}

/// Measures all subjects in turn, round by round, so that whatever else the machine
/// does falls on all of them. `ahead` is what of the whole measurement is before it,
/// and its own share.
fn interleaved(
    run: &Run,
    subjects: Vec<Subject>,
    rate: SampleRate,
    seconds: f64,
    ahead: (f64, f64),
) -> Result<Vec<Measured>, Error> {
    let period = rate.frames(PERIOD_SECONDS);
    let mut all = Vec::with_capacity(subjects.len());
    run.advance(ahead.0, "rigs are built");
    for subject in subjects {
        if run.is_stopped() {
            return Ok(all);
        }
        all.push(Measured::new(subject, rate)?);
    }
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let count = all.len() as f64;
    for round in 0..ROUNDS_AT_MOST {
        if round >= ROUNDS_AT_LEAST && Instant::now() >= end {
            break;
        }
        for (index, measured) in all.iter_mut().enumerate() {
            if run.is_stopped() {
                return Ok(all);
            }
            let done = (round as f64 + index as f64 / count) / ROUNDS_AT_MOST as f64;
            run.advance(ahead.0 + ahead.1 * done, &measured.subject.figure);
            measured.round(run, period);
        }
    }
    Ok(all)
}

/// What each thing costs as there is more of it.
fn curves(run: &mut Run, rate: SampleRate, block: usize, seconds: f64) -> Result<(), Error> {
    let subjects = subjects::curves(block);
    for measured in interleaved(run, subjects, rate, seconds, (INSTRUMENTS, CURVES))? {
        if !measured.sounds() {
            run.missing(&measured.subject.figure, "not all of its voices sounded");
            continue;
        }
        let is_speed = matches!(measured.subject.curve, Curve::Block | Curve::Load);
        let (samples, unit, better) = if is_speed {
            (measured.samples(|stretch| Some(stretch.realtime_factor())), "× real time", Better::More)
        } else {
            (measured.samples(|stretch| Some(stretch.load() * 100.0)), "% of real time", Better::Less)
        };
        let Some(middle) = samples.median() else { continue };
        let render = &mut run.report.render;
        match place(render, measured.subject.curve) {
            Some(points) => {
                let y = if is_speed { middle } else { middle / 100.0 };
                points.push(Point { x: measured.subject.amount, y });
            }
            None => render.realtime_factor = Some(middle),
        }
        run.figure(&measured.subject.figure, unit, better, samples);
    }
    Ok(())
}

fn place(render: &mut Render, curve: Curve) -> Option<&mut Vec<Point>> {
    match curve {
        Curve::Voices => Some(&mut render.by_voices),
        Curve::Stages => Some(&mut render.by_stages),
        Curve::Tracks => Some(&mut render.by_tracks),
        Curve::Events => Some(&mut render.by_events),
        Curve::Block => Some(&mut render.by_block),
        Curve::Instrument | Curve::Load => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Settings, Stop};

    #[test]
    fn every_curve_rises_with_what_it_is_of() {
        let settings = Settings { seconds: Some(0.1), ..Settings::default() };
        let mut run = Run::new(settings, Stop::default(), &());
        curves(&mut run, SampleRate::DEFAULT, BLOCK_FRAMES, 0.0).expect("it measures");
        let render = &run.report.render;
        assert!(render.realtime_factor.is_some_and(|factor| factor > 0.0));
        for (name, points) in [
            ("voices", &render.by_voices),
            ("stages", &render.by_stages),
            ("tracks", &render.by_tracks),
            ("events", &render.by_events),
        ] {
            let (first, last) = (points[0], points[points.len() - 1]);
            assert!(points.len() >= 5 && points.is_sorted_by(|a, b| a.x < b.x), "{name}: {points:?}");
            assert!(first.y > 0.0 && last.y > first.y, "{name}: {points:?}");
        }
        assert!(render.by_block.iter().all(|point| point.y > 0.0) && render.by_block.len() >= 5);
        assert_eq!(run.report.not_measured.len(), 0, "{:?}", run.report.not_measured);
        let figures = run.report.figures.values();
        assert!(figures.clone().count() > 20 && figures.clone().all(|f| f.samples.len() >= ROUNDS_AT_LEAST));
    }
}
