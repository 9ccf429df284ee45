use super::*;

fn parse(text: &str) -> Result<file::Parsed, String> {
    file::parse(text, Path::new("config.toml")).map_err(|failure| {
        assert_eq!(failure.kind, FailureKind::Config);
        failure.message
    })
}

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, Failure> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).expect("written");
    Config::load_in(Some(&path), variables.iter().copied().collect())
}

fn names(config: &Config) -> Vec<(String, &'static str)> {
    config.backends().map(|(name, kind)| (name.to_owned(), kind)).collect()
}

#[test]
fn every_key_has_its_meaning() {
    let parsed = parse(
        "[cache]\nfolder = \"/tmp/c\"\nsize_mib = 4096\nttl_days = 7\n[generation]\ngenerators = 7\n\
         [backend.big]\nkind = \"hf\"\nurl = \"http://a:1\"\nmodel = \"m/n\"\nkey_env = \"HF_TOKEN\"\nca_file = \"ca.pem\"\nin_flight = 3\n\
         requests_per_second = 0.5\nburst = 2\ntries = 4\ndeadline_seconds = 7.5\n\
         [backend.mine]\nkind = \"program\"\ncommand = \"python3 'my model.py' --fast\"\n",
    )
    .unwrap_or_else(|message| panic!("{message}"));
    assert_eq!(parsed.cache_folder.as_deref(), Some(Path::new("/tmp/c")));
    assert_eq!(parsed.generators, Some(7));
    assert_eq!((parsed.cache_size_mib, parsed.cache_ttl_days), (Some(4_096), Some(7)));
    assert_eq!(parsed.entries["mine"].command, ["python3", "my model.py", "--fast"]);
    let big = &parsed.entries["big"];
    assert_eq!((big.model.as_deref(), big.key_env.as_deref()), (Some("m/n"), Some("HF_TOKEN")));
    assert_eq!(big.ca_file.as_deref(), Some("ca.pem"));
    let limits = big.limits();
    assert_eq!((limits.in_flight, limits.tries), (3, 4));
    assert_eq!((limits.rate.every, limits.rate.burst.get()), (Duration::from_secs(2), 2));
    assert_eq!(limits.deadline, Duration::from_millis(7_500));
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_a_hint() {
    for (text, said) in [
        (
            "[backend.a]\nkind = \"hff\"",
            "config.toml:2:1: error: unknown kind `hff`\n  hint: did you mean \"hf\"?",
        ),
        (
            "[backend.a]\nkind = \"hf\"\nurll = \"x\"",
            "3:1: error: unknown key `urll` in [backend.a]\n  hint: did you mean `url`?",
        ),
        ("[backend.a]\nmodel = \"x\"", "1:10: error: [backend.a] has no `kind`"),
        (
            "[backend.a]\nkind = \"local\"\nurl = \"x\"",
            "3:1: error: a backend of kind \"local\" has no `url`",
        ),
        ("[backend.a]\nkind = \"hf\"\ntries = 0", "`tries` must be a whole number from 1 to 10"),
        ("[backend.a]\nkind = \"program\"", "has no `command`"),
        ("[backend.a]\nkind = \"program\"\ncommand = \"a 'b\"", "`command` cannot be run"),
        (
            "[backends.a]",
            "1:2: error: unknown key `backends` in the configuration\n  hint: did you mean `backend`?",
        ),
        ("[backend.\"a b\"]\nkind = \"local\"", "is no name for a backend"),
        ("a = ", "this is not TOML"),
        ("[generation]\ngenerators = 0", "2:1: error: `generators` must be a whole number from 1 to 1001"),
        (
            "[generation]\ngenerator = 9",
            "unknown key `generator` in [generation]\n  hint: did you mean `generators`?",
        ),
        ("generation = 7", "`generation` must be a table\n  hint: write [generation]"),
        ("[cache]\nsize_mib = 8", "2:1: error: `size_mib` must be a whole number from 16 to 16777216"),
        ("[cache]\nttl_days = 0", "`ttl_days` must be a whole number from 1 to 36500"),
        ("[cache]\nttl = 3", "unknown key `ttl` in [cache]"),
    ] {
        let message = parse(text).err().unwrap_or_else(|| panic!("taken: {text}"));
        assert!(message.contains(said), "{text}\n{message}");
    }
}

#[test]
fn a_key_in_the_file_is_refused_and_not_repeated() {
    for line in
        ["key = \"hf_abc123\"", "api_key = \"hf_abc123\"", "key_env = \"hf_abc123\"", "key_env = \"abc-123\""]
    {
        let text = format!("[backend.a]\nkind = \"hf\"\n{line}");
        let message = parse(&text).err().unwrap_or_else(|| panic!("taken: {line}"));
        assert!(
            message.contains("key_env") && message.contains("3:1") && !message.contains("abc"),
            "{message}"
        );
    }
}

#[test]
fn without_a_file_there_is_what_the_environment_names() {
    let nowhere = Config::load_in(None, [("ANTIPHON_CONFIG", "/nonexistent/c.toml")].into_iter().collect());
    assert_eq!(names(&nowhere.expect("the defaults")), [("local".to_owned(), "local")]);
    let config = load(
        "",
        &[("ANTIPHON_MODEL_URL", "http://127.0.0.1:1"), ("ANTIPHON_CHAT_URL", "http://127.0.0.1:2")],
    );
    let config = config.expect("fine");
    let found: Vec<&str> = config.backends().map(|(name, _)| name).collect();
    assert_eq!(found, ["chat", "hf", "local"]);
    let failure = Config::load_in(Some(Path::new("/nonexistent/c.toml")), Environment::default()).err();
    assert!(failure.expect("not there").message.contains("/nonexistent/c.toml"));
}

#[tokio::test]
async fn the_environment_wins_and_backends_are_made_once() {
    let text = "[backend.big]\nkind = \"hf\"\nurl = \"http://10.0.0.1\"\nkey_env = \"MY\"";
    let config =
        load(text, &[("MY", "k"), ("ANTIPHON_MODEL_URL", "http://me:pass@127.0.0.1:7")]).expect("fine");
    // `hf` is there beside it, as the variable alone would have it.
    assert_eq!(config.client("hf").expect("made").expect("a client").server().url().port(), Some(7));
    let client = config.client("big").expect("made").expect("a client");
    assert_eq!(client.server().url().as_str(), "http://127.0.0.1:7/");
    let (one, other) = (config.backend("big").expect("made"), config.backend("big").expect("made"));
    assert!(Arc::ptr_eq(&one, &other));
    let failure = config.backend("bg").err().expect("no such");
    assert_eq!(failure.message, "there is no backend `bg`: did you mean `big`? there are: big, hf, local");
    assert_eq!(failure.kind, FailureKind::Usage);
}

#[test]
fn the_caches_folder_is_the_environments_then_the_files() {
    let text = "[cache]\nfolder = \"/file\"";
    let folder = |variables: &[_]| load(text, variables).expect("fine").cache_folder().expect("one");
    assert_eq!(folder(&[]), Path::new("/file"));
    assert_eq!(folder(&[("ANTIPHON_CACHE_DIR", "/variable")]), Path::new("/variable"));
    let platform = load("", &[("HOME", "/home/me"), ("APPDATA", "C:\\a"), ("LOCALAPPDATA", "C:\\b")]);
    let platform = platform.expect("fine").cache_folder().expect("a home");
    assert!(platform.iter().any(|part| part == "antiphon"), "{}", platform.display());
}

#[test]
fn there_are_generators_enough_for_the_backend_that_takes_most_and_one_more() {
    let generators = |text: &str| load(text, &[]).expect("fine").generators();
    assert_eq!(generators(""), 5);
    assert_eq!(generators("[backend.a]\nkind = \"program\"\ncommand = \"x\""), 5);
    assert_eq!(generators("[backend.a]\nkind = \"chat\""), 11);
    assert_eq!(
        generators("[backend.a]\nkind = \"hf\"\nin_flight = 2\n[backend.b]\nkind = \"hf\"\nin_flight = 40"),
        41
    );
    let few =
        "[generation]\ngenerators = 6\n[backend.a]\nkind = \"hf\"\n[backend.b]\nkind = \"hf\"\nin_flight = 5";
    let few = load(few, &[]).expect("fine");
    assert_eq!(few.generators(), 6);
    let said = few.cramped("a").expect("ten do not fit");
    assert_eq!(
        said,
        "`generators = 6` in [generation] lets 5 of `a` be under way at once, and its `in_flight` 10: \
         write generators = 11, or a smaller in_flight"
    );
    assert_eq!((few.cramped("b"), few.cramped("local"), few.cramped("nobody")), (None, None, None));
}

/// What is behind a name is part of the cache's key, and nothing secret is.
#[test]
fn a_backend_is_told_from_another_of_its_name() {
    const KEY: &str = "s3cret-of-the-test";
    let of = |text: &str, variables: &[(&str, &str)], model: Option<&str>| {
        let text = format!("[backend.a]\n{text}");
        load(&text, variables).expect("fine").identity("a", model).expect("it is there")
    };
    let hf = |more: &str| of(&format!("kind = \"hf\"\n{more}"), &[], None);
    let one = hf("url = \"http://one.test/hf\"\nmodel = \"m\"");
    assert_eq!(
        (one.kind, one.url.as_deref(), one.model.as_deref()),
        ("hf", Some("http://one.test/hf"), Some("m"))
    );
    for other in [
        hf("url = \"http://two.test/hf\"\nmodel = \"m\""),
        hf("url = \"http://one.test/hf\"\nmodel = \"n\""),
        hf("url = \"http://one.test/hf\""),
        of("kind = \"chat\"\nurl = \"http://one.test/hf\"\nmodel = \"m\"", &[], None),
        of(
            "kind = \"hf\"\nurl = \"http://one.test/hf\"\nmodel = \"m\"",
            &[("ANTIPHON_MODEL_URL", "http://3.test")],
            None,
        ),
        of("kind = \"hf\"\nurl = \"http://one.test/hf\"\nmodel = \"m\"", &[], Some("n")),
        of("kind = \"local\"", &[], None),
    ] {
        assert_ne!(one, other);
    }
    // Who asks and how often makes no other music, and is not in it.
    let url = format!("url = \"http://me:{KEY}@one.test/hf?token={KEY}#x\"");
    let keyed = format!("kind = \"hf\"\n{url}\nmodel = \"m\"\nkey_env = \"MY\"\nin_flight = 3\ntries = 1");
    let keyed = of(&keyed, &[("MY", KEY), ("ANTIPHON_MODEL_KEY", KEY)], None);
    assert!(keyed == one && !format!("{keyed:?}").contains(KEY), "{keyed:?}");
    let program = |command: &str| of(&format!("kind = \"program\"\ncommand = {command}"), &[], None);
    assert_eq!(program("\"a b\""), program("[\"a\", \"b\"]"));
    assert_ne!(program("\"a b\""), program("\"a c\""));
    let config = load("", &[]).expect("fine");
    assert_eq!(config.identity("local", None).expect("always there"), Identity::new("local"));
    assert_eq!(config.identity("b", None).expect_err("no such").kind, FailureKind::Usage);
}

#[test]
fn the_caches_limits_are_the_files() {
    use crate::library::Limits;
    let limits = |text: &str| load(text, &[]).expect("fine").cache_limits();
    assert_eq!(limits(""), Limits::default());
    let day = Duration::from_secs(86_400);
    let said = limits("[cache]\nsize_mib = 16\nttl_days = 36500");
    assert_eq!(said, Limits { file_bytes: 16 << 20, ttl: Some(day * 36_500), ..Limits::default() });
}
