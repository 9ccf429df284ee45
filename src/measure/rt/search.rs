//! The most voices and the shortest block that hold.
//!
//! A load *holds* when all its voices sound all the time, the driver misses no
//! period, and no callback takes longer than its budget (so its p99.9 is within it).
//! The null clock has no buffer that could run dry: there only the work counts, and
//! `missed_deadlines` says beside it what a device without a second buffer had lost.
//! One that does not is tried once more: other programs run on this machine too.
//! What a search finds in short trials is then played for the whole time.

use super::figures;
use super::load::Load;
use super::take::{self, Take};
use crate::engine::Error;
use crate::measure::Run;
use crate::measure::bootstrap::SAMPLES_AT_LEAST;
use crate::measure::report::Trial;
use crate::measure::statistics::median;

/// A trial of a search lasts so long, or less.
const TRIAL_SECONDS: f64 = 2.0;
/// A load that does not hold is tried so often altogether.
const ATTEMPTS: u32 = 2;
/// A search ends after so many trials, whatever it has found.
const TRIALS: usize = 64;
/// A search for voices is done once it is known to one part in so many.
const PRECISION: u32 = 16;
/// The search for voices is done so often: as many samples as a comparison needs. The figure is the
/// middle one.
const REPEATS: usize = SAMPLES_AT_LEAST;
/// What does not hold for the whole time is lessened so often.
const STEPS_DOWN: u32 = 8;

/// Blocks that are tried, in frames.
const BLOCKS: [u32; 21] =
    [4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 1_536, 2_048, 3_072, 4_096];

/// Plays trials, and keeps what came of them.
struct Trying<'a, 'b> {
    run: &'a mut Run<'b>,
    begun_with: usize,
    what: &'static str,
}

/// What a trial came to.
struct Came {
    holds: bool,
    block_frames: u32,
    what_went_wrong: String,
}

impl Trying<'_, '_> {
    fn is_over(&self) -> bool {
        self.run.is_stopped() || self.tried() >= TRIALS
    }

    fn tried(&self) -> usize {
        self.run.report.rt.trials.len() - self.begun_with
    }

    /// Whether a load holds; `None` once the search is over.
    fn try_out(
        &mut self,
        voices: u32,
        block_frames: Option<u32>,
        seconds: f64,
    ) -> Result<Option<Came>, Error> {
        let load = Load::new(voices);
        let mut came = None;
        for _ in 0..ATTEMPTS {
            if self.is_over() {
                return Ok(None);
            }
            let share = self.tried() as f64 / (self.tried() + 6) as f64;
            let frames = block_frames.map_or(String::new(), |frames| format!(" at {frames} frames"));
            let doing = format!("{}: {voices} voices{frames}", self.what);
            self.run.advance(share, &doing);
            let trial = take::Trial { load, block_frames, seconds, gives_up: true };
            let take = take::play(self.run, trial, |_| {})?;
            let holds = take.holds(load);
            if !holds && self.run.is_stopped() {
                return Ok(None);
            }
            let block_frames = take.info.as_ref().map_or(0, |info| info.block_frames);
            let callback = figures::callback(&take).unwrap_or_default();
            self.run.report.rt.trials.push(Trial {
                voices,
                block_frames,
                seconds: take.lasted_seconds(),
                xruns: take.xruns(),
                missed_deadlines: (!take.lateness_us.is_empty()).then_some(take.missed_deadlines),
                p999_us: callback.p999,
                holds,
            });
            came = Some(Came { holds, block_frames, what_went_wrong: what_went_wrong(&take, load) });
            if holds {
                break;
            }
        }
        Ok(came)
    }

    fn trial_seconds(&self, seconds: f64) -> f64 {
        seconds.min(TRIAL_SECONDS)
    }
}

fn what_went_wrong(take: &Take, load: Load) -> String {
    let longest = take.callback_us.iter().copied().fold(0.0, f32::max);
    let after = take.lasted_seconds();
    match take.voices {
        _ if take.overruns > 0 => {
            format!("a callback took {longest:.0} of {:.0} µs after {after:.1} s", take.budget_us)
        }
        _ if take.missed_periods > 0 => format!("the driver missed a period after {after:.1} s"),
        Some((fewest, _)) if fewest < load.voices() => format!("only {fewest} voices sounded"),
        _ => "an instrument failed".to_owned(),
    }
}

/// What a search found, or why it found nothing.
pub(super) type Found = Result<u32, String>;

/// The most voices that hold for so long, and what each repeat of the search found.
pub(super) fn voices(run: &mut Run, seconds: f64, first: u32) -> Result<(Found, Vec<f64>), Error> {
    let block_frames = run.settings.block_frames;
    let begun_with = run.report.rt.trials.len();
    let mut trying = Trying { run, begun_with, what: "the most voices" };
    let short = trying.trial_seconds(seconds);
    let mut samples = Vec::new();
    let (mut low, mut high) = match bracket(&mut trying, short, first)? {
        Ok(bracket) => bracket,
        Err(why) => return Ok((Err(why), samples)),
    };
    // The first bracket's lower end is known to hold; later ones are guessed.
    let mut is_known = true;
    for _ in 0..REPEATS {
        let (mut least, mut most) = (low, high);
        while most - least > (least / PRECISION).max(1) {
            let middle = least.midpoint(most);
            match trying.try_out(middle, block_frames, short)? {
                None => break,
                Some(came) if came.holds => (least, is_known) = (middle, true),
                Some(_) => most = middle,
            }
        }
        if trying.is_over() {
            break;
        }
        if !is_known {
            is_known = trying.try_out(least, block_frames, short)?.is_some_and(|came| came.holds);
        }
        if is_known {
            samples.push(f64::from(least));
        }
        // Once more around what was found.
        (low, high) = (least - least / 4, (least + least / 4).max(least + 2).min(Load::VOICES_AT_MOST + 1));
        is_known = false;
    }
    let Some(mut found) = median(&samples).map(|voices| voices as u32) else {
        return Ok((Err(format!("ended early; {low} voices held for {short} s")), samples));
    };
    for _ in 0..STEPS_DOWN {
        match trying.try_out(found, block_frames, seconds)? {
            None => break,
            Some(came) if came.holds => return Ok((Ok(found), samples)),
            Some(_) if found > 1 => found -= (found / PRECISION).max(1),
            Some(_) => break,
        }
    }
    let why = if trying.is_over() {
        format!("ended early; {found} voices held for {short} s")
    } else {
        format!("{} voices held for {short} s at a time, but none for {seconds} s", samples[0])
    };
    Ok((Err(why), samples))
}

/// A number of voices that holds, and one above that does not.
fn bracket(trying: &mut Trying, seconds: f64, first: u32) -> Result<Result<(u32, u32), String>, Error> {
    let block_frames = trying.run.settings.block_frames;
    let (mut voices, mut low, mut high) = (first.max(1), None, None);
    loop {
        let Some(came) = trying.try_out(voices, block_frames, seconds)? else {
            return Ok(Err(match low {
                Some(low) => format!("ended early; {low} voices held for {seconds} s"),
                None => "ended early, before a load was found that holds".to_owned(),
            }));
        };
        match came.holds {
            true if voices == Load::VOICES_AT_MOST => return Ok(Ok((voices, voices + 1))),
            true => low = Some(voices),
            false if voices == 1 => {
                return Ok(Err(format!("not even one voice holds here: {}", came.what_went_wrong)));
            }
            false => high = Some(voices),
        }
        match (low, high) {
            (Some(low), Some(high)) => return Ok(Ok((low, high))),
            (None, _) => voices /= 2,
            (_, None) => voices = (2 * voices).min(Load::VOICES_AT_MOST),
        }
    }
}

/// The shortest block at which so many voices hold for so long.
pub(super) fn block(run: &mut Run, seconds: f64, voices: u32, first_frames: u32) -> Result<Found, Error> {
    let begun_with = run.report.rt.trials.len();
    let mut trying = Trying { run, begun_with, what: "the shortest block" };
    let short = trying.trial_seconds(seconds);
    let last = BLOCKS.len() - 1;
    let mut place = BLOCKS.iter().position(|frames| *frames >= first_frames).unwrap_or(last);
    // Places of the shortest that is known to hold, with its frames, and of the longest that does not.
    let (mut holding, mut failing): (Option<(usize, u32)>, Option<usize>) = (None, None);
    while let Some(came) = trying.try_out(voices, Some(BLOCKS[place]), short)? {
        if came.holds {
            let is_shortest = holding.is_some_and(|(_, frames)| came.block_frames >= frames);
            holding = Some((place, came.block_frames));
            if is_shortest || came.block_frames > BLOCKS[place] {
                // The driver gives no shorter one.
                break;
            }
        } else {
            failing = Some(place);
        }
        // By doublings first, then the one between.
        place = match (holding, failing) {
            (None, Some(failing)) if failing == last => {
                let why = format!("{voices} voices do not hold at any block: {}", came.what_went_wrong);
                return Ok(Err(why));
            }
            (None, _) => (place + 2).min(last),
            (Some((0, _)), None) => break,
            (Some((holding, _)), None) => holding.saturating_sub(2),
            (Some((holding, _)), Some(failing)) if holding > failing + 1 => holding.midpoint(failing),
            _ => break,
        };
    }
    let Some((mut place, _)) = holding else {
        return Ok(Err("ended early, before a block was found that holds".to_owned()));
    };
    while place <= last {
        match trying.try_out(voices, Some(BLOCKS[place]), seconds)? {
            None => break,
            Some(came) if came.holds => return Ok(Ok(came.block_frames)),
            Some(_) => place += 1,
        }
    }
    let why = format!("{voices} voices held for {short} s at a time, but not for {seconds} s");
    Ok(Err(if trying.is_over() { format!("ended early; {why}") } else { why }))
}
