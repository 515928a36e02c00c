//! The shape of filters: what MongoDB's planner gets to see.

use bson::{Document, doc};
use domain::Timestamp;
use domain::rules::Rules;

use super::filter;

fn of(rules: &str) -> Document {
    let rules: Rules = rules.parse().unwrap();
    filter(&rules.at(Timestamp::EPOCH))
}

#[test]
fn conditions_stay_plain_comparisons() {
    assert_eq!(
        of("total_spend > 10000 AND order_count >= 3"),
        doc! {"$and": [{"total_spend": {"$gt": 10_000i64}}, {"order_count": {"$gte": 3i64}}]}
    );
    assert_eq!(of("city = Rome"), doc! {"city": "Rome"});
    assert_eq!(of("tags contains vip"), doc! {"tags": "vip"});
}

#[test]
fn a_negation_goes_down_to_the_conditions() {
    assert_eq!(
        of("NOT (total_spend > 10000 OR order_count < 3)"),
        doc! {"$and": [{"total_spend": {"$lte": 10_000i64}}, {"order_count": {"$gte": 3i64}}]}
    );
}

#[test]
fn a_count_that_is_not_there_is_nought() {
    let few = doc! {"events.visit.count": {"$not": {"$gte": 3i64}}};
    assert_eq!(of("visits < 3"), few);
    assert_eq!(of("NOT (visits >= 3)"), few);
    assert_eq!(of("visits > 0"), doc! {"events.visit.count": {"$gt": 0i64}});
    assert_eq!(of("visits notNull"), doc! {"$alwaysTrue": 1});
}

#[test]
fn what_a_client_wrote_is_never_more_than_a_value() {
    assert_eq!(of(r#"name = "$where""#), doc! {"name": "$where"});
    assert_eq!(
        of(r#"name contains ".*""#),
        doc! {"folded.name": {"$regex": r"\.\*"}}
    );
}
