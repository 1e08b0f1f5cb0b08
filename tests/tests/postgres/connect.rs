//! Goal: the flusher gets into a PostgreSQL that asks for TLS and a password, says what is wrong where it does not get in, and shows its
//! password nowhere.
//!
//! Method: a real PostgreSQL on TCP with a certificate of its own, made by `openssl`; servers with right and wrong connection strings.

use gavel_tests::{Cluster, Item, Options, Server, binaries, copy, server, wait};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

const MAIN: &str = "postgres";
const PASSWORD: &str = "open-sesame-4711";

/// A certificate for `localhost` that vouches for itself, readable by whoever PostgreSQL runs as.
fn certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{made:?}");
    let key = folder.join("key.pem");
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    if std::fs::metadata(folder).unwrap().uid() == 0 {
        let owned = Command::new("chown").arg("postgres").arg(&key).status().unwrap();
        assert!(owned.success());
    }
}

/// A cluster on TCP, with a role that needs a password.
fn cluster(folder: &Path) -> (Cluster, u16) {
    certificate(folder);
    let port = server::unused_address().port();
    let file = |name: &str| folder.join(name).display().to_string();
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", file("cert.pem")),
        format!("ssl_key_file={}", file("key.pem")),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let cluster = Cluster::on_port(port, &settings);
    let role = format!(
        "CREATE ROLE flusher LOGIN PASSWORD '{PASSWORD}'; GRANT CREATE ON DATABASE postgres TO flusher"
    );
    assert!(cluster.sql(MAIN, &role).is_empty());
    (cluster, port)
}

#[test]
fn tls_and_a_password_are_used_and_the_password_is_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let (cluster, port) = cluster(folder.path());
    let url = format!("postgresql://flusher:{PASSWORD}@localhost:{port}/{MAIN}?sslmode=require");
    let flags =
        format!("--shards 2 --postgres {url} --postgres-ca {}", folder.path().join("cert.pem").display());
    let mut server = Server::start(Options::new().with(&flags));
    let auction = Item::new().open(&mut server.connect());
    server.connect().bid(auction, 8, 5_000);
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    let encrypted = "SELECT bool_and(ssl)::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'gavel'";
    assert_eq!(cluster.value(MAIN, encrypted), "true");
    // As PostgreSQL's own programs have it.
    let bare = url.replace(&format!(":{PASSWORD}"), "");
    let mut migrate = Command::new(binaries::gavel());
    migrate
        .args(["postgres", "migrate", "--postgres", &bare, "--postgres-ca"])
        .arg(folder.path().join("cert.pem"));
    let migrated = migrate.env("PGPASSWORD", PASSWORD).output().unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    let config = Command::new(binaries::gavel()).args(["config", "--postgres", &url]).output().unwrap();
    let config = String::from_utf8(config.stdout).unwrap();
    assert!(config.contains(&format!("postgresql://flusher@localhost:{port}/{MAIN}")), "{config}");
    let info = server.connect().line("INFO");
    for shown in [config, server.log(), info.text().to_owned()] {
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN], server.data());
}

#[test]
fn what_keeps_it_out_is_said_and_bids_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (_cluster, port) = cluster(folder.path());
    let ca = folder.path().join("cert.pem");
    let right = format!("flusher:{PASSWORD}@localhost:{port}");
    for (url, said) in [
        (
            format!("flusher:no-sesame-4711@localhost:{port}/{MAIN}?sslmode=require"),
            "password authentication failed",
        ),
        (format!("{right}/missing?sslmode=require"), "database \"missing\" does not exist"),
        (format!("{right}/{MAIN}?sslmode=require"), "certificate"),
    ] {
        let mut flags = format!("--shards 2 --postgres postgresql://{url}");
        if said != "certificate" {
            flags += &format!(" --postgres-ca {}", ca.display());
        }
        let mut server = Server::start(Options::new().with(&flags));
        wait::until("what is wrong", || server.log().contains(said).then_some(()));
        let auction = Item::new().open(&mut server.connect());
        server.connect().bid(auction, 8, 5_000);
        assert!(!server.log().contains("sesame"), "{}", server.log());
        server.terminate();
    }
}
