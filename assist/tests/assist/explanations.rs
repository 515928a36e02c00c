//! Explanations of rules.

use assist::{Facts, builtin, explain};
use domain::Currency;
use domain::rules::Rules;

use crate::store::FACTS;

#[track_caller]
fn check(facts: &Facts, rules: &str, expected: &str) {
    let rules: Rules = rules.parse().unwrap();
    assert_eq!(explain(&rules, facts), expected);
}

#[test]
fn a_request_is_explained() {
    let prompt = "high spenders who visited twice but haven't bought in 3 months";
    assert_eq!(
        builtin::rules(prompt, &FACTS).unwrap().explanation,
        "customers who spent at least ₹8,400.00 in all (the store's top fifth), \
         and visited exactly 2 times, and last ordered more than 90 days ago or never"
    );
}

#[test]
fn every_kind_of_condition_is_explained() {
    for (rules, expected) in [
        (
            "total_spend between 100 AND 500",
            "customers who spent ₹1.00 to ₹5.00 in all",
        ),
        (
            "average_order_value < 40000",
            "customers who spent less than ₹400.00 per order",
        ),
        (
            "total_spend <= 90000",
            "customers who spent at most ₹900.00 in all (the store's bottom fifth)",
        ),
        ("order_count = 0", "customers who never ordered"),
        (
            "order_count in (1, 3)",
            "customers who ordered exactly 1 or 3 times",
        ),
        (
            "order_count >= 0",
            "customers who ordered any number of times or never",
        ),
        (
            "events.email_open.count >= 3",
            "customers who did \"email_open\" at least 3 times",
        ),
        (
            "days_since_registered <= 30",
            "customers who registered in the last 30 days",
        ),
        (
            "days_since_last_order between 30 AND 60",
            "customers who last ordered 30 to 60 days ago",
        ),
        (
            "registered_at >= 2026-01-01",
            "customers who registered since 2026-01-01",
        ),
        (
            "events.visit.last_at null",
            "customers who never did \"visit\"",
        ),
        (
            "city in (Rome, Pune)",
            "customers who live in \"Rome\" or \"Pune\" (city)",
        ),
        (
            "name beginsWith \"A\"",
            "customers who have a name that begins with \"A\"",
        ),
        (
            "tags doesNotContain vip",
            "customers who are not tagged \"vip\"",
        ),
        ("unsubscribed != true", "customers who did not unsubscribe"),
        ("email null", "customers who have no known email"),
        (
            "attributes.size between 1 AND 3",
            "customers who have an attributes.size that lies between 1 and 3",
        ),
    ] {
        check(&FACTS, rules, expected);
    }
}

#[test]
fn groups_are_parenthesized() {
    check(
        &FACTS,
        "visits = 2 AND (city = Pune OR NOT (order_count > 3))",
        "customers who visited exactly 2 times, and (live in \"Pune\" (city), \
         or are not among those who (ordered more than 3 times))",
    );
}

#[test]
fn amounts_are_in_the_stores_currency() {
    let facts = Facts::new(Currency::try_from("JPY").unwrap());
    check(
        &facts,
        "total_spend > 10000",
        "customers who spent more than ¥10,000 in all",
    );
}
