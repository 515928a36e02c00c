//! Phrases about when customers registered.

use domain::rules::Operator;

use crate::builtin::meaning::Meaning;
use crate::builtin::phrase::Manner::{Noun, Post, Verb};
use crate::builtin::phrase::{Interpretation, PhraseRow, means, timed};
use crate::builtin::quantities::Bound;
use crate::builtin::slots::Slot;

const DAYS: &str = "days_since_registered";
const AT: &str = "registered_at";

const HOW_LONG: &str = "the request does not say since when";

#[rustfmt::skip]
pub(super) const ROWS: &[PhraseRow] = &[
    (Verb, "[@have] [newly|recently|first] @join (<recently>|<ago>|<dates>)", |_, s| when(s)),
    (Noun, "(new|newly registered|recently registered) (@people|signups|sign ups|registrations) (<recently>|<dates>)", |_, s| when(s)),
    (Noun, "(signups|sign ups|registrations) (<recently>|<dates>)", |_, s| when(s)),
    (Post, "[@have] been ([a|our] (customer|customers)|with us|registered|around) (for <lengths>|<dates>)", |_, s| when(s)),
    (Post, "[@having] (registration|sign up|signup) [date] [is|was] (<recently>|<ago>|<dates>)", |_, s| when(s)),
    (Noun, "(customer|customers) for <lengths>", |_, s| when(s)),
    (Noun, "(customer|customers) <dates>", |_, s| since(s)),
    (Verb, "[@have] @join", |_, _| means(Meaning::not_null(AT))),
    (Noun, "(new|recent|old|long time) @people", |_, _| Some(Interpretation::Refused(HOW_LONG))),
];

/// Accepts "customers since 2025", but not "customers in 2025".
fn since(slots: &[Slot]) -> Option<Interpretation> {
    let is_since = |bound: &Bound| bound.operator == Operator::AtLeast;
    match slots {
        [Slot::Dates(bounds)] if bounds.iter().all(is_since) => when(slots),
        _ => None,
    }
}

fn when(slots: &[Slot]) -> Option<Interpretation> {
    means(timed(DAYS, AT, slots.first()?)?)
}
