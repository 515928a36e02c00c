//! Since when customers are customers.

use domain::rules::Operator;

use super::Manner::{Noun, Post, Verb};
use super::{Row, Said, means, timed};
use crate::builtin::meaning::Meaning;
use crate::builtin::quantities::Bound;
use crate::builtin::slots::Slot;

const DAYS: &str = "days_since_registered";
const AT: &str = "registered_at";

const HOW_LONG: &str = "it is not said since when";

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    (Verb, "[@have] [newly|recently|first] @join (<recently>|<ago>|<dates>)", |_, s| when(s)),
    (Noun, "(new|newly registered|recently registered) (@people|signups|sign ups|registrations) (<recently>|<dates>)", |_, s| when(s)),
    (Noun, "(signups|sign ups|registrations) (<recently>|<dates>)", |_, s| when(s)),
    (Post, "[@have] been ([a|our] (customer|customers)|with us|registered|around) (for <lengths>|<dates>)", |_, s| when(s)),
    (Post, "[@having] (registration|sign up|signup) [date] [is|was] (<recently>|<ago>|<dates>)", |_, s| when(s)),
    (Noun, "(customer|customers) for <lengths>", |_, s| when(s)),
    (Noun, "(customer|customers) <dates>", |_, s| since(s)),
    (Verb, "[@have] @join", |_, _| means(Meaning::not_null(AT))),
    (Noun, "(new|recent|old|long time) @people", |_, _| Some(Said::Refused(HOW_LONG))),
];

/// "customers since 2025", not "customers in 2025".
fn since(slots: &[Slot]) -> Option<Said> {
    let is_since = |bound: &Bound| bound.operator == Operator::AtLeast;
    match slots {
        [Slot::Dates(bounds)] if bounds.iter().all(is_since) => when(slots),
        _ => None,
    }
}

fn when(slots: &[Slot]) -> Option<Said> {
    means(timed(DAYS, AT, slots.first()?)?)
}
