//! Phrases about orders: how often and when.

use domain::rules::Operator;

use super::spend::high;
use crate::Measure;
use crate::builtin::meaning::Meaning;
use crate::builtin::phrase::Manner::{Free, Noun, Post, Verb};
use crate::builtin::phrase::{
    Interpretation, PhraseRow, exactly, means, or_more, timed, until, within,
};
use crate::builtin::slots::Slot;

const COUNT: &str = "order_count";
const DAYS: &str = "days_since_last_order";
const LAST: &str = "last_order_at";
const FIRST: &str = "first_order_at";

const NO_WINDOW: &str = "rules support the total number of orders, not the number within a period";
const FIRST_OR_LAST: &str =
    "rules support the first and the last order: say \"last ordered\" or \"first ordered\"";
const FIRST_BY_DATE: &str =
    "rules support the date of the first order, not the number of days since then";
const HOW_LONG: &str = "the request does not say for how long";

#[rustfmt::skip]
pub(super) const ROWS: &[PhraseRow] = &[
    (Verb, "[@have] [only|just] @buy [@thing] [@us] <times> [@us|in total] [@yet]", |_, s| within(COUNT, s)),
    (Post, "[@having] <count> @order only", |_, s| exactly(COUNT, s)),
    (Verb, "[@have] @buy [@thing] [@us] <times> only", |_, s| exactly(COUNT, s)),
    (Post, "[@having] <count> @order or more", |_, s| or_more(COUNT, s)),
    (Verb, "@tobuy [@us] <times>", |_, s| within(COUNT, s)),
    (Verb, "[@have] [only|just] @made <count> @order [@us] [in total] [@yet]", |_, s| within(COUNT, s)),
    (Post, "[@having] [only|just] <count> @order [@us] [in total] [@yet]", |_, s| within(COUNT, s)),
    (Post, "[@having] [total] (number of @order|order count) [is|was|of] <count>", |_, s| within(COUNT, s)),
    (Verb, "[@have] @buy [@thing] [@us] [at least once|already|before]", |_, _| at_least(1)),
    (Verb, "[@have] @made @any @order [@us] [already|before]", |_, _| at_least(1)),
    (Post, "[with|have|has|had|having] @any @order [@us]", |_, _| at_least(1)),
    (Verb, "did (order|buy|purchase|shop) [@thing] [@us] [at least once]", |_, _| at_least(1)),
    (Verb, "[@have] @buy nothing [@us] [@yet]", |_, _| none()),
    (Post, "(with|have|has|had|having) (orders|purchases)", |_, _| at_least(1)),
    (Noun, "(buyers|purchasers)", |_, _| at_least(1)),
    (Noun, "non (buyers|purchasers)", |_, _| none()),
    (Verb, "[@have] (not|never) [yet] @buy [@thing] [@us] [@yet]", |_, _| none()),
    (Verb, "did not @tobuy [@thing] [@us] [@yet]", |_, _| none()),
    (Verb, "[@have] (not|never) [yet] @made (@any|their first) @order [@us] [@yet]", |_, _| none()),
    (Post, "([@having] (no|zero)|without|without @any|do not have @any) @order [@us] [@yet]", |_, _| none()),
    (Noun, "(one time|first time|single order|single purchase) (buyers|customers|shoppers|purchasers)", |_, _| means(Meaning::is(COUNT, Operator::Equal, 1))),
    (Noun, "(one time|first time|single order|single purchase) (buyers|customers|shoppers|purchasers) <recently>", |_, s| once(s)),
    (Noun, "repeat (buyers|customers|shoppers|purchasers)", |_, _| at_least(2)),
    (Noun, "[most] frequent (buyers|shoppers|purchasers)", |s, _| high(s, Measure::OrderCount, 20)),
    (Verb, "@tobuy [@us] (often|frequently)", |s, _| high(s, Measure::OrderCount, 20)),
    (Verb, "frequently @tobuy [@us]", |s, _| high(s, Measure::OrderCount, 20)),

    (Verb, "[@have] @buy [@thing] [@us] [at least once] <recently>", |_, s| last(s)),
    (Verb, "[@have] @made @any @order [@us] <recently>", |_, s| last(s)),
    (Post, "[@having] (@any|at least one) @order [@us] <recently>", |_, s| last(s)),
    (Verb, "[@have] @buy [@thing] [@us] <recently> but not <silence>", |_, s| last(s)),
    (Verb, "[@have] @made @any @order [@us] <recently> but not <silence>", |_, s| last(s)),
    (Verb, "[@have] @buy [@thing] [@us] <dates>", |_, s| some(s)),
    (Verb, "[@have] @made @any @order [@us] <dates>", |_, s| some(s)),
    (Post, "[@having] @any @order [@us] <dates>", |_, s| some(s)),
    (Verb, "[@have] @buy [@thing] [@us] <ago>", |_, _| Some(Interpretation::Refused(FIRST_OR_LAST))),
    (Verb, "[@have] @made @any @order [@us] <ago>", |_, _| Some(Interpretation::Refused(FIRST_OR_LAST))),
    (Verb, "[@have] @buy [@thing] [@us] <times> (<within>|<recently>|<ago>|<dates>)", |_, _| Some(Interpretation::Refused(NO_WINDOW))),
    (Verb, "[@have] @made <count> @order [@us] (<within>|<recently>|<ago>|<dates>)", |_, _| Some(Interpretation::Refused(NO_WINDOW))),
    (Post, "[@having] <count> @order [@us] (<within>|<recently>|<ago>|<dates>)", |_, _| Some(Interpretation::Refused(NO_WINDOW))),

    (Verb, "[@have] (last|most recently) (@buy|visited and ordered) [@us] (<recently>|<ago>|<dates>)", |_, s| last(s)),
    (Post, "[@having] [their] (last|latest|most recent) (order|purchase) [date] [is|was|were|made|placed|being] (<recently>|<ago>|<dates>)", |_, s| last(s)),
    (Verb, "[@have] first @buy [@us] <dates>", |_, s| within(FIRST, s)),
    (Post, "[@having] [their] first (order|purchase) [is|was|made|placed] <dates>", |_, s| within(FIRST, s)),
    (Verb, "@made their first (order|purchase) <dates>", |_, s| within(FIRST, s)),
    (Verb, "[@have] first @buy [@us] (<recently>|<ago>)", |_, _| Some(Interpretation::Refused(FIRST_BY_DATE))),
    (Post, "[@having] [their] first (order|purchase) [is|was|made|placed] (<recently>|<ago>)", |_, _| Some(Interpretation::Refused(FIRST_BY_DATE))),

    (Verb, "[@have] not @buy [@thing] [@us] (<silence>|<dates>)", |_, s| silent(s)),
    (Verb, "(did|do|does) not @tobuy [@thing] [@us] (<silence>|<dates>)", |_, s| silent(s)),
    (Verb, "[@have] not @made (@any) @order [@us] (<silence>|<dates>)", |_, s| silent(s)),
    (Verb, "(did|do|does) not (make|place) (@any) @order [@us] (<silence>|<dates>)", |_, s| silent(s)),
    (Post, "([@having] (no|zero)|without|without @any) @order [@us] (<silence>|<dates>)", |_, s| silent(s)),
    (Free, "[@have been|been|@have gone|gone] (inactive|dormant|lapsed|quiet|silent|cold) <silence>", |_, s| last(s)),
    (Free, "[@have been|been|@have gone|gone] (inactive|dormant|lapsed|quiet|silent|cold) [for] <lengths>", |_, s| last(s)),
    (Free, "[@have been|been|@have gone|gone] (inactive|dormant|lapsed|quiet|silent|cold) <dates>", |_, s| inactive(s)),
    (Free, "(inactive|dormant|lapsed|churned|active|quiet)", |_, _| Some(Interpretation::Refused(HOW_LONG))),
];

fn at_least(count: i64) -> Option<Interpretation> {
    means(Meaning::is(COUNT, Operator::AtLeast, count))
}

fn none() -> Option<Interpretation> {
    means(Meaning::is(COUNT, Operator::Equal, 0))
}

/// Creates the condition for exactly one order, at the time of the slot. That order is
/// also the last one.
fn once(slots: &[Slot]) -> Option<Interpretation> {
    let last = timed(DAYS, LAST, slots.first()?)?;
    means(Meaning::all(vec![
        Meaning::is(COUNT, Operator::Equal, 1),
        last,
    ]))
}

/// Creates the condition that the last order is within all slots.
fn last(slots: &[Slot]) -> Option<Interpretation> {
    let parts = slots.iter().map(|slot| timed(DAYS, LAST, slot));
    let parts: Option<Vec<Meaning>> = parts.collect();
    means(Meaning::all(parts?))
}

/// Creates the condition that there was an order since a date. Rejects "before", which
/// could refer to the first or to the last order.
fn some(slots: &[Slot]) -> Option<Interpretation> {
    let [Slot::Dates(bounds)] = slots else {
        return None;
    };
    match bounds.first()?.operator {
        Operator::AtLeast | Operator::Greater => within(LAST, slots),
        _ => Some(Interpretation::Refused(FIRST_OR_LAST)),
    }
}

/// Creates the condition that there was no order since a time, or never one.
fn silent(slots: &[Slot]) -> Option<Interpretation> {
    let before = match slots {
        [Slot::Dates(bounds)] => match bounds.first().and_then(until) {
            Some(bound) => Meaning::within(LAST, vec![bound]),
            None => return Some(Interpretation::Refused(FIRST_OR_LAST)),
        },
        [days] => timed(DAYS, LAST, days)?,
        _ => return None,
    };
    means(Meaning::any(vec![before, Meaning::null(LAST)]))
}

/// Creates the condition that there was an order, the last one before a date.
fn inactive(slots: &[Slot]) -> Option<Interpretation> {
    let [Slot::Dates(bounds)] = slots else {
        return None;
    };
    let bound = until(bounds.first()?)?;
    means(Meaning::within(LAST, vec![bound]))
}
