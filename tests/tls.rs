//! TLS connections to the engines, with certificates of a private authority.

use serde_json::json;

use crate::support::app::{App, Settings};
use crate::support::process::run;
use crate::support::redis_server::{DURABLE, RedisServer};
use crate::support::tls::{Authority, TlsMongod};

/// Engines behind TLS, and the authority that issued their certificates.
struct TlsEngines {
    redis_url: String,
    authority: Authority,
    mongod: TlsMongod,
    _redis: RedisServer,
}

async fn engines(name: &str) -> TlsEngines {
    let authority = Authority::create(name);
    let redis = RedisServer::start(&format!("{name}/redis"), DURABLE).await;
    TlsEngines {
        redis_url: authority.start_redis_proxy(redis.port).await,
        mongod: authority.start_mongod().await,
        authority,
        _redis: redis,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_with_certificates_of_a_private_authority_are_trusted() {
    let engines = engines("tls").await;
    let uri = engines.mongod.uri(&engines.authority);
    let mut settings = Settings::fresh(&engines.redis_url, &uri);
    settings.redis_ca_file = Some(engines.authority.file());
    let mut app = App::with_settings(settings);
    app.add_worker();
    let order = json!({"order_id": "o-1", "customer_id": "c-1", "amount": 1999,
        "currency": "USD", "placed_at": "2026-01-01T00:00:00Z"});
    let recorded = app.client.post("/api/data/orders", order).await;
    assert_eq!(recorded.status, 202);
    let path = format!("/api/customers/c-1?after={}", recorded.position());
    assert_eq!(app.client.read(&path).await["total_spend"], 1999);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_with_a_certificate_of_another_authority_is_not_trusted() {
    let engines = engines("tls_untrusted").await;
    let other = Authority::create("tls_other");
    let uri = engines.mongod.uri(&engines.authority);
    let mut settings = Settings::fresh(&engines.redis_url, &uri);
    for trusted in [None, Some(other.file())] {
        settings.redis_ca_file = trusted;
        let ended = run(settings.patron(["status"]));
        assert_ne!(ended.code, Some(0));
        assert!(ended.err.contains("certificate"), "{}", ended.err);
    }
    settings.redis_ca_file = Some(engines.authority.file());
    settings.mongodb_uri = engines.mongod.uri(&other);
    let ended = run(settings.patron(["status"]));
    assert_ne!(ended.code, Some(0));
    assert!(ended.err.contains("certificate"), "{}", ended.err);
}

#[tokio::test]
async fn a_file_without_certificates_is_refused() {
    let mut settings = Settings::fresh("rediss://localhost:9", "mongodb://localhost:9");
    for (file, message) in [
        ("no/such/file.pem".into(), "cannot read"),
        (
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into(),
            "has no certificate",
        ),
    ] {
        settings.redis_ca_file = Some(file);
        let ended = run(settings.patron(["status"]));
        assert_ne!(ended.code, Some(0));
        assert!(
            ended.err.contains("REDIS_CA_FILE") && ended.err.contains(message),
            "{}",
            ended.err
        );
    }
}
