//! Settings from every source: who wins, what is refused, and how it is said.

#![allow(clippy::expect_used, reason = "a test ends where its ground gives way")]

use safelight::config::{Compat, Dashboard, S3Config, Sandbox, StoreConfig};
use safelight::settings::{
    Environment, Fallback, LogFormat, ROWS, Row, Settings, SettingsError, Sources, load,
};
use safelight_domain::access::UnknownImagePolicy;
use safelight_domain::quota::{Bound, Quota};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Default)]
struct Given {
    flags: Vec<(&'static str, &'static str)>,
    environment: Vec<(&'static str, String)>,
    file: Option<&'static str>,
}

impl Given {
    fn load(self) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().expect("a folder");
        let config_file = self.file.map(|text| {
            let path = folder.path().join("safelight.toml");
            std::fs::write(&path, text).expect("written");
            path
        });
        let environment = self.environment.into_iter().map(|(name, value)| (name.into(), value.into()));
        load(&Sources {
            flags: self.flags.into_iter().map(|(name, text)| (name, text.to_owned())).collect(),
            config_file,
            environment: Environment::new(environment),
            program: PathBuf::from("/bin/safelight"),
            parallelism: 3,
        })
    }

    fn refusal(self) -> String {
        self.load().expect_err("refused").to_string()
    }
}

fn flag(name: &'static str, text: &'static str) -> Given {
    Given { flags: vec![(name, text)], ..Given::default() }
}

fn variable(name: &'static str, value: &str) -> Given {
    Given { environment: vec![(name, value.to_owned())], ..Given::default() }
}

fn file(text: &'static str) -> Given {
    Given { file: Some(text), ..Given::default() }
}

#[test]
fn defaults() {
    let settings = Given::default().load().expect("defaults");
    let config = settings.config;
    assert_eq!(config.listen.to_string(), "127.0.0.1:8787");
    assert_eq!(config.admin_listen, None);
    assert_eq!(config.dashboard, Dashboard::WithManagement);
    assert_eq!(config.data, PathBuf::from("./safelight-data"));
    assert_eq!(config.public_url.as_str(), "http://127.0.0.1:8787/");
    assert_eq!(config.max_upload_bytes, 10_000_000);
    assert_eq!(config.rendition_bytes, 10_000_000_000);
    assert_eq!((config.compat, config.unknown_images), (Compat::Extended, UnknownImagePolicy::AsPrivate));
    assert_eq!((config.render.workers, config.render.timeout), (3, Duration::from_secs(30)));
    assert_eq!((config.render.memory, config.render.worker_jobs), (8 << 30, 500));
    assert_eq!(config.render.sandbox, Sandbox::Required);
    assert!(config.trusted_proxies.is_empty());
    // Nothing inside is fetched from, and nothing at all is an origin of remote images.
    assert!(config.fetch.private_networks.is_empty() && config.remote.origins.is_empty());
    assert_eq!((config.fetch.ports, config.remote.zone), (vec![80, 443], None));
    let limits = config.limits;
    assert_eq!((limits.quota, limits.free_bytes), (Quota::OFF, 1 << 30));
    assert_eq!(limits.failed_logins_per_minute, Bound::At(10));
    assert_eq!(limits.failed_signatures_per_minute, Bound::At(600));
    assert_eq!(settings.log.format, LogFormat::Text);
}

#[test]
fn bounds_are_numbers_or_off_also_in_the_file() {
    let limits = |text| file(text).load().expect("good").config.limits;
    let given = limits("quota_images = 5\nquota_bytes = \"6\"\nfailed_signatures_per_minute = \"off\"\n");
    assert_eq!((given.quota.images, given.quota.bytes), (Bound::At(5), Bound::At(6)));
    assert_eq!(given.failed_signatures_per_minute, Bound::Off);
    // Nobody could log in.
    let refused = file("failed_logins_per_minute = 0").refusal();
    assert!(refused.contains("off, or a whole number from 1"), "{refused}");
    assert!(file("compat = 5").refusal().contains("extended or strict"));
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let given = |flags, environment| Given {
        flags,
        environment,
        file: Some("max_upload_bytes = 1\ncompat = \"strict\"\n"),
    };
    let environment = vec![("SAFELIGHT_MAX_UPLOAD_BYTES", "2".to_owned())];
    let bytes = |given: Given| given.load().expect("good").config.max_upload_bytes;
    assert_eq!(bytes(given(vec![], vec![])), 1);
    assert_eq!(bytes(given(vec![], environment.clone())), 2);
    assert_eq!(bytes(given(vec![("max-upload-bytes", "3")], environment)), 3);
    assert_eq!(given(vec![], vec![]).load().expect("good").config.compat, Compat::Strict);
}

#[test]
fn the_variable_names_a_file_and_the_flag_wins() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other.toml");
    std::fs::write(&path, "max_upload_bytes = 5").expect("written");
    let named = || vec![("SAFELIGHT_CONFIG", path.display().to_string())];
    let by_variable = Given { environment: named(), ..Given::default() }.load().expect("good");
    assert_eq!(by_variable.config.max_upload_bytes, 5);
    let by_flag = Given { environment: named(), file: Some("max_upload_bytes = 6"), ..Given::default() };
    assert_eq!(by_flag.load().expect("good").config.max_upload_bytes, 6);
    let missing = variable("SAFELIGHT_CONFIG", "/nowhere/x.toml").refusal();
    assert!(missing.contains("SAFELIGHT_CONFIG") && missing.contains("/nowhere/x.toml"), "{missing}");
}

#[test]
fn every_row_is_read_from_every_source_and_refuses_nonsense() {
    for row in &ROWS {
        let name = row.name;
        let text = match row.default {
            Fallback::Is(text) => text,
            Fallback::Derived { example } => example,
        };
        // A store needs them too.
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]
            .map(|name| (name.into(), "x".into()));
        let environment =
            Environment::new(keys.clone().into_iter().chain([(row.variable().into(), text.into())]));
        let sources = |flags, environment| Sources {
            flags,
            config_file: None,
            environment,
            program: PathBuf::new(),
            parallelism: 1,
        };
        let path = ["data", "tls-certificate", "tls-key"].contains(&name);
        for loaded in [
            load(&sources(vec![(name, text.to_owned())], Environment::new(keys))),
            load(&sources(vec![], environment)),
        ] {
            let loaded = loaded.map(drop);
            let alone = matches!(loaded, Err(SettingsError::Alone { given, .. }) if given == name);
            assert!(loaded.is_ok() || alone && name.starts_with("tls-"), "{name}");
        }

        let nonsense = if path { "" } else { "\u{1}nonsense" };
        let refused = load(&sources(vec![(name, nonsense.to_owned())], Environment::default()));
        let message = refused.expect_err(name).to_string();
        assert!(message.contains(&format!("--{name}")) && message.contains(row.allowed), "{message}");
        let environment = Environment::new([(row.variable().into(), nonsense.into())]);
        let message = load(&sources(vec![], environment)).expect_err(name).to_string();
        assert!(message.contains(&row.variable()), "{message}");
    }
}

#[test]
fn the_documented_defaults_are_a_file_that_changes_nothing() {
    let text = safelight::settings::documented_defaults();
    let uncommented = text.replace("\n# admin_listen", "\nadmin_listen");
    let changed = Given { file: Some(Box::leak(uncommented.into_boxed_str())), ..Given::default() };
    assert!(changed.load().expect("good").config.admin_listen.is_some());
    let plain =
        Given { file: Some(Box::leak(text.into_boxed_str())), ..Given::default() }.load().expect("good");
    let default = Given::default().load().expect("good");
    assert_eq!(format!("{plain:?}"), format!("{default:?}"));
}

#[test]
fn the_dashboard_has_one_place_or_none() {
    let place = |flags| Given { flags, ..Given::default() }.load().expect("good").config.dashboard;
    let apart = ("dashboard-listen", "127.0.0.1:9");
    assert_eq!(place(vec![("dashboard", "off")]), Dashboard::Off);
    assert_eq!(place(vec![apart]), Dashboard::Apart("127.0.0.1:9".parse().expect("an address")));
    // Whoever switches it off means it.
    assert_eq!(place(vec![("dashboard", "off"), apart]), Dashboard::Off);
}

#[test]
fn metrics_have_no_place_of_their_own_unless_it_is_given_and_a_port_is_loopbacks() {
    let place = |given: Given| given.load().expect("good").config.metrics_listen.map(|at| at.to_string());
    assert_eq!(place(Given::default()), None);
    assert_eq!(place(flag("metrics-listen", "9187")).as_deref(), Some("127.0.0.1:9187"));
    assert_eq!(place(flag("metrics-listen", "[::]:9187")).as_deref(), Some("[::]:9187"));
    for bad in ["0", "65536", ":9187", "localhost:9187", "+1"] {
        let message = flag("metrics-listen", bad).refusal();
        assert!(message.contains("--metrics-listen") && message.contains("a port"), "{message}");
    }
}

#[test]
fn a_certificate_and_its_key_go_together() {
    let files = [("tls-certificate", "/a.pem"), ("tls-key", "/b.pem")];
    let mut settings = Given { flags: files.to_vec(), ..Given::default() }.load().expect("good");
    let tls = settings.config.tls.clone().expect("given");
    assert_eq!((tls.certificate, tls.key), (PathBuf::from("/a.pem"), PathBuf::from("/b.pem")));
    assert_eq!(settings.config.public_url.as_str(), "https://127.0.0.1:8787/");
    settings.bound_to("127.0.0.1:4321".parse().expect("an address"));
    assert_eq!(settings.config.public_url.as_str(), "https://127.0.0.1:4321/");
    for (one, other) in [(files[0], "tls-key"), (files[1], "tls-certificate")] {
        let message = flag(one.0, one.1).refusal();
        assert!(message.contains(one.0) && message.contains(other), "{message}");
    }
    assert_eq!(Given::default().load().expect("good").config.tls, None);
}

fn store(variables: &[(&'static str, &str)]) -> Result<StoreConfig, SettingsError> {
    let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "hush")];
    let given =
        [("SAFELIGHT_STORE", "s3://bucket/a/b/")].into_iter().chain(keys).chain(variables.iter().copied());
    let environment = given.map(|(name, value)| (name, value.to_owned())).collect();
    Given { environment, ..Given::default() }.load().map(|settings| settings.config.store)
}

fn s3(variables: &[(&'static str, &str)]) -> S3Config {
    match store(variables) {
        Ok(StoreConfig::S3(config)) => *config,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_store_is_reached_as_the_variables_of_aws_say() {
    assert!(matches!(Given::default().load().expect("good").config.store, StoreConfig::Files));
    let aws = s3(&[("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_SESSION_TOKEN", "hush")]);
    assert_eq!(
        (aws.bucket.as_str(), aws.prefix.as_str(), aws.region.as_str()),
        ("bucket", "a/b", "eu-west-1")
    );
    assert_eq!((aws.endpoint, aws.cache_bytes, aws.credentials.key_id.as_str()), (None, 10 << 30, "id"));
    assert_eq!(
        (aws.credentials.secret_key.as_str(), aws.credentials.token.as_deref()),
        ("hush", Some("hush"))
    );
    let endpoint = |variables: &[(&'static str, &str)]| s3(variables).endpoint.map(String::from);
    let own = ("AWS_ENDPOINT_URL", "https://s3.example.com");
    assert_eq!(endpoint(&[own]).as_deref(), Some("https://s3.example.com/"));
    assert_eq!(
        endpoint(&[own, ("AWS_ENDPOINT_URL_S3", "http://[::1]:9")]).as_deref(),
        Some("http://[::1]:9/")
    );
    assert_eq!(endpoint(&[("AWS_ENDPOINT_URL", ""), ("AWS_REGION", "x")]), None);
    for local in ["http://127.0.0.1:9000", "http://localhost:9000"] {
        assert!(endpoint(&[("AWS_ENDPOINT_URL", local)]).is_some(), "{local}");
    }
    let inside = ("AWS_ENDPOINT_URL", "http://10.0.0.1:9000");
    assert!(endpoint(&[inside, ("AWS_ALLOW_HTTP", "true")]).is_some());
    // A server on files does not look at them.
    assert!(variable("AWS_ENDPOINT_URL", "nonsense").load().is_ok());
}

#[test]
fn what_a_store_cannot_be_reached_with_is_refused_without_secrets() {
    let region = ("AWS_REGION", "eu-west-1");
    for (variables, named) in [
        (vec![], "AWS_REGION"),
        (vec![("AWS_REGION", "eu west")], "AWS_REGION"),
        (vec![region, ("AWS_ACCESS_KEY_ID", "")], "AWS_ACCESS_KEY_ID"),
        (vec![region, ("AWS_SECRET_ACCESS_KEY", "")], "AWS_SECRET_ACCESS_KEY"),
        (vec![region, ("AWS_SECRET_ACCESS_KEY", "hush hush")], "AWS_SECRET_ACCESS_KEY"),
        (vec![("AWS_ENDPOINT_URL", "http://10.0.0.1:9000")], "AWS_ALLOW_HTTP=true"),
        (vec![("AWS_ENDPOINT_URL", "http://10.0.0.1:9000"), ("AWS_ALLOW_HTTP", "false")], "AWS_ENDPOINT_URL"),
        (vec![("AWS_ENDPOINT_URL", "http://localhost.example.com")], "AWS_ENDPOINT_URL"),
        (vec![("AWS_ENDPOINT_URL", "https://u:hush@s3.example.com")], "AWS_ENDPOINT_URL"),
        (vec![("AWS_ENDPOINT_URL_S3", "s3.example.com")], "AWS_ENDPOINT_URL_S3"),
        (vec![region, ("AWS_ALLOW_HTTP", "yes")], "AWS_ALLOW_HTTP"),
        (vec![region, ("AWS_CA_BUNDLE", "/nowhere/hu.pem")], "/nowhere/hu.pem"),
        (vec![region, ("AWS_CA_BUNDLE", "/dev/null")], "AWS_CA_BUNDLE"),
    ] {
        let message = store(&variables).expect_err(named).to_string();
        assert!(message.contains(named) && !message.contains("hush"), "{message}");
    }
    let shown = format!("{:?}", store(&[region]).expect("good"));
    assert!(!shown.contains("hush") && shown.contains("eu-west-1"), "{shown}");
}

#[test]
fn unknown_names_are_refused_with_their_source() {
    for (given, named) in [
        (variable("SAFELIGHT_LISTN", "x"), "environment variable SAFELIGHT_LISTN"),
        (variable("SAFELIGHT_API_TOKEN_FILES", "x"), "environment variable SAFELIGHT_API_TOKEN_FILES"),
        (file("listn = 1"), "the key listn in "),
        (file("max-upload-bytes = 1"), "the key max-upload-bytes in "),
        (file("api_token = \"hush\""), "the key api_token in "),
        (file("[render]\nworkers = 1"), "the key render in "),
    ] {
        let message = given.refusal();
        assert!(message.contains(named) && message.contains("known are: "), "{message}");
        assert!(!message.contains("hush"), "{message}");
    }
    let odd = std::os::unix::ffi::OsStringExt::from_vec(b"SAFELIGHT_\xFF".to_vec());
    let environment = Environment::new([(odd, "x".into())]);
    assert!(format!("{environment:?}").contains("SAFELIGHT_"), "{environment:?}");
    assert!(variable("SAFELIGHT_URL", "http://elsewhere").load().is_ok());
    assert!(variable("PATH", "x").load().is_ok());
}

#[test]
fn ranges_and_kinds() {
    for given in [
        flag("max-upload-bytes", "0"),
        flag("max-upload-bytes", "536870913"),
        flag("max-upload-bytes", "+5"),
        flag("max-upload-bytes", "10MB"),
        flag("render-workers", "0"),
        flag("render-timeout", "61m"),
        flag("render-memory-bytes", "268435455"),
        flag("render-memory-bytes", "1099511627777"),
        flag("render-worker-jobs", "0"),
        flag("render-worker-jobs", "1000001"),
        flag("render-sandbox", "off"),
        flag("header-timeout", "10"),
        flag("listen", "localhost"),
        flag("listen", ""),
        flag("trusted-proxies", "10.0.0.0/33"),
        flag("trusted-proxies", "10.0.0.0/8,"),
        flag("fetch-ports", "0"),
        flag("fetch-ports", ""),
        flag("fetch-ports", "80,65536"),
        flag("remote-origins", "https://example.com"),
        flag("remote-origins", "example.com,"),
        flag("zone-origin", "https://example.com/a"),
        file("max_upload_bytes = true"),
        file("max_upload_bytes = -1"),
        file("listen = [\"127.0.0.1:1\"]"),
        file("trusted_proxies = [1]"),
        file("listen = "),
    ] {
        given.refusal();
    }
    let effort = flag("render-sandbox", "best-effort").load().expect("good");
    assert_eq!(effort.config.render.sandbox, Sandbox::BestEffort);
    let proxies = file("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]").load().expect("good");
    assert_eq!(format!("{:?}", proxies.config.trusted_proxies), "[10.0.0.0/8, ::1/128]");
}

#[test]
fn public_urls_are_origins() {
    for good in ["https://images.example.com", "http://a:8080", "https://a/", "http://[::1]:1"] {
        assert!(variable("SAFELIGHT_PUBLIC_URL", good).load().is_ok(), "{good}");
    }
    for bad in [
        "images.example.com",
        "ftp://a",
        "https://a/b",
        "https://a/.",
        "https://a?x",
        "https://a#x",
        "https://u@a",
        "https://u:p@a",
        "https://@a",
        "https://",
        "",
    ] {
        let message = variable("SAFELIGHT_PUBLIC_URL", bad).refusal();
        assert!(message.contains("SAFELIGHT_PUBLIC_URL"), "{message}");
    }
}

#[test]
fn a_default_public_url_follows_the_bound_address() {
    let bound = "127.0.0.1:4321".parse().expect("an address");
    let mut settings = flag("listen", "127.0.0.1:0").load().expect("good");
    settings.bound_to(bound);
    assert_eq!(settings.config.public_url.as_str(), "http://127.0.0.1:4321/");
    settings.bound_to("0.0.0.0:80".parse().expect("an address"));
    assert_eq!(settings.config.public_url.as_str(), "http://127.0.0.1/");
    let mut given = flag("public-url", "https://images.example.com").load().expect("good");
    given.bound_to(bound);
    assert_eq!(given.config.public_url.as_str(), "https://images.example.com/");
    assert_eq!(given.config.listen, bound);
}

const SECRETS: [(&str, &str, &str); 4] = [
    ("SAFELIGHT_ACCOUNT_ID", "SAFELIGHT_ACCOUNT_ID_FILE", "0123456789abcdef0123456789abcdef"),
    ("SAFELIGHT_ACCOUNT_HASH", "SAFELIGHT_ACCOUNT_HASH_FILE", "cheeW4oKsx5ljh8e8BoL2A"),
    ("SAFELIGHT_API_TOKEN", "SAFELIGHT_API_TOKEN_FILE", "t0ken"),
    ("SAFELIGHT_SIGNING_KEY", "SAFELIGHT_SIGNING_KEY_FILE", "k3y"),
];

fn read_back(settings: &Settings, name: &str) -> Option<String> {
    let first = &settings.config.first_account;
    match name {
        "SAFELIGHT_ACCOUNT_ID" => first.id.as_ref().map(|id| id.as_str().to_owned()),
        "SAFELIGHT_ACCOUNT_HASH" => first.hash.as_ref().map(|hash| hash.as_str().to_owned()),
        "SAFELIGHT_API_TOKEN" => first.api_token.clone(),
        _ => first.signing_key.clone(),
    }
}

#[test]
fn each_secret_by_value_or_by_file_but_not_both() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, file_name, value) in SECRETS {
        let settings = variable(name, value).load().expect(name);
        assert_eq!(read_back(&settings, name).as_deref(), Some(value));

        let path = folder.path().join(name);
        std::fs::write(&path, format!("{value}\n")).expect("written");
        let path = path.display().to_string();
        let settings = variable(file_name, &path).load().expect(name);
        assert_eq!(read_back(&settings, name).as_deref(), Some(value));

        let both = vec![(name, value.to_owned()), (file_name, path.clone())];
        let message = Given { environment: both, ..Given::default() }.refusal();
        assert!(message.contains(name) && !message.contains(value), "{message}");

        for content in ["", "\n"] {
            std::fs::write(&path, content).expect("written");
            let message = variable(file_name, &path).refusal();
            assert!(message.contains(file_name), "{message}");
        }
        assert!(variable(name, "").refusal().contains(name));
        assert!(variable(file_name, "/nowhere/at/all").refusal().contains("/nowhere/at/all"));
    }
}

#[test]
fn one_final_newline_is_cut_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    std::fs::write(&path, " k\n\n").expect("written");
    let settings = variable("SAFELIGHT_SIGNING_KEY_FILE", &path.display().to_string()).load().expect("good");
    assert_eq!(settings.config.first_account.signing_key.as_deref(), Some(" k\n"));
}

#[test]
fn secrets_show_in_no_message_and_no_debug_form() {
    let bad_token = variable("SAFELIGHT_API_TOKEN", "hush hush").refusal();
    assert!(bad_token.contains("SAFELIGHT_API_TOKEN") && !bad_token.contains("hush"), "{bad_token}");
    let environment = Environment::new([("SAFELIGHT_API_TOKEN".into(), "hush".into())]);
    assert!(!format!("{environment:?}").contains("hush"));
    for (name, _, value) in SECRETS.into_iter().skip(2) {
        let settings = variable(name, value).load().expect("good");
        assert!(!format!("{settings:?}").contains(value), "{name}");
    }
    // A flag names the file of the TLS key, never the key.
    let secret = |row: &Row| row.name.contains("token") || row.name.contains("key") && row.name != "tls-key";
    assert!(!ROWS.iter().any(secret));
}
