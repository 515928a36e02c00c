//! `GET /api/admin/settings`.

use serde_json::{Value, json};

use crate::support::app::{App, VENDOR_SECRET};
use crate::support::engines::engines;
use crate::support::tokens::SESSION_KEY;

fn setting<'a>(settings: &'a Value, name: &str) -> &'a Value {
    let items = settings["items"].as_array().unwrap();
    let found = items.iter().find(|setting| setting["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not listed: {settings}"))
}

#[tokio::test]
async fn every_setting_has_its_value_and_source() {
    let environment = [
        ("PATRON_SESSION_KEYS", SESSION_KEY),
        ("PATRON_MAX_REQUESTS", "100"),
        ("GOOGLE_CLIENT_ID", ""),
        ("PATRON_ALLOWED_ORIGINS", "http://localhost:5173"),
    ];
    let environment = environment.map(|(name, value)| (name, value.to_owned()));
    let app = App::with_environment(environment.into()).await;
    let settings = app.client.read("/api/admin/settings").await;
    let value = |name: &str| {
        let setting = setting(&settings, name);
        json!([setting["value"], setting["source"], setting["secret"]])
    };
    for (name, expected) in [
        ("PATRON_LISTEN", json!(["127.0.0.1:0", "flag", false])),
        ("PATRON_MAX_REQUESTS", json!(["100", "environment", false])),
        ("PATRON_JOB_AFTER", json!(["5s", "default", false])),
        ("PATRON_ALLOW_DATA_LOSS", json!(["false", "default", false])),
        ("GOOGLE_CLIENT_ID", json!([null, "unset", false])),
        ("REDIS_CA_FILE", json!([null, "unset", false])),
        ("PATRON_BOOTSTRAP_KEY", json!([null, "environment", true])),
        ("PATRON_SESSION_KEYS", json!([null, "environment", true])),
        ("PATRON_VENDOR_SECRET", json!([null, "environment", true])),
        ("OPENAI_API_KEY", json!([null, "unset", true])),
        ("PATRON_PARTITIONS", json!(["4", "deployment", false])),
        ("PATRON_CURRENCY", json!(["USD", "deployment", false])),
        ("PATRON_TIME_ZONE", json!(["UTC", "deployment", false])),
        ("PATRON_LOG", json!(["info", "default", false])),
        (
            "PATRON_ALLOWED_ORIGINS",
            json!(["http://localhost:5173", "environment", false]),
        ),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    let (port, public) = (
        app.client.base().rsplit(':').next().unwrap(),
        "PATRON_PUBLIC_URL",
    );
    let here = format!("http://localhost:{port}");
    assert_eq!(value(public), json!([here, "default", false]));
    assert_eq!(setting(&settings, public)["flag"], "--public-url");
    assert_eq!(setting(&settings, "PATRON_LOG")["flag"], json!(null));
}

#[tokio::test]
async fn no_secret_is_shown() {
    let environment = [
        ("PATRON_SESSION_KEYS", SESSION_KEY),
        ("OPENAI_API_KEY", "sk-s3cret"),
        ("GOOGLE_CLIENT_SECRET", "s3cret"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1?code=s3cret"),
    ];
    let environment = environment.map(|(name, value)| (name, value.to_owned()));
    let mut settings = crate::support::app::Settings::fresh(
        &engines().redis_url,
        &format!("{}/?appName=s3cret", engines().mongodb_uri),
    );
    settings.environment = environment.into();
    let app = App::with_settings(settings);
    let shown = app.client.get("/api/admin/settings").await;
    assert_eq!(shown.status, 200, "{shown:?}");
    for secret in ["s3cret", SESSION_KEY, VENDOR_SECRET, &app.settings().key] {
        assert!(!shown.text.contains(secret), "{secret}");
    }
    let url = |name: &str| setting(&shown.body, name)["value"].clone();
    assert_eq!(url("OPENAI_BASE_URL"), "http://127.0.0.1:9/v1");
    let host = engines().mongodb_uri.split_once("://").unwrap().1;
    let host = host.split(['/', '?']).next().unwrap();
    assert!(url("MONGODB_URI").as_str().unwrap().contains(host));
}
