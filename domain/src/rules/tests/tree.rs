//! Nodes of rules, their results, and the effect of the clock.

use super::*;

#[test]
fn nodes_have_pointers_from_the_top() {
    let rules = rules("visits = 1 AND (city = Rome OR NOT (visits = 2)) AND visits = 3");
    let nodes: Vec<(String, String)> = rules
        .nodes()
        .into_iter()
        .map(|(pointer, node)| (pointer, node.to_string()))
        .collect();
    let expected = [
        (
            "",
            "visits = 1 AND (city = \"Rome\" OR NOT (visits = 2)) AND visits = 3",
        ),
        ("/rules/0", "visits = 1"),
        ("/rules/1", "city = \"Rome\" OR NOT (visits = 2)"),
        ("/rules/1/rules/0", "city = \"Rome\""),
        ("/rules/1/rules/1", "NOT (visits = 2)"),
        ("/rules/1/rules/1/rules/0", "visits = 2"),
        ("/rules/2", "visits = 3"),
    ];
    assert_eq!(nodes, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let json = rules.to_json();
    for (pointer, node) in rules.nodes() {
        let found = json.pointer(&pointer).unwrap();
        assert_eq!(
            found.get("rules").is_some(),
            matches!(node, NodeRef::Group(_))
        );
    }
}

#[test]
fn nodes_keep_the_ids_of_clients() {
    let mut json = and([condition("visits", "=", 1), condition("visits", "=", 2)]);
    json["id"] = json!("g");
    json["rules"][1]["id"] = json!("é 1");
    let rules = Rules::from_json(&json).unwrap();
    let ids: Vec<Option<&str>> = rules
        .nodes()
        .into_iter()
        .map(|(_, node)| node.id())
        .collect();
    assert_eq!(ids, [Some("g"), None, Some("é 1")]);
}

#[test]
fn only_relative_days_depend_on_the_clock() {
    for (text, relative) in [
        ("days_since_last_order > 90", true),
        (
            "visits = 1 OR NOT (city = Rome AND days_since_registered <= 1)",
            true,
        ),
        ("days_since_last_order null", false),
        ("last_order_at > 1997-04-01", false),
        ("attributes.since < 1997-04-01", false),
        ("visits = 1", false),
    ] {
        assert_eq!(rules(text).is_relative(), relative, "{text}");
    }
}

#[test]
fn each_node_is_explained() {
    let facts = CustomerFacts {
        city: Some("Rome".to_owned()),
        tags: vec!["vip".to_owned()],
        total_spend: 500,
        last_order_at: Some(at("1998-06-27T11:00:00Z")),
        attributes: [
            ("size".to_owned(), AttributeValue::Integer(39)),
            ("rate".to_owned(), AttributeValue::Number(0.5)),
            ("paid".to_owned(), AttributeValue::Flag(true)),
            ("level".to_owned(), text("gold")),
        ]
        .into(),
        ..CustomerFacts::default()
    };
    let told: [(&str, bool, Json); 12] = [
        ("city = Rome", true, json!("Rome")),
        ("phone = 1", false, json!(null)),
        ("tags contains x", false, json!(["vip"])),
        ("unsubscribed = false", true, json!(false)),
        ("total_spend >= 500", true, json!(500)),
        ("visits = 0", true, json!(0)),
        (
            "last_order_at null",
            false,
            json!("1998-06-27T11:00:00.000Z"),
        ),
        ("days_since_last_order = 3", true, json!(3)),
        ("attributes.size = gold", false, json!(39)),
        ("attributes.rate < 1", true, json!(0.5)),
        ("attributes.paid = true", true, json!(true)),
        ("attributes.level = gold", true, json!("gold")),
    ];
    let text = told.each_ref().map(|(text, ..)| *text).join(" AND ");
    let rules = rules(&format!("NOT ({text})"));
    let verdicts = rules.explain(&facts, at(NOW));
    let (root, rest) = verdicts.split_first().unwrap();
    assert_eq!(
        (root.pointer.as_str(), root.matches, &root.value),
        ("", true, &None)
    );
    assert_eq!(rest.len(), told.len());
    for (index, (verdict, (text, matches, value))) in rest.iter().zip(told).enumerate() {
        assert_eq!(verdict.pointer, format!("/rules/{index}"));
        assert_eq!(
            (verdict.matches, verdict.value.clone()),
            (matches, Some(value)),
            "{text}"
        );
    }
}

#[test]
fn days_since_a_future_instant_are_negative() {
    let facts = CustomerFacts {
        last_order_at: Some(at("1998-06-30T12:00:00.001Z")),
        ..CustomerFacts::default()
    };
    let rules = rules("days_since_last_order < 0");
    let verdicts = rules.explain(&facts, at(NOW));
    assert_eq!(verdicts[1].value, Some(json!(-1)));
    assert!(verdicts.iter().all(|verdict| verdict.matches));
}
