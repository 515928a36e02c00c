//! Invalid rules: refused with a pointer to the invalid node, and never passed to MongoDB.

use serde_json::{Value, json};

use super::with;
use crate::support::app::App;

#[tokio::test]
async fn an_invalid_condition_is_refused_with_its_pointer() {
    let app = App::without_workers().await;
    let api = &app.client;
    let condition = |field: Value, operator: Value, value: Value| {
        json!({"combinator": "and", "rules": [
            {"field": "name", "operator": "notNull"},
            {"combinator": "or", "rules": [
                {"field": field, "operator": operator, "value": value},
            ]},
        ]})
    };
    let text = |text: &str| json!(text);
    for (field, operator, value) in [
        (text("colour"), text("="), json!(1)),
        (text("$where"), text("="), text("1 == 1")),
        (text("attributes.$gt"), text("="), json!(1)),
        (text("total_spend"), text("$gt"), json!(1)),
        (text("total_spend"), text("matches"), json!(1)),
        (text("total_spend"), text(">"), json!({"$gt": 0})),
        (text("total_spend"), text(">"), json!([0])),
        (text("total_spend"), text(">"), text("much")),
        (text("total_spend"), text(">"), json!(1.5)),
        (text("name"), text("="), json!({"$regex": ".*"})),
        (text("name"), text("in"), json!([{"$ne": null}])),
        (text("name"), text("contains"), text("a\u{0}b")),
        (text("name"), text("contains"), text("")),
        (json!({"$ne": 1}), text("="), json!(1)),
        (text("name"), json!({"$ne": 1}), json!(1)),
        (text("last_order_at"), text("<"), text("yesterday")),
        (text("order_count"), text("between"), json!([5, 1])),
        (text("unsubscribed"), text(">"), json!(true)),
        (text("tags"), text("beginsWith"), text("v")),
    ] {
        let rules = condition(field, operator, value);
        let answer = api
            .post("/api/segments/preview", json!({"rules": rules}))
            .await;
        let problem = answer.assert_problem(422, "invalid-field");
        let pointer = &problem["errors"][0]["pointer"];
        assert_eq!(*pointer, "/rules/rules/1/rules/0", "{rules} {problem}");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn malformed_rules_are_refused() {
    let app = App::without_workers().await;
    let api = &app.client;
    let empty = json!({"combinator": "and", "rules": []});
    let mut deep = json!({"field": "name", "operator": "null"});
    for _ in 0..17 {
        deep = json!({"combinator": "and", "rules": [deep]});
    }
    let many = vec![json!({"field": "name", "operator": "null"}); 256];
    for (rules, pointer, detail) in [
        (json!(7), "/rules", ""),
        (empty.clone(), "/rules", "empty"),
        (
            json!({"combinator": "or", "rules": [empty]}),
            "/rules/rules/0",
            "empty",
        ),
        (deep, &*format!("/rules{}", "/rules/0".repeat(16)), "16"),
        (
            json!({"combinator": "and", "rules": many}),
            "/rules/rules/255",
            "256",
        ),
        (
            json!({"combinator": "xor", "rules": []}),
            "/rules",
            "combinator",
        ),
        (json!("total_spend >"), "/rules", "column 14: "),
        (
            json!("total_spend > 1 AND (colour = red)"),
            "/rules",
            "column 22: ",
        ),
        (json!(""), "/rules", "column 1: "),
    ] {
        let answer = api
            .post("/api/segments/preview", json!({"rules": rules}))
            .await;
        let problem = answer.assert_problem(422, "invalid-field");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        let actual = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(actual.contains(detail), "{actual}");
    }
    let two_invalid = json!({"combinator": "and", "rules": [
        {"field": "nose", "operator": "="}, {"field": "visits", "operator": "=", "value": "x"},
    ]});
    let answer = api
        .post("/api/segments/preview", json!({"rules": two_invalid}))
        .await;
    assert_eq!(
        answer.assert_problem(422, "invalid-field")["errors"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    for (fields, slug, pointer) in [
        (json!({"sample": 51}), "invalid-field", "/sample"),
        (json!({"sample": -1}), "invalid-field", "/sample"),
        (
            json!({"as_of": "2999-01-01T00:00:00Z"}),
            "invalid-field",
            "/as_of",
        ),
        (json!({"as_of": "soon"}), "invalid-field", "/as_of"),
        (json!({"colour": 1}), "unknown-field", "/colour"),
    ] {
        let body = with(json!({"rules": "visits > 1"}), fields);
        let answer = api.post("/api/segments/preview", body).await;
        assert_eq!(
            answer.assert_problem(422, slug)["errors"][0]["pointer"],
            pointer
        );
    }
    let answer = api
        .post("/api/segments/preview", json!({"sample": 1}))
        .await;
    assert_eq!(
        answer.assert_problem(422, "invalid-field")["errors"][0]["pointer"],
        "/rules"
    );
}
