//! The actor that commits for many.

use std::time::Duration;

use antiphon::actor::kit::Kit;
use antiphon::actor::{Options, SpawnError};
use antiphon::persistence::{CommitError, Journal, Keeper, KeeperMessage, KeeperSettings, Ledger};

use crate::{Words, said};

fn ledger(kit: &Kit, path: &std::path::Path, name: &str) -> Ledger<Words> {
    let journal = Journal::open(path, "main").expect("it opens");
    Ledger::of(journal, KeeperSettings::default(), |build| spawn(kit, name, build)).expect("spawned")
}

fn spawn(
    kit: &Kit,
    name: &str,
    build: Box<dyn FnMut() -> Keeper<Words> + Send>,
) -> Result<antiphon::actor::Address<KeeperMessage<Words>>, SpawnError> {
    kit.system.spawn(name, Options::new().capacity(64), build)
}

/// Each decides after the one before, also of the same transaction; what one refuses harms no other.
#[test]
fn those_that_wait_together_decide_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    Kit::run(1, async |kit| {
        let ledger = ledger(kit, &path, "words");
        let asked: Vec<_> = (0..200)
            .map(|n| {
                let ledger = ledger.clone();
                tokio::spawn(async move {
                    ledger
                        .commit(move |state: &Words| match n % 10 {
                            3 => Err(n),
                            _ => Ok(vec![said(format!("{}", state.said.len()))]),
                        })
                        .await
                })
            })
            .collect();
        for (n, asked) in asked.into_iter().enumerate() {
            match asked.await.unwrap() {
                Err(CommitError::Refused(refused)) => assert!(refused == n && n % 10 == 3),
                kept => assert!(kept.is_ok() && n % 10 != 3, "{n}: {kept:?}"),
            }
        }
        let numbers: Vec<String> = (0..180).map(|n| n.to_string()).collect();
        ledger.read(|state| assert_eq!(state.said, numbers));
    });
    let mut journal = Journal::<Words>::open(&path, "main").unwrap();
    assert_eq!(journal.state().said.len(), 180);
    assert_eq!(journal.rebuild().unwrap(), *journal.state());
}

/// What was acknowledged stays, what was not may or may not be there, and nobody waits for ever.
#[test]
fn a_keeper_that_is_killed_again_and_again_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let kept = Kit::run(2, async |kit| {
        let ledger = ledger(kit, &path, "words");
        let mut kept = Vec::new();
        for n in 0..60 {
            let word = format!("word {n}");
            let asked = {
                let (ledger, word) = (ledger.clone(), word.clone());
                tokio::spawn(async move { ledger.commit::<()>(|_| Ok(vec![said(word)])).await })
            };
            if n % 20 == 7 {
                tokio::task::yield_now().await;
                ledger.keeper().erased().kill("on purpose");
            }
            if asked.await.unwrap().is_ok() {
                kept.push(word);
            }
            kit.pass(Duration::from_secs(30)).await;
        }
        assert_eq!(ledger.keeper().erased().phase(), antiphon::actor::Phase::Running);
        kept
    });
    assert!(kept.len() >= 57, "{}", kept.len());
    let mut journal = Journal::<Words>::open(&path, "main").unwrap();
    assert!(kept.iter().all(|word| journal.state().said.contains(word)));
    assert_eq!(journal.rebuild().unwrap(), *journal.state());
}

/// A decision that panics takes its incarnation with it, and nothing else.
#[test]
fn a_decision_that_panics_is_a_fault_and_the_next_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    Kit::run(3, async |kit| {
        let ledger = ledger(kit, &path, "words");
        ledger.commit::<()>(|_| Ok(vec![said("before")])).await.unwrap();
        let failed =
            ledger.commit::<()>(|_| std::panic::resume_unwind(Box::new("on purpose"))).await.unwrap_err();
        assert!(matches!(failed, CommitError::Journal(_)), "{failed:?}");
        kit.pass(Duration::from_secs(1)).await;
        assert_eq!(ledger.commit::<()>(|_| Ok(vec![said("after")])).await, Ok(2));
        ledger.read(|state| assert_eq!(state.said, ["before", "after"]));
    });
}

/// One process's events reach the other without its asking.
#[test]
fn what_another_process_says_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    Kit::run(4, async |kit| {
        let one = ledger(kit, &path, "one");
        let other = ledger(kit, &path, "other");
        one.commit::<()>(|_| Ok(vec![said("hello")])).await.unwrap();
        kit.pass(Duration::from_millis(250)).await;
        other.read(|state| assert_eq!(state.said, ["hello"]));
        other.commit::<()>(|_| Ok(vec![said("cancel it")])).await.unwrap();
        assert_eq!(one.refresh().await, Ok(1));
        one.read(|state| assert_eq!(state.said, ["hello", "cancel it"]));
    });
}
