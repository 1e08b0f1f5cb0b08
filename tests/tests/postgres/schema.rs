//! Goal: the schema is made in an empty database by itself, is the same after a second run, and whatever it does not know is refused with
//! the way out.
//!
//! Method: a real PostgreSQL, a database for each test.

use gavel_core::AuctionId;
use gavel_postgres::schema::{self, SchemaError, Version};
use gavel_tests::Cluster;

/// Asks with a connection of the crate's own kind.
fn with<T>(cluster: &Cluster, ask: impl AsyncFnOnce(&mut tokio_postgres::Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { ask(&mut cluster.connect("postgres").await.unwrap()).await })
}

#[test]
fn an_empty_database_is_migrated_once_and_what_is_unknown_is_refused() {
    let cluster = Cluster::fresh(&[]);
    let version = || with(&cluster, async |client| schema::version(client).await);
    let ensure = || with(&cluster, async |client| schema::ensure(client).await);
    assert_eq!(version().unwrap(), Version::Empty);
    assert!(ensure().unwrap(), "the schema was made");
    assert_eq!(version().unwrap(), Version::Current);
    assert!(!ensure().unwrap(), "nothing was left to do");
    let migrated = with(&cluster, async |client| schema::migrate(client).await);
    assert_eq!(migrated.unwrap(), Version::Current);

    let insert = "INSERT INTO gavel.schema_history SELECT 999, 'later', applied_on, checksum FROM gavel.schema_history LIMIT 1";
    assert!(cluster.sql("postgres", insert).is_empty());
    assert_eq!(version().unwrap(), Version::Ahead(999));
    let refused = ensure().unwrap_err();
    assert!(
        matches!(refused, SchemaError::Ahead { found: 999, .. })
            && refused.to_string().contains("newer gavel")
    );

    let change = "DELETE FROM gavel.schema_history WHERE version = 999; UPDATE gavel.schema_history SET checksum = '1'";
    assert!(cluster.sql("postgres", change).is_empty());
    assert!(matches!(ensure(), Err(SchemaError::Diverged { version: 1, .. })));
}

#[test]
fn what_is_cut_off_in_the_middle_leaves_nothing_behind() {
    let cluster = Cluster::fresh(&[]);
    let version = || with(&cluster, async |client| schema::version(client).await);
    let ensure = || with(&cluster, async |client| schema::ensure(client).await);
    // In the way of the second migration.
    assert!(cluster.sql("postgres", "CREATE SCHEMA gavel; CREATE TABLE gavel.dropped ()").is_empty());
    let failed = ensure().unwrap_err();
    assert!(matches!(failed, SchemaError::Migration(_)) && !failed.is_passing(), "{failed}");
    assert!(failed.to_string().contains("changed nothing"), "{failed}");
    assert_eq!(version().unwrap(), Version::Empty);
    assert_eq!(cluster.value("postgres", "SELECT to_regclass('gavel.auctions') IS NULL"), "t");
    assert!(cluster.sql("postgres", "DROP TABLE gavel.dropped").is_empty());
    assert!(ensure().unwrap(), "the schema was made");
    assert_eq!(version().unwrap(), Version::Current);
}

#[test]
fn whoever_writes_bids_may_make_partitions_and_nobody_else() {
    let cluster = Cluster::fresh(&[]);
    assert!(with(&cluster, async |client| schema::ensure(client).await).unwrap());
    let roles =
        "CREATE ROLE \"the flusher\"; CREATE ROLE reader; GRANT INSERT ON gavel.bids TO \"the flusher\"";
    assert!(cluster.sql("postgres", roles).is_empty());
    let may = |role: &str| {
        cluster.value(
            "postgres",
            &format!("SELECT has_function_privilege('{role}', 'gavel.ensure_day(date)', 'EXECUTE')"),
        )
    };
    assert_eq!((may("the flusher"), may("reader")), ("f".to_owned(), "f".to_owned()));
    // As where the role was there before.
    let migration = include_str!("../../../persistence/postgres/migrations/V5__rights.sql");
    assert!(cluster.sql("postgres", &format!("SET search_path = gavel; {migration}")).is_empty());
    assert_eq!((may("the flusher"), may("reader")), ("t".to_owned(), "f".to_owned()));
}

#[test]
fn two_that_migrate_at_once_make_one_schema() {
    let cluster = Cluster::fresh(&[]);
    let migrate = || with(&cluster, async |client| schema::migrate(client).await.unwrap());
    let versions = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(migrate)).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(versions.iter().filter(|version| **version == Version::Empty).count(), 1, "{versions:?}");
}

#[test]
fn ids_are_text_and_number_and_days_have_partitions() {
    let cluster = Cluster::fresh(&[]);
    assert!(with(&cluster, async |client| schema::ensure(client).await).unwrap());
    let value = |question: &str| cluster.value("postgres", &format!("SET search_path = gavel; {question}"));
    for text in
        ["20261122-003-00000042", "19700101-000-00000001", "20590918-255-99999999", "21490606-007-00000001"]
    {
        let id: AuctionId = text.parse().unwrap();
        let number = id.to_bits().cast_signed();
        assert_eq!(value(&format!("SELECT auction_id('{text}')")), number.to_string());
        assert_eq!(value(&format!("SELECT auction_text({number})")), text);
        assert_eq!(value(&format!("SELECT auction_shard({number})")), id.shard().to_string());
        assert_eq!(value(&format!("SELECT auction_day({number}) - date '1970-01-01'")), id.day().to_string());
        let day = format!("(SELECT auction_day({number}))");
        assert_eq!(value(&format!("SELECT ensure_day({day})")), "t");
        assert_eq!(value(&format!("SELECT ensure_day({day})")), "f");
        let name = &text[..8];
        let insert = format!("INSERT INTO maxima VALUES ({number}, 1, 5) RETURNING tableoid::regclass");
        assert_eq!(value(&insert), format!("maxima_{name}"));
    }
    assert_eq!(
        value("SELECT auction_id('20261122-{003}-00000042')"),
        value("SELECT auction_id('20261122-003-00000042')")
    );
    for wrong in [
        "",
        "20261122-256-00000042",
        "20261122-003-00000000",
        "20261322-003-00000001",
        "20261122-{003-00000042",
    ] {
        assert!(
            cluster.try_sql("postgres", &format!("SELECT gavel.auction_id('{wrong}')")).is_err(),
            "{wrong:?}"
        );
    }
}
