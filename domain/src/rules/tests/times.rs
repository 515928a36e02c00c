//! Instants, days, and relative days.

use super::*;

fn seen(instant: &str) -> CustomerFacts {
    CustomerFacts {
        last_order_at: Some(at(instant)),
        ..CustomerFacts::default()
    }
}

/// Returns a customer whose last order was this long before [`NOW`].
fn ago(days: i64, millis: i64) -> CustomerFacts {
    let before = days * 86_400_000 + millis;
    let at = Timestamp::from_millis(at(NOW).millis() - before).unwrap();
    seen(&at.to_string())
}

#[test]
fn days_are_whole_days_rounded_down() {
    for (text, days, millis, expected) in [
        ("> 90", 90, 86_399_999, false),
        ("> 90", 91, 0, true),
        (">= 91", 91, -1, false),
        (">= 91", 91, 0, true),
        ("= 90", 90, -1, false),
        ("= 90", 90, 0, true),
        ("= 90", 90, 86_399_999, true),
        ("= 90", 91, 0, false),
        ("!= 90", 90, 0, false),
        ("!= 90", 91, 0, true),
        ("< 90", 90, 0, false),
        ("< 90", 90, -1, true),
        ("<= 90", 90, 86_399_999, true),
        ("<= 90", 91, 0, false),
        ("between 30 and 60", 30, -1, false),
        ("between 30 and 60", 30, 0, true),
        ("between 30 and 60", 60, 86_399_999, true),
        ("between 30 and 60", 61, 0, false),
        ("notBetween 30 and 60", 61, 0, true),
        ("notBetween 30 and 60", 60, 0, false),
        ("in (1, 3)", 3, 1, true),
        ("in (1, 3)", 2, 1, false),
        ("notIn (1, 3)", 2, 1, true),
        ("= 0", 0, 0, true),
        ("= 0", 0, 86_399_999, true),
        // Instants in the future.
        ("= 0", 0, -1, false),
        ("= -1", 0, -1, true),
        ("= -1", -1, 0, true),
        ("< 0", 0, -1, true),
        ("between -7 and -1", -7, 0, true),
        ("between -7 and -1", -7, -1, false),
        ("notNull", 1, 0, true),
        ("null", 1, 0, false),
    ] {
        let text = format!("days_since_last_order {text}");
        check(&ago(days, millis), &[(&text, expected)]);
    }
}

#[test]
fn the_bounds_of_days_cover_all_timestamps() {
    let facts = [
        seen("1900-01-01T00:00:00Z"),
        seen("9999-12-31T23:59:59.999Z"),
    ];
    for now in ["1900-01-01T00:00:00Z", NOW, "9999-12-31T23:59:59.999Z"] {
        for facts in &facts {
            let whole = rules("days_since_last_order between -3000000 and 3000000");
            assert!(whole.at(at(now)).matches(facts), "{now}");
        }
    }
}

#[test]
fn a_date_is_its_whole_day() {
    let (before, first) = ("1997-03-31T23:59:59.999Z", "1997-04-01T00:00:00Z");
    let (noon, last) = ("1997-04-01T12:00:00Z", "1997-04-01T23:59:59.999Z");
    let after = "1997-04-02T00:00:00Z";
    // For each operator, the instants for which it holds.
    let all = [before, first, noon, last, after];
    for (text, holding) in [
        ("= 1997-04-01", &all[1..4]),
        ("< 1997-04-01", &all[..1]),
        ("<= 1997-04-01", &all[..4]),
        ("> 1997-04-01", &all[4..]),
        (">= 1997-04-01", &all[1..]),
        ("between 1997-04-01 and 1997-04-01", &all[1..4]),
        ("between 1997-03-01 and 1997-04-01", &all[..4]),
        ("between 1997-04-02 and 1997-04-03", &all[4..]),
        ("in (1997-03-31, 1997-04-02)", &[before, after]),
        ("= 1997-04-01T12:00:00Z", &all[2..3]),
        ("= 1997-04-01T12:00", &all[2..3]),
        ("= 1997-04-01T14:00:00+02:00", &all[2..3]),
        ("< 1997-04-01T12:00:00Z", &all[..2]),
        ("<= 1997-04-01T12:00:00Z", &all[..3]),
        ("> 1997-04-01T12:00:00Z", &all[3..]),
        (">= 1997-04-01T12:00:00Z", &all[2..]),
        ("between 1997-04-01T12:00:00Z and 1997-04-01", &all[2..4]),
        ("between 1997-04-01 and 1997-04-01T12:00:00Z", &all[1..3]),
        ("notNull", &all[..]),
    ] {
        for instant in all {
            let text = format!("last_order_at {text}");
            check(&seen(instant), &[(&text, holding.contains(&instant))]);
        }
    }
}

#[test]
fn negated_operators_of_dates_are_exact_opposites() {
    let facts = seen("1997-04-01T23:59:59.999Z");
    check(
        &facts,
        &[
            ("last_order_at != 1997-04-01", false),
            ("last_order_at != 1997-04-02", true),
            ("last_order_at notIn (1997-04-01)", false),
            ("last_order_at notBetween 1997-03-01 and 1997-04-01", false),
            ("last_order_at notBetween 1997-03-01 and 1997-03-31", true),
        ],
    );
}

#[test]
fn each_time_field_has_its_own_value() {
    let facts = CustomerFacts {
        registered_at: Some(at("1998-06-20T12:00:00Z")),
        first_order_at: Some(at("1998-06-21T12:00:00Z")),
        last_order_at: Some(at("1998-06-22T12:00:00Z")),
        events: [(
            "visit".to_owned(),
            ActivityFacts {
                count: 1,
                last_at: Some(at("1998-06-23T12:00:00Z")),
            },
        )]
        .into(),
        ..CustomerFacts::default()
    };
    check(
        &facts,
        &[
            ("registered_at = 1998-06-20", true),
            ("days_since_registered = 10", true),
            ("first_order_at = 1998-06-21", true),
            ("last_order_at = 1998-06-22", true),
            ("days_since_last_order = 8", true),
            ("events.visit.last_at = 1998-06-23", true),
        ],
    );
}
