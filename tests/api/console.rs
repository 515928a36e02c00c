//! The web console: its page, files and headers, and a server without it.

use reqwest::{Method, header};

use crate::support::app::{App, Settings};
use crate::support::client::{Client, send};
use crate::support::engines::engines;

/// Returns whether the program has the console. A build on a machine without node has not, and
/// then serves a page that says so.
fn is_built() -> bool {
    let built = console::tools().is_some();
    if !built {
        eprintln!("SKIPPED: the program was built without the console");
    }
    built
}

/// Returns the paths of the hashed files that the page loads.
async fn assets(client: &Client) -> Vec<String> {
    let page = client.get("/").await.text;
    let quoted = page.split('"').filter(|text| text.starts_with("/assets/"));
    quoted.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_page_is_served_without_a_key_at_the_consoles_paths() {
    let app = App::without_workers().await;
    for key in [None, Some("wrong-key-of-a-good-length")] {
        let client = app.client.with_key(key);
        let first = client.get("/").await;
        for path in [
            "/",
            "/?unknown=1",
            "/sign-in?return_to=%2Fkeys",
            "/customers",
            "/customers/c-1",
            "/segments/new",
            "/campaigns/0199c1d8-8bb3-7000-8000-000000000000/recipients?reason=unsubscribed",
            "/audit/3:17",
            "/operations",
            "/users",
            "/keys",
            "/settings",
        ] {
            let page = client.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            assert_eq!(page.text, first.text, "{path}");
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
            let policy = page.header("content-security-policy");
            for rule in [
                "default-src 'none'",
                "script-src 'self'",
                "frame-ancestors 'none'",
            ] {
                assert!(policy.contains(rule), "{policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
            ] {
                assert_eq!(page.header(name), value, "{path}");
            }
            assert!(!page.header("x-request-id").is_empty());
        }
        let refused = client.post("/customers", serde_json::json!({})).await;
        refused.assert_problem(405, "method-not-allowed");
        assert_eq!(refused.header("allow"), "GET,HEAD");
    }
}

#[tokio::test]
async fn other_paths_stay_those_of_the_api() {
    let app = App::without_workers().await;
    for path in [
        "/customer",
        "/index.html",
        "/users/1",
        "/api",
        "/api/nothing",
    ] {
        let unknown = app.client.get(path).await;
        unknown.assert_problem(404, "not-found");
        let anonymous = app.client.with_key(None).get(path).await;
        anonymous.assert_problem(401, "unauthenticated");
    }
    let anonymous = app.client.with_key(None);
    let unknown = anonymous.get("/assets/index-00000000.js").await;
    unknown.assert_problem(404, "not-found");
    assert_eq!(anonymous.get("/docs/").await.status, 200);
}

#[tokio::test]
async fn the_page_has_a_tag_and_is_asked_for_again() {
    if !is_built() {
        return;
    }
    let app = App::without_workers().await;
    let client = app.client.with_key(None);
    let page = client.get("/customers").await;
    assert_eq!(page.header("cache-control"), "no-cache");
    let tag = page.header("etag");
    let request = client.request(Method::GET, "/campaigns");
    let known = send(request.header(header::IF_NONE_MATCH, tag)).await;
    assert_eq!((known.status, known.text.as_str()), (304, ""));
    let head = send(client.request(Method::HEAD, "/")).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), page.text.len().to_string());
}

#[tokio::test]
async fn hashed_files_are_compressed_and_kept_forever() {
    if !is_built() {
        return;
    }
    let app = App::without_workers().await;
    let client = app.client.with_key(None);
    let assets = assets(&client).await;
    let has = |end: &str| assets.iter().any(|path| path.ends_with(end));
    assert!(has(".js") && has(".css"), "{assets:?}");
    for path in &assets {
        let whole = client.get(path).await;
        assert_eq!(whole.status, 200, "{path}");
        assert_eq!(
            whole.header("cache-control"),
            "public, max-age=31536000, immutable",
            "{path}"
        );
        assert!(
            !whole.header("content-security-policy").is_empty(),
            "{path}"
        );
        // Compression hardly makes a short file smaller.
        if whole.text.len() < 2048 {
            continue;
        }
        let mut lengths = Vec::new();
        for (accepted, encoding) in [
            ("gzip, deflate, br", "br"),
            ("gzip;q=1.0, br;q=0.1", "gzip"),
            ("identity", ""),
        ] {
            let request = client.request(Method::GET, path);
            let request = request.header(header::ACCEPT_ENCODING, accepted);
            let answered = request.send().await.unwrap();
            assert_eq!(answered.status(), 200, "{path}");
            let header = |name: &str| {
                let value = answered.headers().get(name);
                value.map_or("", |value| value.to_str().unwrap()).to_owned()
            };
            assert_eq!(header("content-encoding"), encoding, "{path}");
            assert_eq!(header("vary"), "accept-encoding", "{path}");
            lengths.push(answered.bytes().await.unwrap().len());
        }
        assert!(lengths.is_sorted(), "{path}: {lengths:?}");
    }
}

#[tokio::test]
async fn the_types_of_the_api_are_a_file() {
    if !is_built() {
        return;
    }
    let app = App::without_workers().await;
    let types = app.client.with_key(None).get("/openapi.d.ts").await;
    assert_eq!(types.status, 200);
    for name in ["export interface paths", "\"/api/campaigns/{id}\""] {
        assert!(types.text.contains(name), "{name}");
    }
}

#[tokio::test]
async fn a_server_can_be_without_the_console() {
    let engines = engines();
    let settings = Settings {
        environment: vec![("PATRON_NO_CONSOLE", "true".to_owned())],
        ..Settings::fresh(&engines.redis_url, &engines.mongodb_uri)
    };
    let app = App::with_settings(settings);
    for path in ["/", "/customers", "/assets/index-00000000.js"] {
        app.client.get(path).await.assert_problem(404, "not-found");
        let anonymous = app.client.with_key(None).get(path).await;
        anonymous.assert_problem(401, "unauthenticated");
    }
    assert_eq!(app.client.get("/docs/").await.status, 200);
}
