use std::time::{Duration, Instant};

use super::RANGE_SECONDS;
use super::path::Path;
use super::probe::Round;
use super::session::{Heard, Session, Way};
use crate::engine::{Error, ErrorKind};
use crate::measure::Run;
use crate::measure::bootstrap::SAMPLES_AT_LEAST;
use crate::measure::signal::{Arrival, arrival};
use crate::unit::SampleRate;

/// How long it lasts where nothing was said.
const USUAL_SECONDS: f64 = 8.0;
/// So many rounds through the engine there are at least, and one more without it, which makes as many as a
/// comparison needs; if it takes no longer than …
const LEAST_ROUNDS: usize = SAMPLES_AT_LEAST - 1;
/// … this many times as long.
const LONGEST: f64 = 5.0;
const LONGEST_MORE: Duration = Duration::from_secs(10);
/// The signal's length at first, and where xruns come so often that shorter rounds are
/// needed to fall between them.
const PLAY_FRAMES: usize = (1 << 14) - 1;
const LEAST_PLAY_FRAMES: usize = (1 << 11) - 1;
/// Of the signal's length, how much more is heard after the delay that is known.
const MORE: usize = 4;
/// So often the path may change under way.
const MOST_CHANGES: u32 = 5;
/// Rounds over the whole range without a sound, from the first on, after which there will be none.
const SILENT_ROUNDS: u64 = 3;
/// So many rounds in a row may be broken by xruns.
const MOST_BROKEN: u32 = 200;

/// How far two rounds of one way may lie apart, in frames, for what lies between them to
/// tell what the engine adds: a server may shift the path in between.
const STEADY_FRAMES: f64 = 0.1;

/// What came back in all rounds so far.
#[derive(Clone, Default, Debug)]
pub(super) struct Found {
    /// In the order in which they were measured, one way and the other in turn.
    arrivals: Vec<(Way, Arrival)>,
    /// Rounds in which nothing came back.
    pub(super) lost: u64,
}

impl Found {
    /// What came back over the device alone, or through the engine.
    pub(super) fn of(&self, way: Way) -> impl Iterator<Item = &Arrival> {
        self.arrivals.iter().filter(move |(of, _)| *of == way).map(|(_, arrival)| arrival)
    }

    fn count(&self, way: Way) -> usize {
        self.of(way).count()
    }

    /// Whether one through the engine lies between two without it.
    pub(super) fn has_turns(&self) -> bool {
        let ways = |three: &[(Way, Arrival)]| [three[0].0, three[1].0, three[2].0];
        self.arrivals.windows(3).any(|three| ways(three) == [Way::Device, Way::Engine, Way::Device])
    }

    /// How many frames later each came through the engine than without it just before and just
    /// after; where those two differ, the path itself has changed, and it says nothing.
    pub(super) fn added_frames(&self) -> Vec<f64> {
        let added = |three: &[(Way, Arrival)]| {
            let [(Way::Device, before), (Way::Engine, through), (Way::Device, after)] = three else {
                return None;
            };
            let is_steady = (before.delay_frames - after.delay_frames).abs() < STEADY_FRAMES;
            is_steady.then(|| through.delay_frames - (before.delay_frames + after.delay_frames) / 2.0)
        };
        self.arrivals.windows(3).filter_map(added).collect()
    }
}

/// Round after round, one way and the other in turn.
pub(super) struct Rounds<'a> {
    signal: &'a [f32],
    rate: SampleRate,
    found: Found,
    play_frames: usize,
    /// How late it came back before.
    known_frames: Option<usize>,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(signal: &'a [f32], rate: SampleRate) -> Rounds<'a> {
        Rounds { signal, rate, found: Found::default(), play_frames: PLAY_FRAMES, known_frames: None }
    }

    pub(super) fn found(self) -> Found {
        self.found
    }

    /// Measures until its time is over, or it is told to stop.
    ///
    /// # Errors
    /// Why it ended before that; what was found until then stays.
    pub(super) fn run(
        &mut self,
        run: &Run,
        session: &mut Session,
        mut path: Option<&mut Path>,
    ) -> Result<(), Error> {
        let usual = Duration::from_secs_f64(run.seconds(USUAL_SECONDS));
        let longest = usual.mul_f64(LONGEST) + LONGEST_MORE;
        let (mut begin, mut changes, mut broken) = (Instant::now(), 0, 0);
        while !run.is_stopped() && !self.is_enough(begin.elapsed(), usual) {
            if begin.elapsed() > longest {
                return self.too_long();
            }
            run.advance(begin.elapsed().as_secs_f64() / usual.as_secs_f64(), "playing and listening");
            let (way, round) = self.next();
            let heard = session.round(way, round)?;
            if let Some(path) = &mut path
                && path.gives_way()?
            {
                changes += 1;
                if changes > MOST_CHANGES {
                    let message = "somebody keeps on connecting and disconnecting our ports";
                    return Err(Error::new(ErrorKind::Device, message));
                }
                run.say("Somebody has connected our ports: from the start again.");
                *self = Rounds::new(self.signal, self.rate);
                begin = Instant::now();
                continue;
            }
            match heard {
                Some(Heard { samples, is_broken: false }) => {
                    broken = 0;
                    self.take(way, round, &samples)?;
                }
                Some(Heard { samples, is_broken: true }) => {
                    broken += 1;
                    if broken > MOST_BROKEN {
                        return self.too_long();
                    }
                    self.shorten(round, &samples);
                }
                None => {}
            }
        }
        Ok(())
    }

    fn is_enough(&self, elapsed: Duration, usual: Duration) -> bool {
        let (device, engine) = (self.found.count(Way::Device), self.found.count(Way::Engine));
        elapsed >= usual && engine >= LEAST_ROUNDS && device > engine
    }

    fn too_long(&self) -> Result<(), Error> {
        let message = "xruns fell into nearly every round; use a larger block, or see `antiphon doctor`";
        Err(Error::new(ErrorKind::Device, message))
    }

    /// By turns, so that what changes with time changes both.
    fn next(&self) -> (Way, Round) {
        let is_engines = self.found.count(Way::Engine) < self.found.count(Way::Device);
        let way = if is_engines { Way::Engine } else { Way::Device };
        let range = match self.known_frames {
            Some(known) => known + self.play_frames / MORE,
            None => self.rate.frames(RANGE_SECONDS) as usize,
        };
        (way, Round { play_frames: self.play_frames, hear_frames: self.play_frames + range })
    }

    /// After a round that an xrun broke: what came back tells where to listen, so that the
    /// next one is short and may fall between two of them.
    fn shorten(&mut self, round: Round, heard: &[f32]) {
        let arrival = arrival(&self.signal[..round.play_frames], heard);
        self.known_frames = arrival.map(|arrival| arrival.delay_frames.round() as usize);
        self.play_frames = (self.play_frames / 2).max(LEAST_PLAY_FRAMES);
    }

    fn take(&mut self, way: Way, round: Round, heard: &[f32]) -> Result<(), Error> {
        let Some(arrival) = arrival(&self.signal[..round.play_frames], heard) else {
            // It may be later than before: once more over the whole range.
            if self.known_frames.take().is_some() {
                return Ok(());
            }
            self.found.lost += 1;
            if self.found.arrivals.is_empty() && self.found.lost >= SILENT_ROUNDS {
                return Err(nothing_came(heard));
            }
            return Ok(());
        };
        self.known_frames = Some(arrival.delay_frames.round() as usize);
        self.found.arrivals.push((way, arrival));
        Ok(())
    }
}

/// Why there is no figure, as far as what was heard instead tells.
fn nothing_came(heard: &[f32]) -> Error {
    let loudest = heard.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    let message = if loudest == 0.0 {
        "nothing came back, the input is silent: connect the output to the input by a cable (or by --out and \
         --in), and see that neither is muted"
            .to_owned()
    } else {
        format!(
            "nothing came back; the input hears something else, up to {:.0} dBFS: the cable may be in another \
             channel than the first, the output muted, or the noise too loud",
            20.0 * loudest.log10()
        )
    };
    Error::new(ErrorKind::Device, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::signal::sequence;

    #[test]
    fn a_late_sound_is_looked_for_again_over_the_whole_range_and_silence_ends_it() {
        let signal = sequence();
        let mut rounds = Rounds::new(&signal, SampleRate::DEFAULT);
        let (way, round) = rounds.next();
        assert_eq!((way, round.hear_frames), (Way::Device, PLAY_FRAMES + 120_000));
        let mut heard = vec![0.0; round.hear_frames];
        heard[900..900 + PLAY_FRAMES].copy_from_slice(&signal[..PLAY_FRAMES]);
        rounds.take(way, round, &heard).expect("it came back");
        let (way, round) = rounds.next();
        assert_eq!((way, round.hear_frames), (Way::Engine, PLAY_FRAMES + 900 + PLAY_FRAMES / MORE));
        rounds.take(way, round, &vec![0.0; round.hear_frames]).expect("one may be lost");
        assert_eq!(rounds.next().1.hear_frames, PLAY_FRAMES + 120_000);
        assert_eq!((rounds.found.count(Way::Device), rounds.found.lost), (1, 0));
        let (way, round) = rounds.next();
        rounds.take(way, round, &vec![0.0; round.hear_frames]).expect("one may be lost");
        assert_eq!((rounds.found.count(Way::Device), rounds.found.lost), (1, 1));
        // A round that an xrun broke is none, but the next may be short.
        rounds.shorten(round, &heard);
        assert_eq!(rounds.found.count(Way::Engine), 0);
        let short = PLAY_FRAMES / 2;
        assert_eq!(rounds.next().1, Round { play_frames: short, hear_frames: short + 900 + short / MORE });

        let mut silent = Rounds::new(&signal, SampleRate::DEFAULT);
        let (way, round) = silent.next();
        let quiet = vec![0.0; round.hear_frames];
        assert!(silent.take(way, round, &quiet).is_ok() && silent.take(way, round, &quiet).is_ok());
        let error = silent.take(way, round, &quiet).expect_err("it has listened long enough");
        assert!(error.message.contains("the input is silent"), "{error}");
        assert!(nothing_came(&[0.1]).message.contains("-20 dBFS"));
    }

    #[test]
    fn what_the_engine_adds_is_told_only_while_the_path_stays() {
        let arrival = |delay_frames| Arrival {
            delay_frames,
            clarity_decibels: 60.0,
            gain_decibels: 0.0,
            is_inverted: false,
        };
        let delays = [500.0, 502.0, 500.0, 700.0, 900.0, 902.0, 900.0];
        let turns = [Way::Device, Way::Engine].into_iter().cycle();
        let found = Found { arrivals: turns.zip(delays.map(arrival)).collect(), lost: 0 };
        assert_eq!(found.added_frames(), [2.0, 2.0]);
        assert_eq!((found.count(Way::Device), found.count(Way::Engine)), (4, 3));
        let few = Found { arrivals: found.arrivals[..2].to_vec(), lost: 0 };
        assert!(found.has_turns() && !few.has_turns());
    }
}
