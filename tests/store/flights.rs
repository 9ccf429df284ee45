//! Equal requests at once are one generation, whoever goes away meanwhile. The clock stands still.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use antiphon::library::{Cache, Entry, FlightError, Key, Limits, Served, Source};
use serde_json::json;
use tokio::time::{sleep, timeout};

#[derive(Clone, PartialEq, Debug)]
enum Failed {
    Server,
    Cancelled,
}

impl FlightError for Failed {
    fn is_own(&self) -> bool {
        *self == Failed::Cancelled
    }
}

type Asked = tokio::task::JoinHandle<Result<Served, Failed>>;

/// A cache in a folder of its own, and how often was generated.
struct Desk {
    cache: Cache,
    generations: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), Limits::default()).unwrap();
        Desk { cache, generations: Arc::default(), _folder: folder }
    }

    /// Asks for a key; what generates takes a second, and ends so.
    fn ask(&self, key: Key, outcome: Result<(), Failed>) -> Asked {
        let (cache, generations) = (self.cache.clone(), Arc::clone(&self.generations));
        tokio::spawn(async move {
            let generate = || async move {
                let number = generations.fetch_add(1, Ordering::SeqCst);
                sleep(Duration::from_secs(1)).await;
                outcome
                    .map(|()| Entry::new(json!({"number": number})).part("midi.mid", vec![number as u8; 9]))
            };
            cache.get_or(key, generate).await
        })
    }

    fn generations(&self) -> usize {
        self.generations.load(Ordering::SeqCst)
    }
}

fn key(name: &str) -> Key {
    Key::of(&name).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_at_once_are_one_generation() {
    let desk = Desk::new();
    let asked: Vec<Asked> = (0..100).map(|_| desk.ask(key("a waltz"), Ok(()))).collect();
    let mut sources = Vec::new();
    for asked in asked {
        let served = asked.await.unwrap().unwrap();
        assert_eq!(served.entry.parts["midi.mid"][..], [0; 9]);
        assert_eq!(served.warning, None);
        sources.push(served.source);
    }
    assert_eq!(desk.generations(), 1);
    assert_eq!(sources.iter().filter(|source| **source == Source::Generated).count(), 1);
    assert_eq!(desk.ask(key("a waltz"), Ok(())).await.unwrap().unwrap().source, Source::Memory);
    let stats = desk.cache.stats();
    assert_eq!((stats.counts.joined, stats.counts.memory_hits, stats.counts.misses), (99, 1, 1));
    assert_eq!((stats.hits(), stats.entries, stats.in_flight), (100, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn other_keys_do_not_wait_for_it() {
    let desk = Desk::new();
    let begun = tokio::time::Instant::now();
    let asked: Vec<Asked> = (0..20).map(|n| desk.ask(key(&format!("piece {n}")), Ok(()))).collect();
    for asked in asked {
        assert_eq!(asked.await.unwrap().unwrap().source, Source::Generated);
    }
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
    assert_eq!(desk.generations(), 20);
}

#[tokio::test(start_paused = true)]
async fn one_who_waits_and_goes_away_takes_nobody_along() {
    let desk = Desk::new();
    let leader = desk.ask(key("a"), Ok(()));
    sleep(Duration::from_millis(10)).await;
    let waiters: Vec<Asked> = (0..10).map(|_| desk.ask(key("a"), Ok(()))).collect();
    sleep(Duration::from_millis(10)).await;
    waiters.iter().step_by(2).for_each(Asked::abort);
    assert_eq!(leader.await.unwrap().unwrap().source, Source::Generated);
    for (n, waiter) in waiters.into_iter().enumerate() {
        match waiter.await {
            Ok(served) => assert!(n % 2 == 1 && served.unwrap().source == Source::Joined),
            Err(error) => assert!(n % 2 == 0 && error.is_cancelled()),
        }
    }
    assert_eq!(desk.generations(), 1);
}

/// Leaders that are dropped, panic, or were cancelled on their own account are followed by the next.
#[tokio::test(start_paused = true)]
async fn where_the_one_who_generates_is_gone_another_takes_over() {
    let desk = Desk::new();
    let dropped = desk.ask(key("a"), Ok(()));
    sleep(Duration::from_millis(10)).await;
    let cancelled = desk.ask(key("a"), Err(Failed::Cancelled));
    sleep(Duration::from_millis(10)).await;
    let cache = desk.cache.clone();
    let panics = tokio::spawn(async move {
        let generate = || async { std::panic::resume_unwind(Box::new("on purpose")) };
        cache.get_or::<Failed, _>(key("a"), generate).await
    });
    sleep(Duration::from_millis(10)).await;
    let last: Vec<Asked> = (0..5).map(|_| desk.ask(key("a"), Ok(()))).collect();
    sleep(Duration::from_millis(10)).await;
    dropped.abort();
    assert_eq!(cancelled.await.unwrap().unwrap_err(), Failed::Cancelled);
    assert!(panics.await.unwrap_err().is_panic());
    let mut generated = 0;
    for asked in last {
        let asked = timeout(Duration::from_secs(10), asked).await.expect("nobody hangs");
        generated += usize::from(asked.unwrap().unwrap().source == Source::Generated);
    }
    assert_eq!((generated, desk.generations()), (1, 3));
    assert_eq!(desk.cache.stats().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_told_to_all_who_wait_and_to_nobody_later() {
    let desk = Desk::new();
    let asked: Vec<Asked> = (0..50).map(|_| desk.ask(key("a"), Err(Failed::Server))).collect();
    for asked in asked {
        assert_eq!(asked.await.unwrap().unwrap_err(), Failed::Server);
    }
    assert_eq!(desk.generations(), 1);
    assert_eq!(desk.ask(key("a"), Ok(())).await.unwrap().unwrap().source, Source::Generated);
    assert_eq!((desk.generations(), desk.cache.stats().entries), (2, 1));
}

/// All who asked go away, at any moment: nothing is left, and the next one starts anew.
#[tokio::test(start_paused = true)]
async fn nothing_is_left_where_all_have_gone() {
    let desk = Desk::new();
    let never = || pending::<Result<Entry, Failed>>();
    let all = async {
        tokio::join!(
            desk.cache.get_or(key("a"), never),
            desk.cache.get_or(key("a"), never),
            desk.cache.get_or(key("b"), never)
        )
    };
    assert!(timeout(Duration::from_secs(1), all).await.is_err());
    assert_eq!(desk.cache.stats().in_flight, 0);
    assert_eq!(desk.ask(key("a"), Ok(())).await.unwrap().unwrap().source, Source::Generated);
}
