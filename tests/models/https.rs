//! Servers behind TLS: which are trusted, and what is said of the others.

use super::stub::{Answer, Stub};
use super::tls::{Authority, Front, Identity, self_made};
use super::*;

const HERE: &str = "127.0.0.1";

async fn stub() -> Stub {
    Stub::new(|_, _| Answer::file("audio/wav", tone(48_000, 1.0))).await
}

/// A configuration with a backend at a URL; `ca` becomes its `ca_file`, beside it.
fn at(url: &str, ca: Option<&str>) -> (Config, TempDir) {
    let trusts = if ca.is_some() { "ca_file = \"ca.pem\"\n" } else { "" };
    let text = format!("[backend.hf]\nkind = \"hf\"\nurl = \"{url}\"\nkey_env = \"MY_KEY\"\n{trusts}");
    let (config, folder) = configured(&text, &[("MY_KEY", KEY)]);
    if let Some(ca) = ca {
        std::fs::write(folder.path().join("ca.pem"), ca).unwrap();
    }
    (config, folder)
}

/// Music from a server that shows such a certificate.
async fn asked(identity: Identity, ca: Option<&str>) -> (Result<Drafted, Failure>, Stub, usize) {
    let stub = stub().await;
    let front = Front::new(stub.address, identity).await;
    let (config, _folder) = at(&front.url(), ca);
    let drafted = match config.backend("hf") {
        Ok(backend) => draft(&backend, &request()).await,
        Err(failure) => Err(failure),
    };
    let lines = front.lines();
    (drafted, stub, lines)
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority_or_by_its_own_certificate() {
    let authority = Authority::new();
    let (drafted, stub, _) = asked(authority.certify(HERE, 2_999), Some(&authority.pem)).await;
    assert_eq!(drafted.unwrap_or_else(|failure| panic!("{failure}")).1, 1);
    // The key goes over the line that is trusted.
    assert_eq!(stub.seen.asked()[0].header("authorization"), Some(&*format!("Bearer {KEY}")));
    // Its own certificate, whatever name and rank that has.
    for name in [HERE, "studio.local"] {
        let identity = self_made(name);
        let pem = identity.pem.clone();
        let (drafted, ..) = asked(identity, Some(&pem)).await;
        assert_eq!(drafted.unwrap_or_else(|failure| panic!("{name}: {failure}")).1, 1);
    }
    let (config, _folder) = at("https://127.0.0.1:1", Some("hello"));
    let failure = config.backend("hf").err().expect("no certificate");
    assert!(failure.message.contains("ca.pem cannot be used: it holds no certificate"), "{failure}");
}

#[tokio::test]
async fn who_is_not_trusted_is_not_told_the_key_nor_asked_again() {
    use FailureKind::{Config, Refused};
    let authority = Authority::new();
    let stranger = Authority::new();
    let ours = Some(&*authority.pem);
    let cases = [
        (
            "a stranger",
            stranger.certify(HERE, 2_999),
            ours,
            Config,
            "ca.pem does not vouch for its certificate",
        ),
        ("unknown", stranger.certify(HERE, 2_999), None, Config, "write `ca_file = \"FILE\"`"),
        ("self-made", self_made(HERE), None, Config, "write `ca_file = \"FILE\"`"),
        ("another's name", authority.certify("studio.local", 2_999), ours, Config, "for studio.local;"),
        ("expired", authority.certify(HERE, 2_020), ours, Refused, "has expired"),
    ];
    for (name, identity, ca, kind, words) in cases {
        let (drafted, stub, lines) = asked(identity, ca).await;
        let failure = drafted.expect_err(name);
        if ca.is_none() && failure.message.contains("install the system's CA certificates") {
            eprintln!("{name}: skipped, the system has no CA certificates");
            continue;
        }
        assert_eq!((failure.kind, failure.tries, lines), (kind, 1, 1), "{name}: {failure}");
        assert!(failure.message.contains(words), "{name}: {failure}");
        assert!(stub.seen.asked().is_empty() && !format!("{failure:?}").contains(KEY), "{name}");
    }
}

#[tokio::test]
async fn http_and_https_that_are_taken_for_one_another_are_told_apart() {
    let authority = Authority::new();
    // As servers answer what is no HTTP.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut line, _)) = listener.accept().await {
            let _ = line.read(&mut [0; 1_024]).await;
            let _ = line.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    let (config, _folder) = at(&format!("https://{plain}"), Some(&authority.pem));
    let failure = draft(&config.backend("hf").unwrap(), &request()).await.expect_err("no TLS");
    assert_eq!((failure.kind, failure.tries), (FailureKind::Config, 1), "{failure}");
    assert!(failure.message.contains("does not speak TLS: write its `url` with http://"), "{failure}");

    let stub = stub().await;
    let front = Front::new(stub.address, authority.certify(HERE, 2_999)).await;
    let (config, _folder) = at(&format!("http://{}", front.address), None);
    let failure = draft(&config.backend("hf").unwrap(), &request()).await.expect_err("no HTTP");
    assert_eq!((failure.kind, failure.tries), (FailureKind::Config, 1), "{failure}");
    assert!(failure.message.contains("write its `url` with https://"), "{failure}");
}

#[tokio::test]
async fn who_is_sent_elsewhere_does_not_take_the_key_along() {
    let elsewhere = stub().await;
    let to = format!("{}/models/x?token=secret", elsewhere.url());
    let stub = Stub::new(move |_, _| Answer::Whole(307, vec![("Location", to.clone())], Vec::new())).await;
    let authority = Authority::new();
    let front = Front::new(stub.address, authority.certify(HERE, 2_999)).await;
    let (config, _folder) = at(&front.url(), Some(&authority.pem));
    let failure = draft(&config.backend("hf").unwrap(), &request()).await.expect_err("moved");
    assert_eq!((failure.kind, failure.tries), (FailureKind::Refused, 1), "{failure}");
    assert!(failure.message.contains("has moved to") && !failure.message.contains("secret"), "{failure}");
    assert_eq!(elsewhere.seen.connections.load(Ordering::SeqCst), 0, "it was not gone to");
}

/// As a user: the program, the system's store by `SSL_CERT_FILE`, and all that is logged.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_systems_store_is_believed_and_no_log_holds_the_key() {
    let authority = Authority::new();
    let stub = stub().await;
    let front = Front::new(stub.address, authority.certify(HERE, 2_999)).await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &authority.pem).unwrap();
    let out = folder.path().join("out.wav");
    let cache = folder.path().join("cache");
    let run = |store: &std::path::Path| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command
            .args(["generate", "warm pads", "--backend", "hf", "--seconds", "1", "--json", "-o"])
            .arg(&out)
            .env("HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .env("ANTIPHON_CACHE_DIR", &cache)
            .env("ANTIPHON_MODEL_URL", front.url())
            .env("ANTIPHON_MODEL_KEY", KEY)
            .env("ANTIPHON_LOG", "trace")
            .env("SSL_CERT_FILE", store)
            .env_remove("ANTIPHON_CONFIG")
            .kill_on_drop(true);
        command.output()
    };
    let trusted = run(&ca).await.unwrap();
    let said: Value = serde_json::from_slice(&trusted.stdout).unwrap();
    assert_eq!((&said["ok"], &said["tries"]), (&true.into(), &1.into()), "{said}");
    // Another authority's store.
    let other = folder.path().join("other.pem");
    std::fs::write(&other, Authority::new().pem).unwrap();
    let distrusted = run(&other).await.unwrap();
    // What is in the cache needs no server.
    assert_eq!(serde_json::from_slice::<Value>(&distrusted.stdout).unwrap()["from_cache"], true);
    std::fs::remove_dir_all(&cache).unwrap();
    let distrusted = run(&other).await.unwrap();
    let said: Value = serde_json::from_slice(&distrusted.stdout).unwrap();
    assert_eq!((&said["error"]["kind"], distrusted.status.code()), (&"config".into(), Some(2)), "{said}");
    assert!(said["error"]["message"].as_str().unwrap().contains("ca_file"), "{said}");
    assert_eq!(stub.seen.asked().len(), 1);

    for output in [trusted, distrusted] {
        for text in [output.stdout, output.stderr] {
            assert!(!String::from_utf8_lossy(&text).contains(KEY), "the key is logged");
        }
    }
    let mut folders = vec![cache];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                let holds = bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
                assert!(!holds, "{} holds the key", path.display());
            }
        }
    }
}
