//! Meaning of each operator for each kind of field. Times and attributes have
//! files of their own.

use super::*;

fn customer() -> CustomerFacts {
    CustomerFacts {
        name: Some("Ada Straße".to_owned()),
        city: Some("Rome".to_owned()),
        country: Some("İtalya".to_owned()),
        email: Some("ada@example.org".to_owned()),
        tags: vec!["vip".to_owned(), "Early Bird".to_owned()],
        total_spend: 12_345,
        order_count: 3,
        average_order_value: Some(4_115),
        events: [(
            "visit".to_owned(),
            activity(7, Some("1998-06-01T08:00:00Z")),
        )]
        .into(),
        ..CustomerFacts::default()
    }
}

fn activity(count: i64, last_at: Option<&str>) -> ActivityFacts {
    ActivityFacts {
        count,
        last_at: last_at.map(at),
    }
}

/// Returns a condition of every field with every operator that fits.
fn every_condition() -> Vec<(Field, Operator, String)> {
    let names = Field::names().map(|name| name.replace("<key>", "size").replace("<name>", "buy"));
    let fields = names.map(|name| Field::named(&name).unwrap());
    let asked = fields.flat_map(|field| {
        let operators = Operator::of(field.kind());
        operators.map(move |operator| (field.clone(), operator))
    });
    asked
        .map(|(field, operator)| {
            let value = match field.kind() {
                Kind::Flag => "true",
                Kind::Time => "1997-04-01",
                Kind::Text | Kind::Tags => "x",
                Kind::Count | Kind::Money | Kind::Days | Kind::Attribute => "1",
            };
            let values = match operator.arity() {
                Arity::None => String::new(),
                Arity::One => value.to_owned(),
                Arity::Two => format!("{value} AND {value}"),
                Arity::Many => format!("({value})"),
            };
            let text = format!("{field} {operator} {values}");
            (field, operator, text)
        })
        .collect()
}

#[test]
fn without_a_value_only_negated_operators_hold() {
    let nobody = CustomerFacts::default();
    let optional = |(field, ..): &(Field, Operator, String)| field.value(&nobody) == Value::Absent;
    let asked: Vec<_> = every_condition().into_iter().filter(optional).collect();
    assert!(asked.len() > 150, "{}", asked.len());
    for (_, operator, text) in asked {
        let negated = ["!=", "notBetween", "notIn", "null"].contains(&operator.name())
            || operator.name().starts_with("doesNot");
        assert_eq!(matches(&text, &nobody), negated, "{text}");
    }
}

#[test]
fn fields_that_are_always_present_default_to_0_or_false() {
    let nobody = CustomerFacts::default();
    let present = |(field, ..): &(Field, Operator, String)| field.value(&nobody) != Value::Absent;
    for (field, operator, text) in every_condition().into_iter().filter(present) {
        let held = ["!=", "<", "<=", "notBetween", "notIn", "notNull"];
        assert_eq!(
            matches(&text, &nobody),
            held.contains(&operator.name()),
            "{field}: {text}"
        );
    }
    check(
        &nobody,
        &[
            ("visits < 3", true),
            ("visits = 0", true),
            ("visits null", false),
            ("events.buy.count between 0 and 2", true),
            ("events.buy.count notNull", true),
            ("events.buy.last_at null", true),
            ("total_spend = 0", true),
            ("order_count in (0)", true),
            ("average_order_value = 0", false),
            ("average_order_value null", true),
            ("unsubscribed = false", true),
        ],
    );
}

#[test]
fn a_customer_without_orders_has_no_days_since_the_last_one() {
    check(
        &CustomerFacts::default(),
        &[
            ("days_since_last_order > 90", false),
            ("days_since_last_order <= 90", false),
            ("days_since_last_order != 90", true),
            ("days_since_last_order null", true),
            ("last_order_at null", true),
            ("total_spend = 0 AND last_order_at null", true),
        ],
    );
}

#[test]
fn numbers() {
    check(
        &customer(),
        &[
            ("total_spend = 12345", true),
            ("total_spend = 12344", false),
            ("total_spend != 12345", false),
            ("total_spend != 12344", true),
            ("total_spend < 12345", false),
            ("total_spend < 12346", true),
            ("total_spend <= 12345", true),
            ("total_spend <= 12344", false),
            ("total_spend > 12345", false),
            ("total_spend > 12344", true),
            ("total_spend >= 12345", true),
            ("total_spend >= 12346", false),
            ("total_spend between 12345 and 12345", true),
            ("total_spend between 12346 and 20000", false),
            ("total_spend notBetween 12345 and 20000", false),
            ("total_spend notBetween 12346 and 20000", true),
            ("order_count in (1, 3)", true),
            ("order_count in (1, 2)", false),
            ("order_count notIn (1, 3)", false),
            ("order_count notIn (1, 2)", true),
            ("order_count > -1", true),
            ("order_count = 3.0", true),
            ("order_count = \"3\"", true),
            ("average_order_value > 4114", true),
            ("average_order_value null", false),
            ("average_order_value notNull", true),
            ("visits = 7", true),
            ("events.visit.count = 7", true),
        ],
    );
}

#[test]
fn texts_are_compared_exactly() {
    check(
        &customer(),
        &[
            ("city = Rome", true),
            ("city = rome", false),
            ("city != rome", true),
            ("city in (Paris, Rome)", true),
            ("city in (paris, rome)", false),
            ("city notIn (rome)", true),
            ("city < Romf", true),
            ("city < Rome", false),
            ("city <= Rome", true),
            // Texts are ordered by bytes, so capital letters come first.
            ("city < a", true),
            ("city > Roma", true),
            ("city >= Rome", true),
            ("city between Paris and Rome", true),
            ("city between Sa and Sz", false),
            ("city notBetween Sa and Sz", true),
            ("city notNull", true),
            ("phone null", true),
        ],
    );
}

#[test]
fn parts_of_texts_are_found_regardless_of_case() {
    check(
        &customer(),
        &[
            ("name contains STRASSE", true),
            ("name contains \"da s\"", true),
            ("name contains x", false),
            ("name doesNotContain STRASSE", false),
            ("name doesNotContain x", true),
            ("name beginsWith aDA", true),
            ("name beginsWith Straße", false),
            ("name doesNotBeginWith aDA", false),
            ("name doesNotBeginWith Straße", true),
            ("name endsWith sse", true),
            ("name endsWith ẞE", true),
            ("name endsWith Ada", false),
            ("name doesNotEndWith SSE", false),
            ("name doesNotEndWith Ada", true),
            // Unicode's folding turns a Turkish İ into an i with a combining
            // dot above.
            ("country beginsWith \"i\u{307}\"", true),
            ("country endsWith TALYA", true),
            // Values are not patterns.
            ("email contains .", true),
            ("email contains a.a", false),
            ("email contains .*", false),
            ("email beginsWith ^ada", false),
            ("email endsWith org$", false),
        ],
    );
}

#[test]
fn tags_match_exactly() {
    check(
        &customer(),
        &[
            ("tags contains vip", true),
            ("tags contains \"Early Bird\"", true),
            ("tags contains VIP", false),
            ("tags contains vi", false),
            ("tags doesNotContain vip", false),
            ("tags doesNotContain late", true),
            ("tags notNull", true),
            ("tags null", false),
        ],
    );
}

#[test]
fn flags() {
    for unsubscribed in [true, false] {
        let facts = CustomerFacts {
            unsubscribed,
            ..CustomerFacts::default()
        };
        check(
            &facts,
            &[
                ("unsubscribed = true", unsubscribed),
                ("unsubscribed = false", !unsubscribed),
                ("unsubscribed != true", !unsubscribed),
                ("unsubscribed != false", unsubscribed),
                ("unsubscribed notNull", true),
                ("unsubscribed null", false),
            ],
        );
    }
}

#[test]
fn groups() {
    let facts = customer();
    for (a, b) in [(true, true), (true, false), (false, true), (false, false)] {
        let word = |yes: bool| if yes { "city = Rome" } else { "city = Paris" };
        let (left, right) = (word(a), word(b));
        check(
            &facts,
            &[
                (&format!("{left} AND {right}"), a && b),
                (&format!("{left} OR {right}"), a || b),
                (&format!("NOT {left} OR {right}"), !a || b),
                (&format!("NOT ({left} OR {right})"), !(a || b)),
                (&format!("{left} AND NOT ({right} AND {left})"), a && !b),
            ],
        );
    }
}
