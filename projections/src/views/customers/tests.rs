//! Tests of the shape of filters, which decides the plans that MongoDB can choose.

use bson::{Document, doc};
use domain::Timestamp;
use domain::rules::Rules;

use super::filter;

fn filter_of(rules: &str) -> Document {
    let rules: Rules = rules.parse().unwrap();
    filter(&rules.at(Timestamp::EPOCH))
}

#[test]
fn conditions_stay_plain_comparisons() {
    assert_eq!(
        filter_of("total_spend > 10000 AND order_count >= 3"),
        doc! {"$and": [{"total_spend": {"$gt": 10_000i64}}, {"order_count": {"$gte": 3i64}}]}
    );
    assert_eq!(filter_of("city = Rome"), doc! {"city": "Rome"});
    assert_eq!(filter_of("tags contains vip"), doc! {"tags": "vip"});
}

#[test]
fn a_negation_is_pushed_down_to_the_conditions() {
    assert_eq!(
        filter_of("NOT (total_spend > 10000 OR order_count < 3)"),
        doc! {"$and": [{"total_spend": {"$lte": 10_000i64}}, {"order_count": {"$gte": 3i64}}]}
    );
}

#[test]
fn an_absent_count_is_zero() {
    let few = doc! {"events.visit.count": {"$not": {"$gte": 3i64}}};
    assert_eq!(filter_of("visits < 3"), few);
    assert_eq!(filter_of("NOT (visits >= 3)"), few);
    assert_eq!(
        filter_of("visits > 0"),
        doc! {"events.visit.count": {"$gt": 0i64}}
    );
    assert_eq!(filter_of("visits notNull"), doc! {"$alwaysTrue": 1});
}

#[test]
fn text_from_a_client_is_only_ever_a_value() {
    assert_eq!(filter_of(r#"name = "$where""#), doc! {"name": "$where"});
    assert_eq!(
        filter_of(r#"name contains ".*""#),
        doc! {"folded.name": {"$regex": r"\.\*"}}
    );
}
