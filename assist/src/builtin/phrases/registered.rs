//! Since when customers are customers.

use super::Manner::{Noun, Post, Verb};
use super::{Row, Said, means, timed};
use crate::builtin::meaning::Meaning;
use crate::builtin::pattern::Slot;

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
    (Verb, "[@have] @join", |_, _| means(Meaning::not_null(AT))),
    (Noun, "(new|recent|old|long time) @people", |_, _| Some(Said::Refused(HOW_LONG))),
];

fn when(slots: &[Slot]) -> Option<Said> {
    means(timed(DAYS, AT, slots.first()?)?)
}
