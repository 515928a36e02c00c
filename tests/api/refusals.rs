//! Unknown paths, methods, and parameters.

use insta::assert_json_snapshot;
use reqwest::Method;

use crate::support::app::App;
use crate::support::client::send;

#[tokio::test]
async fn an_unknown_path_is_refused_with_a_problem() {
    let app = App::without_workers().await;
    let absent = app.client.get("/api/nothing").await;
    absent.assert_problem(404, "not-found");
    assert_json_snapshot!(absent.body, {".instance" => "[request id]"});
    for path in [
        "/api",
        "/api/",
        "/api/customers/",
        "/api/data",
        "/api/customers/c-1/x",
    ] {
        app.client.get(path).await.assert_problem(404, "not-found");
    }
    let post = send(app.client.request(Method::POST, "/api/nothing")).await;
    post.assert_problem(404, "not-found");
    let rebuild = app
        .client
        .request(Method::POST, "/api/admin/projections/nothing/rebuild");
    send(rebuild).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn an_unsupported_method_is_refused_with_the_allowed_ones() {
    let app = App::without_workers().await;
    for (method, path, allowed) in [
        (Method::GET, "/api/data/orders", "POST"),
        (Method::DELETE, "/api/customers/c-1", "GET,HEAD"),
        (Method::POST, "/api/customers", "GET,HEAD"),
        (Method::PUT, "/api/audit/0:1", "GET,HEAD"),
        (
            Method::GET,
            "/api/admin/projections/customers/rebuild",
            "POST",
        ),
        (Method::POST, "/healthz", "GET,HEAD"),
        (Method::POST, "/metrics", "GET,HEAD"),
    ] {
        let refused = send(app.client.request(method, path)).await;
        refused.assert_problem(405, "method-not-allowed");
        assert_eq!(refused.header("allow"), allowed, "{path}");
    }
    // On paths that need no credential, the refusal needs none either.
    let anonymous = app.client.with_key(None);
    for (method, path) in [
        (Method::POST, "/healthz"),
        (Method::GET, "/api/delivery/receipt"),
    ] {
        let refused = send(anonymous.request(method, path)).await;
        refused.assert_problem(405, "method-not-allowed");
    }
}

#[tokio::test]
async fn the_problem_of_an_invalid_parameter_names_it() {
    let app = App::without_workers().await;
    let unknown = app.client.get("/api/customers?colour=red").await;
    unknown.assert_problem(400, "invalid-parameter");
    assert_json_snapshot!(unknown.body, {".instance" => "[request id]"});
    for (path, named) in [
        ("/api/customers?limit=0", "limit"),
        ("/api/customers?limit=501", "limit"),
        ("/api/orders?limit=many", "limit"),
        ("/api/customers?cursor=nonsense", "cursor"),
        ("/api/customers?cursor=%2b922632d3122", "cursor"),
        ("/api/orders?cursor=00", "cursor"),
        ("/api/audit?cursor=7b7d", "cursor"),
        ("/api/audit?since=yesterday", "since"),
        ("/api/audit?q=x", "`q`"),
        ("/api/customers/c-1?limit=5", "`limit`"),
        ("/api/admin/log?verbose=1", "`verbose`"),
        ("/api/audit/nonsense", "path"),
        ("/api/audit/0:0x1", "path"),
        ("/api/customers?limit=1&limit=2", "limit"),
    ] {
        let refused = app.client.get(path).await;
        let problem = refused.assert_problem(400, "invalid-parameter");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{path}: {detail}");
    }
}

#[tokio::test]
async fn responses_forbid_mime_sniffing_and_caching() {
    let app = App::without_workers().await;
    for path in ["/api/customers", "/api/nothing", "/healthz", "/metrics"] {
        let answer = app.client.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}
