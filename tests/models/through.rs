//! Through the whole service, not only a backend of it: cache, generators, verification.

use antiphon::actor::{Options, Settings, System};
use antiphon::generate::service::{Backends, Means, Service, ServiceSettings, unwatched};
use antiphon::generate::{Audio, Perform, Product};
use antiphon::library::{Cache, Limits};

use super::*;

struct Mute;

impl Perform for Mute {
    fn perform(&self, _: &[u8], _: SampleRate, _: Option<u64>) -> Result<Audio, Failure> {
        Err(Failure::new(FailureKind::Fault, "no MIDI here"))
    }
}

/// A service over a configuration, with the cache of a folder.
async fn service(text: &str, cache: &Cache, system: &System, name: &str) -> (Service, TempDir) {
    let (config, folder) = configured(text, &[]);
    let generators = config.generators();
    let backends: Arc<dyn Backends> = Arc::new(config);
    let means = Means { backends, perform: Arc::new(Mute), cache: cache.clone() };
    let service = Service::new(means, ServiceSettings { generators });
    system.spawn_started(name, Options::new(), service.supervisor()).await.unwrap();
    (service, folder)
}

async fn ask(service: &Service, seed: u64) -> Result<Product, Failure> {
    let asked = Request { backend: "mine".to_owned(), seed, length: Length::Seconds(0.5), ..request() };
    service.generate(&asked, Duration::from_secs(60), &unwatched()).await
}

fn hf_at(stub: &Stub, more: &str) -> String {
    format!(
        "[backend.mine]\nkind = \"hf\"\nurl = \"{}\"\nburst = 1000\nrequests_per_second = 1000\n{more}\n",
        stub.url()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_at_once_ten_are_under_way_and_another_backend_finds_a_generator() {
    let stub = Stub::new(|_, _| {
        Answer::Late(Duration::from_millis(400), Box::new(Answer::file("audio/wav", tone(48_000, 0.5))))
    })
    .await;
    let quick = Stub::new(|_, _| Answer::file("audio/wav", tone(48_000, 0.5))).await;
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    let system = System::new(Settings::default());
    let text = format!("{}[backend.quick]\nkind = \"hf\"\nurl = \"{}\"\n", hf_at(&stub, ""), quick.url());
    let (service, _config) = service(&text, &cache, &system, "generation").await;
    let mut calls = tokio::task::JoinSet::new();
    for seed in 0..100 {
        let service = service.clone();
        calls.spawn(async move { ask(&service, seed).await });
    }
    while stub.seen.asked().len() < 10 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let other = Request { backend: "quick".to_owned(), length: Length::Seconds(0.5), ..request() };
    service.generate(&other, Duration::from_secs(60), &unwatched()).await.unwrap();
    assert!(!calls.is_empty() && stub.seen.asked().len() < 100, "it waited for the others");
    while let Some(call) = calls.join_next().await {
        assert_eq!(call.unwrap().unwrap().tries, 1);
    }
    assert_eq!(stub.seen.asked().len(), 100);
    assert_eq!(stub.seen.most_in_flight.load(Ordering::SeqCst), 10);
    system.stop().await;
}

/// The configuration changes, the name and the cache stay.
#[tokio::test]
async fn another_server_or_model_under_the_same_name_is_asked_anew() {
    let sound = |rate| move |_: usize, _: &stub::Asked| Answer::file("audio/wav", tone(rate, 0.5));
    let (old, new) = (Stub::new(sound(48_000)).await, Stub::new(sound(44_100)).await);
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Limits::default()).unwrap();
    let system = System::new(Settings::default());
    let (before, _config) = service(&hf_at(&old, ""), &cache, &system, "before").await;
    assert!(!ask(&before, 1).await.unwrap().from_cache);
    assert!(ask(&before, 1).await.unwrap().from_cache);
    let (after, _config) = service(&hf_at(&new, ""), &cache, &system, "after").await;
    assert!(!ask(&after, 1).await.unwrap().from_cache);
    let (model, _config) = service(&hf_at(&new, "model = \"other\""), &cache, &system, "model").await;
    assert!(!ask(&model, 1).await.unwrap().from_cache);
    // How it is asked makes no other music.
    let (again, _config) = service(&hf_at(&old, "in_flight = 3"), &cache, &system, "again").await;
    assert!(ask(&again, 1).await.unwrap().from_cache);
    assert_eq!((old.seen.asked().len(), new.seen.asked().len()), (1, 2));
    system.stop().await;
}
