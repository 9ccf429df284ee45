use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::actor::kit::Kit;
use crate::generate::{Audio, Draft, Drafted, Drafting, Identity, Length};
use crate::library::Limits;
use crate::unit::SampleRate;

/// How the backend of a test behaves.
#[derive(Clone, Copy)]
enum Manner {
    /// Gives a tone after so long.
    After(Duration),
    /// Never answers.
    Hangs,
    /// Panics.
    Panics,
    /// Fails with a kind.
    Fails(FailureKind),
    /// Fails with a kind after so long.
    FailsAfter(Duration, FailureKind),
}

struct Stub {
    manner: Manner,
    begun: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    /// When a draft was dropped unfinished.
    dropped: Mutex<Vec<Instant>>,
}

impl Stub {
    fn new(manner: Manner) -> Arc<Stub> {
        Arc::new(Stub {
            manner,
            begun: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            dropped: Mutex::new(Vec::new()),
        })
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

/// One that is at it; says when it is dropped before it was done.
struct AtIt<'a>(&'a Stub, bool);

impl Drop for AtIt<'_> {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::SeqCst);
        if !self.1 {
            self.0.dropped.lock().expect("no test panics with it").push(Instant::now());
        }
    }
}

impl Backend for Stub {
    fn draft<'a>(
        &'a self,
        request: &'a Request,
        _: Drafting<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Drafted, Failure>> + Send + 'a>> {
        Box::pin(async move {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(now, Ordering::SeqCst);
            let mut at_it = AtIt(self, false);
            let done = match self.manner {
                Manner::After(pause) => {
                    tokio::time::sleep(pause).await;
                    Ok((
                        Draft::Sound {
                            bytes: tone(request.seed),
                            content_type: Some("audio/wav".to_owned()),
                        },
                        1,
                    ))
                }
                Manner::Hangs => std::future::pending().await,
                Manner::Panics => panic!("on purpose"),
                Manner::FailsAfter(pause, kind) => {
                    tokio::time::sleep(pause).await;
                    Err(Failure::new(kind, "on purpose"))
                }
                Manner::Fails(kind) => Err(Failure::new(kind, "on purpose").after(3)),
            };
            at_it.1 = true;
            done
        })
    }
}

/// A second of a tone of its own for each seed, as a WAV.
fn tone(seed: u64) -> Vec<u8> {
    let rate = SampleRate::DEFAULT;
    let hertz = 220.0 + (seed % 100) as f32 * 3.0;
    let samples =
        (0..48_000).map(|n| (n as f32 * hertz * std::f32::consts::TAU / 48_000.0).sin() * 0.4).collect();
    Audio { rate, channels: vec![samples] }.to_wav().expect("a WAV")
}

struct Named(HashMap<&'static str, Arc<Stub>>);

impl Backends for Named {
    fn backend(&self, name: &str) -> Result<Arc<dyn Backend>, Failure> {
        let found = self.0.get(name).cloned().map(|stub| stub as Arc<dyn Backend>);
        found.ok_or_else(|| Failure::new(FailureKind::Config, format!("no backend `{name}`")))
    }

    fn identity(&self, _: &str, _: Option<&str>) -> Result<Identity, Failure> {
        Ok(Identity::new("stub"))
    }
}

struct Nobody;

impl Perform for Nobody {
    fn perform(&self, _: &[u8], _: SampleRate, _: Option<u64>) -> Result<Audio, Failure> {
        Err(Failure::new(FailureKind::Fault, "no MIDI in these tests"))
    }
}

static FOLDERS: AtomicU64 = AtomicU64::new(0);

/// A test with a running service over these backends.
fn with<const N: usize>(stubs: [(&'static str, &Arc<Stub>); N], test: impl AsyncFnOnce(&Kit, &Service)) {
    with_generators(GENERATORS, stubs, test);
}

fn with_generators<const N: usize>(
    generators: usize,
    stubs: [(&'static str, &Arc<Stub>); N],
    test: impl AsyncFnOnce(&Kit, &Service),
) {
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("antiphon-service-{}-{number}", std::process::id()));
    let named = Named(stubs.into_iter().map(|(name, stub)| (name, Arc::clone(stub))).collect());
    Kit::run(number, async |kit| {
        let cache = Cache::open(&folder, Limits::default()).expect("a cache");
        let means = Means { backends: Arc::new(named), perform: Arc::new(Nobody), cache };
        let service = Service::new(means, ServiceSettings { generators });
        kit.system.spawn_started("generate", Options::new(), service.supervisor()).await.expect("started");
        test(kit, &service).await;
    });
    let _ = std::fs::remove_dir_all(&folder);
}

fn request(backend: &str, seed: u64) -> Request {
    Request {
        backend: backend.to_owned(),
        seed,
        length: Length::Seconds(1.0),
        ..Request::new("a tone", SampleRate::DEFAULT)
    }
}

const LONG: Duration = Duration::from_secs(100);

#[test]
fn a_cancelled_request_is_dropped_at_once_down_to_the_backend() {
    let stub = Stub::new(Manner::Hangs);
    with([("slow", &stub)], async |kit, service| {
        let (service, asked) = (service.clone(), request("slow", 1));
        let task = tokio::spawn(async move { service.generate(&asked, LONG, &unwatched()).await });
        kit.pass(Duration::from_secs(3)).await;
        assert_eq!(stub.begun(), 1);
        let cancelled = Instant::now();
        task.abort();
        kit.pass(Duration::from_secs(1)).await;
        let dropped = stub.dropped.lock().expect("a list").clone();
        assert_eq!(dropped.len(), 1);
        assert!(dropped[0] - cancelled < Duration::from_millis(100), "{:?}", dropped[0] - cancelled);
    });
}

#[test]
fn equal_requests_are_one_generation_and_then_a_hit() {
    let stub = Stub::new(Manner::After(Duration::from_secs(2)));
    with([("tone", &stub)], async |_, service| {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let service = service.clone();
            tasks.spawn(async move { service.generate(&request("tone", 7), LONG, &unwatched()).await });
        }
        let made: Vec<Product> =
            tasks.join_all().await.into_iter().map(|made| made.expect("music")).collect();
        assert_eq!(stub.begun(), 1);
        assert_eq!(made.iter().filter(|product| !product.from_cache).count(), 1);
        assert!(made.iter().all(|product| product.audio == made[0].audio));
        let hit = service.generate(&request("tone", 7), LONG, &unwatched()).await.expect("music");
        assert!(hit.from_cache && hit.audio == made[0].audio && stub.begun() == 1);
        let other = service.generate(&request("tone", 8), LONG, &unwatched()).await.expect("music");
        assert!(!other.from_cache && other.audio != made[0].audio);
    });
}

#[test]
fn a_slow_backend_leaves_a_generator_for_the_others() {
    let (slow, quick) = (Stub::new(Manner::Hangs), Stub::new(Manner::After(Duration::from_millis(10))));
    with([("slow", &slow), ("quick", &quick)], async |kit, service| {
        let mut hanging = tokio::task::JoinSet::new();
        for seed in 0..50 {
            let service = service.clone();
            hanging.spawn(async move { service.generate(&request("slow", seed), LONG, &unwatched()).await });
        }
        kit.pass(Duration::from_secs(1)).await;
        assert_eq!(slow.most_at_once.load(Ordering::SeqCst), GENERATORS - 1);
        let asked = Instant::now();
        service.generate(&request("quick", 1), LONG, &unwatched()).await.expect("music");
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        // The deadline ends all of the others, each with an error.
        let ended = hanging.join_all().await;
        assert!(
            ended.iter().all(|end| end.as_ref().is_err_and(|failure| failure.kind == FailureKind::Timeout))
        );
        assert_eq!(slow.at_once.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn what_kills_generators_fails_once_and_takes_nobody_along() {
    let (bad, good) = (Stub::new(Manner::Panics), Stub::new(Manner::After(Duration::from_millis(300))));
    with([("bad", &bad), ("good", &good)], async |_, service| {
        let mut tasks = tokio::task::JoinSet::new();
        for seed in 0..20 {
            let service = service.clone();
            let backend = if seed == 4 { "bad" } else { "good" };
            tasks.spawn(async move {
                (seed, service.generate(&request(backend, seed), LONG, &unwatched()).await)
            });
        }
        for (seed, made) in tasks.join_all().await {
            match made {
                Ok(_) => assert_ne!(seed, 4),
                Err(failure) => assert_eq!((seed, failure.kind), (4, FailureKind::Fault), "{failure}"),
            }
        }
        assert_eq!(bad.begun(), LOST_AT_MOST as usize);
    });
}

#[test]
fn a_killed_generator_is_started_anew_and_its_request_given_to_another() {
    let stub = Stub::new(Manner::After(Duration::from_secs(1)));
    with([("tone", &stub)], async |kit, service| {
        let mut tasks = tokio::task::JoinSet::new();
        for seed in 0..4 {
            let service = service.clone();
            tasks.spawn(async move { service.generate(&request("tone", seed), LONG, &unwatched()).await });
        }
        kit.pass(Duration::from_millis(500)).await;
        for member in service.0.pool.addresses().into_iter().take(2) {
            member.erased().kill("on purpose");
        }
        assert!(tasks.join_all().await.iter().all(Result::is_ok));
        assert_eq!(service.0.pool.addresses().len(), GENERATORS);
        let lost = service.counts().lost;
        assert!((1..=2).contains(&lost), "{lost}");
        assert_eq!(stub.begun() as u64, 4 + lost);
    });
}

/// Ten fail at once, again and again: the pool gives up over them, and what it has in hand for others goes on.
#[test]
fn many_that_fail_at_once_cost_a_healthy_backend_nothing() {
    const SECOND: Duration = Duration::from_secs(1);
    for bad in [
        Manner::FailsAfter(SECOND, FailureKind::Timeout),
        Manner::FailsAfter(SECOND, FailureKind::Network),
        Manner::Panics,
    ] {
        let (bad, good) = (Stub::new(bad), Stub::new(Manner::After(30 * SECOND)));
        with_generators(11, [("bad", &bad), ("good", &good)], async |kit, service| {
            let one = service.clone();
            let healthy =
                tokio::spawn(async move { one.generate(&request("good", 1), LONG, &unwatched()).await });
            kit.pass(SECOND).await;
            let mut failing = tokio::task::JoinSet::new();
            for seed in 0..100 {
                let service = service.clone();
                failing
                    .spawn(async move { service.generate(&request("bad", seed), LONG, &unwatched()).await });
            }
            assert!(failing.join_all().await.iter().all(Result::is_err));
            assert!((1..=10).contains(&bad.most_at_once.load(Ordering::SeqCst)));
            healthy.await.expect("no panic").expect("music");
            assert_eq!(good.begun(), 1);
        });
    }
}

#[test]
fn generators_that_are_killed_more_often_than_is_borne_come_back() {
    let stub = Stub::new(Manner::After(Duration::from_millis(100)));
    with([("tone", &stub)], async |kit, service| {
        for round in 0..4 {
            for member in service.0.pool.addresses() {
                member.erased().kill("on purpose");
            }
            kit.pass(Duration::from_secs(1)).await;
            for seed in 0..8 {
                let asked = request("tone", round * 8 + seed);
                service.generate(&asked, LONG, &unwatched()).await.expect("music");
            }
        }
        assert_eq!(service.0.pool.addresses().len(), GENERATORS);
    });
}

#[test]
fn failures_say_what_they_are_and_are_not_kept() {
    let stub = Stub::new(Manner::Fails(FailureKind::Unavailable));
    with([("away", &stub)], async |_, service| {
        for again in 1..=2 {
            let failure =
                service.generate(&request("away", 1), LONG, &unwatched()).await.expect_err("a failure");
            assert_eq!((failure.kind, failure.tries), (FailureKind::Unavailable, 3));
            assert_eq!(stub.begun(), again);
        }
        let unknown =
            service.generate(&request("nobody", 1), LONG, &unwatched()).await.expect_err("a failure");
        assert_eq!(unknown.kind, FailureKind::Config);
        let senseless = Request { length: Length::Bars(0), ..request("away", 1) };
        let senseless = service.generate(&senseless, LONG, &unwatched()).await.expect_err("a failure");
        assert_eq!(senseless.kind, FailureKind::Usage);
        assert_eq!(service.counts().failed, 4);
    });
}

#[test]
fn a_server_that_is_away_for_long_does_not_end_the_pipeline() {
    let (away, good) =
        (Stub::new(Manner::Fails(FailureKind::Network)), Stub::new(Manner::After(Duration::ZERO)));
    with([("away", &away), ("good", &good)], async |_, service| {
        for seed in 0..30 {
            let failure =
                service.generate(&request("away", seed), LONG, &unwatched()).await.expect_err("a failure");
            assert_eq!(failure.kind, FailureKind::Network, "{failure}");
        }
        service.generate(&request("good", 1), LONG, &unwatched()).await.expect("music");
    });
}

#[test]
fn music_that_is_kept_already_under_another_seed_is_said() {
    let stub = Stub::new(Manner::After(Duration::ZERO));
    with([("tone", &stub)], async |_, service| {
        // Seeds a hundred apart are one tone.
        let first = service.generate(&request("tone", 1), LONG, &unwatched()).await.expect("music");
        let twin = service.generate(&request("tone", 101), LONG, &unwatched()).await.expect("music");
        assert!(!twin.from_cache && stub.begun() == 2);
        let said =
            |product: &Product| product.warnings.iter().any(|warning| warning.contains("the same music"));
        assert!(!said(&first) && said(&twin), "{:?} {:?}", first.warnings, twin.warnings);
        let again = service.generate(&request("tone", 101), LONG, &unwatched()).await.expect("music");
        assert!(again.from_cache && !said(&again));
    });
}
