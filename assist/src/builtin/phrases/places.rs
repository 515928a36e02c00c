//! Phrases about where customers live.

use crate::builtin::phrase::Manner::{Adjective, Place, Post};
use crate::builtin::phrase::{Interpretation, PhraseRow, means, meant};
use crate::builtin::slots::Slot;

#[rustfmt::skip]
pub(super) const ROWS: &[PhraseRow] = &[
    (Place, "(from|in|within|across) <places>", |_, s| there(s)),
    (Post, "(living|live|lives|based|located|residing|reside|resides|situated|stay|stays|staying) in <places>", |_, s| there(s)),
    (Post, "[living|live|lives|based|located|residing|from] outside [of] <places>", |_, s| elsewhere(s)),
    (Post, "(do|does) not (live|reside) in <places>", |_, s| elsewhere(s)),
    (Post, "[whose] (city|country) is <places>", |_, s| there(s)),
    (Post, "[whose] (city|country) is not <places>", |_, s| elsewhere(s)),
    (Post, "(residents of|hailing from|belonging to) <places>", |_, s| there(s)),
    (Adjective, "<place> based", |_, s| there(s)),
    (Adjective, "<places>", |_, s| there(s)),
];

fn there(slots: &[Slot]) -> Option<Interpretation> {
    means(meant(slots)?)
}

fn elsewhere(slots: &[Slot]) -> Option<Interpretation> {
    means(meant(slots)?.contrary())
}
