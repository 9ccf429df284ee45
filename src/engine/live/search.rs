use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, TryRecvError, bounded};

use crate::device::audio::{
    self, AudioDriver, AudioRequest, Callback, CallbackStats, DriverChoice, DriverError, JackMidiPort,
    Standby,
};
use crate::render::Renderer;
use crate::rt::baton::Baton;

/// The pause before the first attempt; it doubles from one to the next …
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// An attempt that took so long is left to itself: a server may hang.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(15);
/// So many of those, and no more are begun until one ends.
const STUCK: usize = 3;
/// How long an open device may take to ask for its first period.
const FIRST_CALL: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// Looks for a device that was lost, again and again, on a thread of its own:
/// opening one may take seconds.
pub(super) struct Search {
    request: AudioRequest,
    wait: Duration,
    next: Instant,
    attempt: Option<Attempt>,
    /// Held once by each thread that still tries.
    trying: Arc<()>,
    refusal: Option<DriverError>,
}

struct Attempt {
    begun: Instant,
    outcome: Receiver<Result<Found, DriverError>>,
}

/// A device that is back: it plays silence until it is told to take over.
pub(super) struct Found {
    pub(super) driver: Box<dyn AudioDriver>,
    pub(super) standby: Standby,
}

impl Search {
    pub(super) fn new(request: AudioRequest, now: Instant) -> Search {
        let next = now + FIRST_WAIT;
        Search { request, wait: FIRST_WAIT, next, attempt: None, trying: Arc::new(()), refusal: None }
    }

    /// The driver that is looked for.
    pub(super) fn driver(&self) -> DriverChoice {
        self.request.driver
    }

    /// Whether it is time for another attempt.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.attempt.is_none() && now >= self.next && Arc::strong_count(&self.trying) <= STUCK
    }

    /// Tries to open the device and to start it with these ports.
    pub(super) fn begin(
        &mut self,
        baton: &Arc<Baton<Renderer>>,
        stats: &Arc<CallbackStats>,
        ports: Vec<JackMidiPort>,
        now: Instant,
    ) {
        let (callback, standby) = Callback::standing_by(Arc::clone(baton), Arc::clone(stats));
        let (tell, outcome) = bounded(1);
        let (request, trying) = (self.request.clone(), Arc::clone(&self.trying));
        let body = move || {
            // Where nobody waits any more, what was opened is closed here.
            let _ = tell.send(open(&request, callback, standby, ports));
            drop(trying);
        };
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        self.next = now + self.wait;
        if let Err(error) = std::thread::Builder::new().name("antiphon-search".to_owned()).spawn(body) {
            tracing::warn!(%error, "no thread to look for the device");
            return;
        }
        self.attempt = Some(Attempt { begun: now, outcome });
    }

    /// What came of the attempt: the device, or news of why it cannot be had.
    pub(super) fn look(&mut self, now: Instant) -> Option<Result<Found, DriverError>> {
        let attempt = self.attempt.as_ref()?;
        let outcome = match attempt.outcome.try_recv() {
            Ok(outcome) => outcome,
            Err(TryRecvError::Empty) if now.duration_since(attempt.begun) < ATTEMPT_LIMIT => return None,
            Err(_) => {
                tracing::warn!(driver = %self.request.driver, "the attempt to open the device hangs");
                self.attempt = None;
                return None;
            }
        };
        self.attempt = None;
        self.next = now + self.wait;
        match outcome {
            Ok(found) => Some(Ok(found)),
            Err(error) => {
                tracing::debug!(%error, "the device is not back");
                // That it is not there is no news; that it is there and does not
                // suit is, once.
                let is_news =
                    !matches!(error, DriverError::Unavailable { .. } | DriverError::NoSuchDevice { .. })
                        && self.refusal.as_ref() != Some(&error);
                is_news.then(|| {
                    self.refusal = Some(error.clone());
                    Err(error)
                })
            }
        }
    }
}

fn open(
    request: &AudioRequest,
    callback: Callback,
    standby: Standby,
    ports: Vec<JackMidiPort>,
) -> Result<Found, DriverError> {
    let mut driver = audio::open(request)?.driver;
    driver.start(callback, ports)?;
    let begun = Instant::now();
    while !standby.was_called() {
        let fault = driver.fault().map(|fault| fault.to_string());
        let silent = || "it does not ask for sound".to_owned();
        if let Some(reason) = fault.or_else(|| (begun.elapsed() > FIRST_CALL).then(silent)) {
            let info = driver.info();
            return Err(DriverError::Refused { driver: info.driver, device: info.device.clone(), reason });
        }
        // The device's own clock calls; there is nothing to await.
        std::thread::sleep(POLL);
    }
    Ok(Found { driver, standby })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::SampleRate;

    fn search(driver: DriverChoice, now: Instant) -> Search {
        Search::new(AudioRequest { driver, ..AudioRequest::default() }, now)
    }

    fn outcome(search: &mut Search) -> Result<Found, DriverError> {
        let begun = Instant::now();
        loop {
            if let Some(outcome) = search.look(begun) {
                return outcome;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no outcome");
            std::thread::yield_now();
        }
    }

    #[test]
    fn attempts_come_slower_and_slower_and_never_two_at_once() {
        let mut now = Instant::now();
        let mut search = search(DriverChoice::CoreAudio, now);
        let (baton, stats) = (Arc::new(Baton::empty()), Arc::new(CallbackStats::new(SampleRate::DEFAULT)));
        for pause_millis in [500, 1_000, 2_000, 4_000, 5_000, 5_000] {
            assert!(!search.is_due(now + Duration::from_millis(pause_millis - 1)), "{pause_millis}");
            now += Duration::from_millis(pause_millis);
            assert!(search.is_due(now), "{pause_millis}");
            search.begin(&baton, &stats, Vec::new(), now);
            assert!(!search.is_due(now + LONGEST_WAIT * 2));
            while search.attempt.is_some() {
                // This system's refusal is told once.
                let told = search.look(now);
                assert!(told.is_none() || pause_millis == 500);
            }
        }
    }

    #[test]
    fn what_is_found_waits_for_the_word_to_take_over() {
        let now = Instant::now();
        let mut search = search(DriverChoice::Null, now);
        let (baton, stats) = (Arc::new(Baton::empty()), Arc::new(CallbackStats::new(SampleRate::DEFAULT)));
        search.begin(&baton, &stats, Vec::new(), now);
        let mut found = outcome(&mut search).map_err(|error| error.to_string()).expect("the null clock");
        assert!(found.standby.was_called());
        assert_eq!(stats.callbacks(), 0);
        found.standby.take_over();
        while stats.callbacks() == 0 {
            std::thread::yield_now();
        }
        found.driver.stop();
    }
}
