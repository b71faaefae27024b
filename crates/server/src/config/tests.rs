//! Tests of the configuration: layers, every fault at once, checks between settings.
use super::check::DialectFacts;
use super::*;
use countersign::verified::Covered;

fn load(text: &str) -> Result<Config, ConfigErrors> {
    Config::load(&Sources { file: Some(("server.toml".to_owned(), text.to_owned())), ..Sources::default() })
}

fn facts(name: &str, signs_body: bool, carrier: &str) -> DialectFacts {
    DialectFacts {
        name: name.to_owned(),
        signs_body,
        carriers: vec![carrier.to_owned()],
        covered: Covered { body: signs_body, ..Covered::default() },
        discriminated: false,
    }
}

#[test]
fn nothing_set_is_a_configuration() {
    let config = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.listeners.len(), 2);
    assert_eq!(config.check(&[]), check::Checked::default());
    assert_eq!(config.shown().iter().filter(|shown| shown.path == "server.log").count(), 1);
    assert!(load(Config::commented_default()).is_ok());
}

#[test]
fn the_sample_shows_every_setting_that_exists() {
    let mut text = String::new();
    for line in Config::commented_default().lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let setting = bare.contains(" = ")
            && bare.split(' ').next().unwrap().chars().all(|c| c.is_ascii_lowercase() || c == '_');
        text.push_str(if setting || bare.starts_with('[') { bare } else { "" });
        text.push('\n');
    }
    let config = load(&text).map_err(|errors| panic!("{errors}\n{text}")).unwrap();
    for shown in config.shown() {
        assert!(shown.origin != Origin::Default, "{} is not in the sample", shown.path);
    }
    let defaults = Config::default();
    assert_eq!(
        (config.limits, config.session, config.listeners[1].clone()),
        (defaults.limits, defaults.session, defaults.listeners[1].clone())
    );
}

#[test]
fn a_store_is_a_folder_or_a_database_and_no_setting_shows_a_password() {
    let wrong = |text: &str, words: &[&str]| {
        let told = load(&format!("version = 1\n[store]\n{text}")).unwrap_err().to_string();
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    };
    wrong("url = \"postgres://a:hunter2@db/c\"", &["store.url", "password_file"]);
    wrong("url = \"postgres://a@db/c?sslmode=require\"", &["store.url", "verify-full"]);
    wrong("password_file = \"/p\"", &["store.password_file", "no url"]);
    wrong("stale_after = \"1s\"", &["store.stale_after", "2 s"]);
    wrong("statement_timeout = \"1ms\"", &["store.statement_timeout", "100 ms"]);
    wrong("connections = 1", &["store.connections"]);
    let both = "[store]\npath = \"/p\"\nurl = \"postgres://a@db/c?sslmode=disable\"";
    let checked = load(both).unwrap().check(&[]);
    assert_eq!(checked.errors[0].path, "store.path");
    assert!(checked.lints[0].message.contains("without TLS"), "{:?}", checked.lints);
}

#[test]
fn a_replay_memory_in_redis_is_one_address_and_no_setting_shows_a_password() {
    let wrong = |text: &str, words: &[&str]| {
        let told = load(&format!("version = 1\n[store.replay]\n{text}")).unwrap_err().to_string();
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    };
    wrong("url = \"redis://a:hunter2@db\"", &["store.replay.url", "password_file"]);
    wrong("url = \"redis+sentinel://db\"", &["store.replay.url", "mymaster"]);
    wrong("url = \"redis://a,b\"", &["store.replay.url", "redis+cluster://"]);
    wrong("url = \"http://a\"", &["store.replay.url", "redis+sentinel://"]);
    wrong("password_file = \"/p\"", &["store.replay.password_file", "set url"]);
    wrong("url = \"redis://a\"\nsentinel_password_file = \"/p\"", &["store.replay.sentinel_password_file"]);
    wrong("url = \"redis://a\"\ntimeout = \"1h\"", &["store.replay.timeout", "20 ms"]);
    wrong("url = \"redis://a\"\nprefix = \"a b\"", &["store.replay", "prefix"]);
    wrong("url = \"redis://a\"\nconnections = 3", &["store.replay.connections"]);
    let checked = load("[store.replay]\nurl = \"redis+cluster://127.0.0.1,db\"").unwrap().check(&[]);
    assert!(checked.lints[0].path == "store.replay.url" && checked.lints[0].message.contains("without TLS"));
    assert_eq!(load("[store.replay]\nurl = \"rediss://db\"").unwrap().check(&[]).lints, []);
}

#[test]
fn flags_win_over_environment_and_environment_over_file() {
    let sources = Sources {
        file: Some((
            "f".to_owned(),
            "[server]\nlog = \"a\"\ndrain = \"1s\"\n[identity]\nassertion = true".to_owned(),
        )),
        environment: vec![
            ("COUNTERSIGN_SERVER__LOG".to_owned(), "b".to_owned()),
            ("COUNTERSIGN_SERVER__DRAIN".to_owned(), "2s".to_owned()),
            ("COUNTERSIGN_DATA".to_owned(), "/x".to_owned()),
            ("COUNTERSIGN_DIALECT__PARTNER_KEY__ISSUER".to_owned(), "Me".to_owned()),
            ("COUNTERSIGN_IDENTITY__STRIP".to_owned(), "X-A, X-B".to_owned()),
        ],
        flags: vec![("server.log".to_owned(), "c".to_owned())],
    };
    let config = Config::load(&sources).unwrap();
    assert_eq!((config.server.log.as_str(), config.server.drain.as_secs()), ("c", 2));
    assert!(config.identity.assertion);
    assert_eq!(config.identity.strip, ["X-A", "X-B"]);
    assert_eq!(config.dialects["partner-key"].settings["issuer"], "Me");
    let origin = |path: &str| config.shown().iter().find(|shown| shown.path == path).unwrap().origin.clone();
    assert_eq!(origin("server.log"), Origin::Flag("server.log".to_owned()));
    assert_eq!(origin("identity.assertion"), Origin::File(5));
    assert_eq!(origin("jwks.allow_private"), Origin::Default);
}

#[test]
fn every_fault_is_told_with_its_line_and_its_fix() {
    let text = "version = 2\n[server]\nlgo = \"x\"\ndrain = 5\ntrusted_proxies = [\"10.0.0.1/8\"]\n\n[[route]]\nname = \"a b\"\nupstrem = \"http://h\"\nupstream = \"ftp://h\"\n[[listener]]\naddress = \"nowhere\"\nsurfaces = [\"gatway\"]\n[sevrer]\n";
    let errors = load(text).unwrap_err();
    let told = errors.to_string();
    for wanted in [
        "server.toml:1: version: wanted 1, found 2",
        "server.toml:3: server.lgo: there is no such setting; did you mean \"log\"?",
        "server.toml:4: server.drain: wanted a length of time",
        "server.toml:5: server.trusted_proxies: \"10.0.0.1/8\" is no network",
        "server.toml:8: route[0].name: wanted letters",
        "server.toml:9: route[0].upstrem: there is no such setting; did you mean \"upstream\"?",
        "server.toml:10: route[0].upstream: wanted an address",
        "server.toml:12: listener[0].address: wanted an address and port",
        "server.toml:13: listener[0].surfaces: there is no surface \"gatway\"; did you mean \"gateway\"?",
        "server.toml:14: sevrer: there is no such setting; did you mean \"server\"?",
    ] {
        assert!(told.contains(wanted), "{wanted}\n---\n{told}");
    }
}

#[test]
fn syntax_that_cannot_be_read_does_not_panic() {
    for text in [
        "[",
        "a =",
        "[[route]\n",
        "\u{0}",
        "version = 1 = 2",
        "[server]\nlog = \"a\nb\"",
        "route = 5",
        "server = 1",
        "[[server]]",
        "dialect = 3",
        "[dialect]\nx = 1",
        "listener = [1]",
    ] {
        assert!(load(text).is_err(), "{text:?}");
    }
}

#[test]
fn settings_that_do_not_fit_each_other_are_found() {
    let text = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n[[listener]]\naddress = \"0.0.0.0:8700\"\nsurfaces = [\"gateway\", \"forward-auth\"]\n\
                [[route]]\nname = \"a\"\ndialects = [\"skykit\", \"partner-key\"]\n[[route]]\nname = \"a\"\ndialects = []\n\
                [[route]]\nname = \"b\"\npath = \"/b\"\ndialects = [\"skilhive\", \"skillhive\"]\n";
    let config = load(text).unwrap();
    let dialects = [
        facts("skykit", false, "authorization: bearer"),
        facts("partner-key", false, "authorization: bearer"),
        facts("skillhive", true, "api-signature"),
    ];
    let checked = config.check(&dialects);
    let errors: Vec<String> = checked.errors.iter().map(ToString::to_string).collect();
    let all = errors.join("\n");
    for wanted in [
        "speaks no TLS",
        "two routes are named",
        "takes no dialect",
        "did you mean \"skillhive\"",
        "nothing tells them apart",
        "same host and path",
    ] {
        assert!(all.contains(wanted), "{wanted}\n{all}");
    }
    assert!(checked.lints.iter().any(|lint| lint.message.starts_with("body-unseen")), "{:?}", checked.lints);
    assert_eq!(checked.errors[0].origin, Origin::File(4));
}

#[test]
fn two_spellings_of_one_path_are_two_routes_with_the_same_path() {
    let errors = |one: &str, other: &str| {
        let route = |name: &str, path: &str| {
            format!("[[route]]\nname = \"{name}\"\npath = \"{path}\"\ndialects = [\"skykit\"]\n")
        };
        let config = load(&format!("{}{}", route("a", one), route("b", other))).unwrap();
        let errors = config.check(&[facts("skykit", false, "authorization: bearer")]).errors;
        errors.into_iter().filter(|error| error.message.contains("same host and path")).count()
    };
    assert_eq!(errors("/~a", "/%7Ea"), 1);
    assert_eq!(errors("/caf%C3%A9", "/caf%c3%a9"), 1);
    assert_eq!(errors("/~a", "/~b"), 0);
    assert_eq!(errors("/a%2Fb", "/a/b"), 0);
}

#[test]
fn http_01_wants_a_plain_listener_that_answers_it_and_that_one_needs_no_tls() {
    let acme = "[[listener]]\naddress = \"127.0.0.1:1\"\nsurfaces = [\"gateway\"]\n\
                tls = { acme = { domains = [\"api.example.com\"], challenge = \"http-01\" } }\n";
    let errors = |text: &str| {
        let found = load(text).unwrap().check(&[]).errors;
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(errors(acme).contains("surfaces = [\"acme\"]"), "{}", errors(acme));
    let plain = format!("{acme}[[listener]]\naddress = \"0.0.0.0:80\"\nsurfaces = [\"acme\"]\n");
    assert_eq!(errors(&plain), "");
    assert!(errors(&plain.replace("[\"acme\"]", "[\"acme\", \"gateway\"]")).contains("speaks no TLS"));
    assert_eq!(errors(&acme.replace("http-01", "tls-alpn-01")), "");
    assert!(load(&acme.replace("http-01", "dns-01")).is_err());
}

#[test]
fn trusting_everybody_as_a_proxy_is_told() {
    let lints = |networks: &str| {
        let config = load(&format!("[server]\ntrusted_proxies = [{networks}]\n")).unwrap();
        let checked = config.check(&[]);
        checked.lints.into_iter().filter(|lint| lint.message.contains("far more than proxies")).count()
    };
    assert_eq!(lints("\"0.0.0.0/0\", \"::/0\", \"10.0.0.0/8\""), 2);
    assert_eq!(lints("\"0.0.0.0/1\", \"128.0.0.0/1\", \"2000::/3\""), 3);
    assert_eq!(lints("\"127.0.0.1\", \"10.0.0.0/8\", \"172.16.0.0/12\", \"fd00::/8\", \"198.51.0.0/16\""), 0);
}

#[test]
fn a_management_api_that_answers_everywhere_wants_the_name_it_is_called_by() {
    let text =
        "[server]\ninsecure_http = true\n[[listener]]\naddress = \"0.0.0.0:8701\"\nsurfaces = [\"manage\"]\n";
    let errors = |text: &str| load(text).unwrap().check(&[]).errors;
    assert_eq!(
        errors(text).iter().map(|error| error.path.as_str()).collect::<Vec<_>>(),
        ["manage.authorities"]
    );
    assert_eq!(errors(&format!("{text}[manage]\nauthorities = [\"ops.example.com:8701\"]\n")), []);
    let public = text.replace("[server]\n", "[server]\npublic_url = \"https://api.example.com\"\n");
    assert_eq!(errors(&public), []);
    assert!(load("[manage]\nauthorities = [\"https://ops.example.com/\"]\n").is_err());
}

#[test]
fn ext_authz_wants_a_listener_of_its_own_a_trusted_envoy_and_whole_bodies() {
    let lints = |text: &str| {
        let dialects = [facts("skillhive", true, "api-signature")];
        let found = load(text).unwrap().check(&dialects).lints;
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let route = "[[route]]\nname = \"a\"\ndialects = [\"skillhive\"]\n";
    let shared = "[[listener]]\naddress = \"127.0.0.1:1\"\nsurfaces = [\"gateway\", \"ext-authz\"]\n";
    let found = lints(&format!("{shared}{route}"));
    for wanted in ["shares a listener", "ext-authz refuses every question"] {
        assert!(found.contains(wanted), "{wanted}\n{found}");
    }
    let own = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n[[listener]]\naddress = \"127.0.0.1:1\"\n\
               surfaces = [\"ext-authz\"]\n";
    let found = lints(&format!("{own}{route}"));
    assert!(found.contains("body-unseen") && found.contains("with_request_body"), "{found}");
    assert!(!found.contains("shares") && !found.contains("refuses every"), "{found}");
}

#[test]
fn upstreams_are_read_with_every_fault_and_checked_against_routes() {
    let text = "[[upstream]]\nname = \"a\"\naddresses = [\"http://h:1\", \"https://h:2\", \"h:3\", \"http://h:1\"]\n\
                balance = \"best\"\nidle_timeout = \"0s\"\nhealth = { interval = \"1ms\" }\n\
                [[upstream]]\nname = \"b/c\"\n[[route]]\nname = \"r\"\nmode = \"shadw\"\nmodes = { bob = \"wrn\" }\n\
                require = [\"pth\"]\nmethods = [\"get\"]\nupgrade = [\"h2c\"]\n";
    let told = load(text).unwrap_err().to_string();
    for wanted in [
        "upstream[0].addresses: some speak TLS and some do not",
        "found \"h:3\"",
        "\"http://h:1\" stands twice",
        "upstream[0].balance: wanted \"least-requests\" or \"two-choices\", found \"best\"",
        "upstream[0].idle_timeout: no upstream is that fast",
        "upstream[0].health.path: a health check needs a path",
        "upstream[0].health.interval: wanted at least 100ms",
        "upstream[1].name: wanted letters",
        "upstream[1].addresses: an upstream needs an address",
        "route[0].mode: wanted \"shadow\", \"warn\" or \"enforce\", found \"shadw\"",
        "route[0].modes.bob: wanted",
        "a proof binds no \"pth\"; did you mean \"path\"?",
        "wanted methods in capitals, found \"get\"",
        "wanted \"websocket\", found \"h2c\"",
    ] {
        assert!(told.contains(wanted), "{wanted}\n---\n{told}");
    }
    let text = "[[upstream]]\nname = \"orders\"\naddresses = [\"http://h:1\"]\ntls = { server_name = \"x\" }\n\
                [[upstream]]\nname = \"orders\"\naddresses = [\"http://h:2\"]\n\
                [[route]]\nname = \"r\"\ndialects = [\"skykit\"]\nupstream = \"order\"\n";
    let checked = load(text).unwrap().check(&[facts("skykit", false, "authorization: bearer")]);
    let errors = checked.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for wanted in [
        "speak no TLS",
        "two upstreams are named",
        "there is no upstream \"order\"; did you mean \"orders\"?",
    ] {
        assert!(errors.contains(wanted), "{wanted}\n{errors}");
    }
    assert!(
        checked.lints.iter().any(|lint| lint.message.contains("no route goes to")),
        "{:?}",
        checked.lints
    );
}
