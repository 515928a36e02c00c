//! Tests of the routes with a table of their own.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

static BUILT: Files = Files {
    missing: None,
    all: &[
        File {
            path: "assets/main-1a2b.js",
            tag: "W/\"1\"",
            identity: b"script",
            brotli: Some(b"br"),
            gzip: Some(b"gzip"),
        },
        File {
            path: "assets/font-3c4d.woff2",
            tag: "W/\"2\"",
            identity: b"font",
            brotli: None,
            gzip: None,
        },
        File {
            path: "icon.svg",
            tag: "W/\"3\"",
            identity: b"icon",
            brotli: None,
            gzip: None,
        },
        File {
            path: "index.html",
            tag: "W/\"4\"",
            identity: b"page",
            brotli: Some(b"page in brotli"),
            gzip: Some(b"page in gzip"),
        },
    ],
};

static MISSING: Files = Files {
    missing: Some("npm ended with <1> & more"),
    all: &[],
};

async fn send(files: &'static Files, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = pages_of::<()>(files).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    (parts.status, parts.headers, body)
}

async fn get(path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
    let request = Request::get(path);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    send(&BUILT, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_page_is_at_its_own_paths_and_below_them() {
    for path in [
        "/",
        "/sign-in",
        "/customers",
        "/customers/",
        "/customers/c-1",
        "/campaigns/new/audience?draft=1",
        "/segments/a%2Fb",
        "/imports/imp_1",
        "/audit/3:17",
        "/suppressions",
        "/operations/views",
        "/users",
        "/keys",
        "/settings",
    ] {
        let (status, headers, body) = get(path, &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "page"), "{path}");
        assert_eq!(headers["cache-control"], "no-cache");
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(headers["vary"], "accept-encoding");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
        assert!(!policy.contains("unsafe"));
    }
    for path in [
        "/customer",
        "/api/customers",
        "/users/1",
        "/index.html",
        "/docs",
    ] {
        let (status, ..) = get(path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn hashed_files_are_kept_forever_and_unknown_ones_are_not_found() {
    let (status, headers, body) = get("/assets/main-1a2b.js", &[]).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "script"));
    assert_eq!(
        headers["cache-control"],
        "public, max-age=31536000, immutable"
    );
    assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
    assert!(headers.contains_key("content-security-policy"));
    let (status, headers, body) = get("/icon.svg", &[]).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "icon"));
    assert_eq!(headers["cache-control"], "no-cache");
    assert!(!headers.contains_key("vary"));
    for path in ["/assets/main-0000.js", "/assets/../index.html", "/assets/"] {
        let (status, ..) = get(path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_client_gets_the_encoding_that_it_prefers() {
    for (accepted, encoding, content) in [
        ("gzip, deflate, br, zstd", "br", "br"),
        ("gzip, deflate", "gzip", "gzip"),
        ("gzip, br;q=0.5", "gzip", "gzip"),
        ("br;q=0, gzip;q=0", "", "script"),
        ("identity", "", "script"),
        ("*", "br", "br"),
    ] {
        let (_, headers, body) =
            get("/assets/main-1a2b.js", &[("accept-encoding", accepted)]).await;
        let named = headers.get("content-encoding");
        let named = named.map_or("", |name| name.to_str().unwrap());
        assert_eq!((named, body.as_str()), (encoding, content), "{accepted}");
        assert_eq!(headers["vary"], "accept-encoding");
    }
    let (_, headers, body) = get("/assets/font-3c4d.woff2", &[("accept-encoding", "br")]).await;
    assert_eq!(body, "font");
    assert!(!headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn a_client_that_has_the_page_gets_no_content() {
    for known in ["W/\"4\"", "\"4\"", "\"x\", W/\"4\"", "*"] {
        let (status, headers, body) = get("/customers", &[("if-none-match", known)]).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(headers["etag"], "W/\"4\"");
        assert_eq!(headers["cache-control"], "no-cache");
    }
    let (status, ..) = get("/customers", &[("if-none-match", "W/\"5\"")]).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn only_get_and_head_are_supported() {
    let head = Request::head("/customers").body(Body::empty()).unwrap();
    let (status, headers, body) = send(&BUILT, head).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
    assert_eq!(headers["content-length"], "4");
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let request = Request::builder().method(method).uri("/customers");
        let (status, headers, _) = send(&BUILT, request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(headers["allow"], "GET,HEAD");
    }
}

#[tokio::test]
async fn a_build_without_the_console_says_why() {
    for path in ["/", "/campaigns/7"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (status, headers, body) = send(&MISSING, request).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("has no console"), "{body}");
        assert!(
            body.contains("npm ended with &lt;1&gt; &amp; more"),
            "{body}"
        );
        assert_eq!(headers["cache-control"], "no-store");
        assert!(headers.contains_key("content-security-policy"));
    }
}
