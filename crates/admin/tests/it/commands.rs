//! `dealer`, `config`, `clock`, `certificate`.

use siegel_envelope::EnrolmentCode;
use siegel_platform::clock::guard::MARK_FILE;
use siegel_server::ServerConfig;
use siegel_server::config::default_text;

use crate::world::World;

#[tokio::test]
async fn a_dealers_code_names_the_platform_and_its_ca_and_is_stored_nowhere() {
    let world = World::started().await;
    let url = "https://siegel.example:8443";
    let (code, ok) = world.run(&["dealer", "add", "Medizintechnik Nord", "--url", url]).await.unwrap();
    assert!(ok);
    let code = code.trim();
    let read = code.parse::<EnrolmentCode>().unwrap();
    assert_eq!((read.url.as_str(), read.tenant), (url, None));
    let pem = std::fs::read_to_string(world.state().join("ca/ca.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----") && read.ca.is_some());
    let database = std::fs::read(world.state().join("provider.db")).unwrap();
    let log = std::fs::read(world.state().join("provider.db-wal")).unwrap_or_default();
    for file in [database, log] {
        assert!(!file.windows(16).any(|bytes| bytes == read.secret.as_bytes()));
        assert!(!file.windows(20).any(|bytes| bytes == &code.as_bytes()[..20]));
    }

    let (json, _) = world.run(&["--json", "dealer", "add", "--url", url, "--hours", "1"]).await.unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["dealer"].as_str().unwrap().starts_with("dlr_") && json["code"] != code);
    for bad in [["--hours", "0"], ["--hours", "721"], ["--url", "ftp://x"], ["--url", "https://x/"]] {
        assert!(world.run(&[&["dealer", "add"][..], &bad].concat()).await.is_err(), "{bad:?}");
    }
    let (public, _) = world.run(&["dealer", "add", "--url", url, "--public-certificate"]).await.unwrap();
    assert_eq!(public.trim().parse::<EnrolmentCode>().unwrap().ca, None);
}

#[tokio::test]
async fn nothing_is_made_where_no_server_has_started() {
    let world = World { dir: tempfile::tempdir().unwrap() };
    for words in [&["dealer", "add"][..], &["clock", "confirm"]] {
        let error = world.run(words).await.unwrap_err().to_string();
        assert!(error.contains("siegel-server --state"), "{error}");
    }
    assert!(!world.state().exists());
}

#[test]
fn the_default_configuration_is_the_default() {
    assert_eq!(toml::from_str::<ServerConfig>(&default_text()).unwrap(), ServerConfig::default());
    // The settings that have no default are shown as comments, and read when the comment is taken away.
    let uncommented = default_text().replace("# key_file", "key_file").replace("# public_url", "public_url");
    let config: ServerConfig = toml::from_str(&uncommented).unwrap();
    assert!(config.key_file.is_some() && config.public_url.is_some() && config.mistakes().is_empty());
}

#[tokio::test]
async fn a_configuration_is_told_everything_that_is_wrong_with_it() {
    let world = World::started().await;
    let file = world.dir.path().join("siegel.toml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "listen = \"0.0.0.0:443\"\nplain_http = true\n[upload]\npart_buffer_mib = 1\n").unwrap();
    let (text, ok) = world.run(&["config", "check", path]).await.unwrap();
    assert!(!ok && text.contains("plain_http") && text.contains("part_buffer_mib"), "{text}");
    std::fs::write(&file, "lisen = 1\n[retention]\nbackup_days = \"seven\"\n").unwrap();
    let (json, ok) = world.run(&["--json", "config", "check", path]).await.unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let fields: Vec<_> =
        json["mistakes"].as_array().unwrap().iter().map(|mistake| mistake["field"].as_str().unwrap()).collect();
    assert!(!ok && fields.contains(&"lisen") && fields.contains(&"retention.backup_days"), "{fields:?}");
    std::fs::write(&file, default_text()).unwrap();
    assert!(world.run(&["config", "check", path]).await.unwrap().1);
}

#[tokio::test]
async fn f15_a_held_clock_is_shown_and_confirmed() {
    let world = World::started().await;
    let (text, ok) = world.run(&["clock", "status"]).await.unwrap();
    assert!(ok && text.contains("believed"), "{text}");
    std::fs::write(world.state().join(MARK_FILE), r#"{"wall_ms":1,"held_off_by_ms":-7200000,"confirmations":3}"#)
        .unwrap();
    let (text, ok) = world.run(&["clock", "status"]).await.unwrap();
    assert!(!ok && text.contains("HELD") && text.contains("2 hours behind"), "{text}");
    let (json, _) = world.run(&["--json", "clock", "status"]).await.unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["held"], true);
    let (text, ok) = world.run(&["clock", "confirm"]).await.unwrap();
    assert!(ok && text.contains("Confirmed"), "{text}");
    assert!(world.run(&["clock", "status"]).await.unwrap().1);
}

#[tokio::test]
async fn a_fronts_certificate_is_of_the_platforms_ca_and_is_kept_until_it_is_due() {
    let world = World::started().await;
    let file = world.dir.path().join("front.pem");
    let front =
        async |name: &str| world.run(&["certificate", "front", "--name", name, "--out", file.to_str().unwrap()]).await;
    let (said, _) = front("siegel.example").await.unwrap();
    assert!(said.contains("reload the front"), "{said}");
    let pem = std::fs::read_to_string(&file).unwrap();
    let ca = std::fs::read_to_string(world.state().join("ca/ca.pem")).unwrap();
    let kind =
        |line: &'_ str| line.strip_prefix("-----BEGIN ").and_then(|line| line.strip_suffix("-----")).map(str::to_owned);
    let kinds: Vec<_> = pem.lines().filter_map(kind).collect();
    assert_eq!(kinds, ["CERTIFICATE", "CERTIFICATE", "PRIVATE KEY"]);
    assert!(pem.contains(&ca), "its CA stands behind it");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "it holds a key");
    }
    let (said, _) = front("siegel.example").await.unwrap();
    assert!(said.contains("as it was") && std::fs::read_to_string(&file).unwrap() == pem);
    front("other.example").await.unwrap();
    assert_ne!(std::fs::read_to_string(&file).unwrap(), pem, "for other names another one");
    let refused = front("upload.siegel.internal").await.unwrap_err().to_string();
    assert!(refused.contains("upload.siegel.internal"), "a name by which programs know each other: {refused}");
}
