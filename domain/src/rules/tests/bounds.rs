//! Limits on the size of rules, and inputs beyond them.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Returns groups nested in one another, the innermost with a condition.
fn nested(depth: usize) -> Json {
    (0..depth).fold(condition("visits", "=", 1), |inner, _| and([inner]))
}

#[test]
fn sixteen_groups_deep() {
    assert!(Rules::from_json(&nested(16)).is_ok());
    let pointer = "/rules/0".repeat(16);
    let reason = "groups are nested more than 16 deep".to_owned();
    assert_eq!(refused(&nested(17)), [(pointer, reason.clone())]);
    for (opening, closing) in [("(", ")"), ("NOT (", ")"), ("NOT ", "")] {
        let text = |depth: usize| {
            let (opening, closing) = (opening.repeat(depth), closing.repeat(depth));
            format!("{opening}visits = 1{closing}")
        };
        let deepest = rules(&text(16));
        assert_eq!(deepest.to_string().parse(), Ok(deepest));
        let RuleErrors(errors) = text(17).parse::<Rules>().unwrap_err();
        assert_eq!(errors[0].reason, reason, "{opening}");
        assert_eq!(errors[0].column, Some(1));
    }
}

#[test]
fn two_hundred_and_fifty_six_nodes() {
    let conditions = |count| and((0..count).map(|n| condition("visits", "=", n)));
    let largest = Rules::from_json(&conditions(255)).unwrap();
    assert_eq!(largest.nodes().len(), 256);
    assert_eq!(largest.to_string().parse(), Ok(largest.clone()));
    let negated: Rules = vec!["NOT (visits = 1)"; 127].join(" OR ").parse().unwrap();
    assert_eq!(negated.nodes().len(), 255);
    let reason = "rules have more than 256 nodes".to_owned();
    assert_eq!(
        refused(&conditions(256)),
        [("/rules/255".to_owned(), reason.clone())]
    );
    assert_eq!(refused(&conditions(100_000)).len(), 1);
    let inner = and([conditions(200), conditions(60), condition("x", "=", 1)]);
    assert_eq!(
        refused(&inner),
        [("/rules/1/rules/53".to_owned(), reason.clone())]
    );
    for count in [256, 800, 100_000] {
        let text = vec!["visits = 1"; count].join(" OR ");
        let RuleErrors(errors) = text.parse::<Rules>().unwrap_err();
        assert_eq!(errors[0].reason, reason);
    }
}

#[test]
fn a_thousand_values() {
    let values = |count: i64| (0..count).map(Json::from).collect::<Vec<_>>();
    let of = |count| and([condition("visits", "in", values(count))]);
    let most = Rules::from_json(&of(1_000)).unwrap();
    assert_eq!(most.to_string().parse(), Ok(most));
    let pointer = "/rules/0".to_owned();
    let reason = "in takes at most 1000 values, not 1001".to_owned();
    assert_eq!(refused(&of(1_001)), [(pointer, reason)]);
    let list = vec!["1"; 1_001].join(",");
    let RuleErrors(errors) = format!("visits in ({list})").parse::<Rules>().unwrap_err();
    assert_eq!(errors[0].reason, "a list has at most 1000 values");
    assert_eq!(errors[0].column, Some(2_012));
}

#[test]
fn texts_of_a_thousand_bytes() {
    for (length, fits) in [(1_024, true), (1_025, false)] {
        let value = "é".repeat(length / 2) + &"x".repeat(length % 2);
        let json = and([condition("name", "=", value.as_str())]);
        assert_eq!(Rules::from_json(&json).is_ok(), fits, "{length}");
        assert_eq!(format!("name = '{value}'").parse::<Rules>().is_ok(), fits);
    }
    let id = |length| {
        json!({"combinator": "and", "id": "x".repeat(length), "rules": [
            condition("visits", "=", 1)
        ]})
    };
    assert!(Rules::from_json(&id(128)).is_ok());
    assert_eq!(
        refused(&id(129))[0].1,
        "`id` must have at most 128 bytes, has 129"
    );
}

#[test]
fn a_megabyte_of_anything_gets_a_short_error() {
    let parts = [
        "(",
        ")",
        "NOT ",
        "NOT(",
        "\"",
        "\\",
        "'\\",
        "a",
        " ",
        "=",
        ",",
        "😀",
        "\0",
        "visits ",
        "visits=1 ",
        "visits=1 AND ",
        "NOT visits=1 OR ",
        "(visits=1)AND",
        "attributes.",
        "visits in (",
        "1,",
    ];
    for part in parts {
        for before in [
            "",
            "visits in (",
            "name = \"",
            "attributes.",
            "visits = 1 AND ",
        ] {
            let text = before.to_owned() + &part.repeat(1_000_000 / part.len());
            let RuleErrors(errors) = text.parse::<Rules>().expect_err(part);
            assert!(errors[0].column.is_some(), "{before}{part}");
            let length = errors[0].reason.len();
            assert!(length < 1_000, "{before}{part}: {length}");
        }
    }
}

#[test]
fn reasons_are_short_for_any_input() {
    let long = "é".repeat(500_000);
    for json in [
        json!({"combinator": "and", "rules": [], long.as_str(): 1}),
        and([condition(long.as_str(), "=", 1)]),
        and([condition(format!("attributes.{long}"), "=", 1)]),
        and([condition(format!("events.{long}.count"), "=", 1)]),
        and([condition("visits", long.as_str(), 1)]),
        and([condition("visits", "=", long.as_str())]),
        and([condition("name", "=", long.as_str())]),
        and([condition("last_order_at", "=", long.as_str())]),
        and([condition("unsubscribed", "=", long.as_str())]),
        and([condition("visits", "between", long.as_str())]),
    ] {
        for (_, reason) in refused(&json) {
            assert!(reason.len() < 1_000, "{reason}");
        }
    }
}

/// Text made of parts of rules, so that much of it parses.
fn almost_rules() -> impl Strategy<Value = String> {
    let parts = [
        "visits",
        "name",
        "attributes.a",
        "unknown",
        "=",
        "!=",
        ">",
        "in",
        "between",
        "null",
        "contains",
        "AND",
        "or",
        "Not",
        "(",
        ")",
        ",",
        "\"",
        "'",
        "\\",
        "1",
        "1.5",
        "x",
        "\0",
        "1997-04-01",
        "😀",
        "é\u{301}",
        "visits = 1",
        "name in (a, 'b')",
        "\u{202e}",
    ];
    let part = select(parts.to_vec());
    let space = select(vec!["", " ", "\n"]);
    let pair = (part, space).prop_map(|(part, space)| format!("{part}{space}"));
    prop::collection::vec(pair, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_parses_or_is_rejected(text in prop_oneof![almost_rules(), any::<String>()]) {
        match text.parse::<Rules>() {
            Ok(rules) => prop_assert_eq!(rules.to_string().parse(), Ok(rules)),
            Err(RuleErrors(errors)) => {
                prop_assert_eq!(errors.len(), 1);
                let column = errors[0].column.unwrap();
                prop_assert!((1..=text.chars().count() + 1).contains(&column), "{}", column);
            }
        }
    }

    #[test]
    fn any_strings_in_json_are_read_or_rejected(
        field in "\\PC{0,8}|name|visits|attributes\\.\\PC{1,3}",
        operator in "\\PC{0,3}|=|in|between",
        value in any::<String>(),
    ) {
        let json = and([condition(field, operator, value)]);
        if let Ok(rules) = Rules::from_json(&json) {
            prop_assert_eq!(Rules::from_json(&rules.to_json()), Ok(rules));
        }
    }
}
