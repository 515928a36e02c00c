//! Tests of problem documents.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::*;

#[test]
fn a_problem_has_the_members_of_rfc_9457() {
    let detail = "unknown field `x`".to_owned();
    let problem = Problem::field(ProblemKind::UnknownField, "/x", detail);
    let body = serde_json::to_value(problem.into_body(Some("r-1"))).unwrap();
    assert_eq!(
        body,
        json!({
            "type": "urn:patron:problem:unknown-field",
            "title": "Unknown field",
            "status": 422,
            "detail": "/x: unknown field `x`",
            "instance": "r-1",
            "errors": [{"pointer": "/x", "detail": "unknown field `x`"}],
        })
    );
}

#[test]
fn empty_members_are_omitted() {
    let body = serde_json::to_value(Problem::internal().into_body(None)).unwrap();
    assert_eq!(body.get("instance"), None);
    assert_eq!(body.get("errors"), None);
    assert_eq!(body["status"], Value::from(500));
}

#[test]
fn slugs_are_unique() {
    let slugs: HashSet<_> = ProblemKind::ALL.iter().map(|kind| kind.slug()).collect();
    assert_eq!(slugs.len(), ProblemKind::ALL.len());
}

#[test]
fn temporary_problems_have_retry_after() {
    for kind in ProblemKind::ALL {
        let is_temporary = matches!(
            kind.status(),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        );
        let response = Problem::new(*kind, "").into_response();
        let has_header = response.headers().contains_key(header::RETRY_AFTER);
        assert_eq!(has_header, is_temporary, "{kind:?}");
    }
}

#[test]
fn contention_differs_from_an_unavailable_store() {
    let contended = Problem::from(CommandError::Contended("order/c-1/o-1".to_owned()));
    assert_eq!(contended.kind(), ProblemKind::Contended);
    assert_eq!(
        contended.into_response().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[test]
fn long_texts_of_clients_are_shortened() {
    let name = "\u{e9}".repeat(2_000);
    let reason = format!("unknown field `{name}`, expected `amount`");
    let problem = Problem::field(ProblemKind::UnknownField, format!("/{name}"), reason);
    assert!(problem.bytes() < 3_000, "{}", problem.bytes());
    let error = &problem.into_errors()[0];
    assert!(error.pointer.starts_with("/\u{e9}") && error.pointer.contains('\u{2026}'));
    assert!(error.detail.starts_with("unknown field `\u{e9}"));
    assert!(error.detail.contains("\u{e9}\u{2026}\u{e9}"));
    assert!(error.detail.ends_with("`, expected `amount`"));
}
