//! Phrases about visits: how often and since when.

use domain::rules::Operator;

use super::spend::high;
use crate::Measure;
use crate::builtin::meaning::Meaning;
use crate::builtin::phrase::Manner::{Noun, Post, Verb};
use crate::builtin::phrase::{Interpretation, PhraseRow, means, or_more, until, within};
use crate::builtin::slots::Slot;

const COUNT: &str = "visits";
const LAST: &str = "events.visit.last_at";

const BY_DATE: &str = "rules support the date of the last visit, not the number of days since then";
const LAST_ONLY: &str = "rules support the total number of visits and the date of the last visit";

#[rustfmt::skip]
pub(super) const ROWS: &[PhraseRow] = &[
    (Verb, "[@have] [only|just] @visited [@where] <times> [@where] [in total] [@yet]", |_, s| within(COUNT, s)),
    (Verb, "(visit|visits|visiting) [@where] <times>", |_, s| within(COUNT, s)),
    (Verb, "[@have] @made <count> visits [to @where]", |_, s| within(COUNT, s)),
    (Post, "[@having] [only|just] <count> (visits|visit) [to @where] [in total] [@yet]", |_, s| within(COUNT, s)),
    (Post, "[@having] <count> visits or more", |_, s| or_more(COUNT, s)),
    (Verb, "did visit [@where] [at least once]", |_, _| means(Meaning::is(COUNT, Operator::AtLeast, 1))),
    (Post, "[@having] [number of|total] visits [is|was|of] <count>", |_, s| within(COUNT, s)),
    (Verb, "[@have] @visited [@where] [at least once|already|before]", |_, _| means(Meaning::is(COUNT, Operator::AtLeast, 1))),
    (Verb, "[@have] (not|never) [yet] @visited [@where] [@yet]", |_, _| none()),
    (Verb, "(did|do|does) not visit [@where] [@yet]", |_, _| none()),
    (Verb, "(did|do|does) not visit [@where] <dates>", |_, s| silent(s)),
    (Verb, "(did|do|does) not visit [@where] <silence>", |_, _| Some(Interpretation::Refused(BY_DATE))),
    (Post, "([@having] (no|zero)|without|without any) (visit|visits) [@yet]", |_, _| none()),
    (Post, "(with|have|has|had|having) (visits|any visits)", |_, _| means(Meaning::is(COUNT, Operator::AtLeast, 1))),
    (Noun, "visitors", |_, _| means(Meaning::is(COUNT, Operator::AtLeast, 1))),
    (Noun, "[most] frequent visitors", |s, _| high(s, Measure::Visits, 20)),
    (Verb, "(visit|visits|visiting) [@where] (often|frequently)", |s, _| high(s, Measure::Visits, 20)),
    (Verb, "frequently (visit|visits) [@where]", |s, _| high(s, Measure::Visits, 20)),

    (Verb, "[@have] @visited [@where] <dates>", |_, s| some(s)),
    (Verb, "[@have] last visited [@where] <dates>", |_, s| within(LAST, s)),
    (Post, "[@having] [their] (last|latest|most recent) visit [is|was] <dates>", |_, s| within(LAST, s)),
    (Verb, "[@have] not @visited [@where] <dates>", |_, s| silent(s)),
    (Post, "([@having] no|without|without any) (visit|visits) <dates>", |_, s| silent(s)),
    (Verb, "[@have] [not|last|first] @visited [@where] (<within>|<silence>|<recently>|<ago>)", |_, _| Some(Interpretation::Refused(BY_DATE))),
    (Post, "([@having] no|without|without any|last|latest) (visit|visits) [is|was] (<within>|<silence>|<recently>|<ago>)", |_, _| Some(Interpretation::Refused(BY_DATE))),
    (Verb, "[@have] @visited [@where] <times> [@where] (<within>|<dates>|<ago>)", |_, _| Some(Interpretation::Refused(LAST_ONLY))),
    (Post, "[@having] <count> (visits|visit) (<within>|<dates>|<ago>)", |_, _| Some(Interpretation::Refused(LAST_ONLY))),
];

fn none() -> Option<Interpretation> {
    means(Meaning::is(COUNT, Operator::Equal, 0))
}

/// Creates the condition that there was a visit since a date. Other times are rejected,
/// since only the last visit is known.
fn some(slots: &[Slot]) -> Option<Interpretation> {
    let [Slot::Dates(bounds)] = slots else {
        return None;
    };
    match bounds.first()?.operator {
        Operator::AtLeast | Operator::Greater => within(LAST, slots),
        _ => Some(Interpretation::Refused(LAST_ONLY)),
    }
}

fn silent(slots: &[Slot]) -> Option<Interpretation> {
    let [Slot::Dates(bounds)] = slots else {
        return None;
    };
    let Some(bound) = bounds.first().and_then(until) else {
        return Some(Interpretation::Refused(LAST_ONLY));
    };
    let before = Meaning::within(LAST, vec![bound]);
    means(Meaning::any(vec![before, Meaning::null(LAST)]))
}
