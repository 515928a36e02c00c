//! Phrases about tags and contact data.

use domain::rules::Operator;

use crate::builtin::meaning::Meaning;
use crate::builtin::phrase::Manner::{Adjective, Free, Noun, Post, Verb};
use crate::builtin::phrase::{Interpretation, PhraseRow, means, meant};
use crate::builtin::rejection::TWO_WAYS;
use crate::builtin::slots::Slot;

#[rustfmt::skip]
pub(super) const ROWS: &[PhraseRow] = &[
    (Post, "(tagged|tagged as|tagged with|marked|marked as|labelled|labelled as|labeled|labeled as|having tag|with tag|with the tag|with tags|with the tags|have the tag|has the tag|having the tag) <tags>", |_, s| tagged(s)),
    (Post, "(without|without the|with no|do not have the|does not have the) (tag|tags) <tags>", |_, s| untagged(s)),
    (Post, "(with|having|have|has) [the|a] <tag> tag", |_, s| tagged(s)),
    (Post, "(without|without the|without a|do not have the|does not have the) <tag> tag", |_, s| untagged(s)),
    (Adjective, "<tag> tagged", |_, s| tagged(s)),
    (Post, "(without|without any|with no|have no|has no|no) tags", |_, _| means(Meaning::null("tags"))),
    (Free, "untagged", |_, _| means(Meaning::null("tags"))),
    (Adjective, "<tag>", |_, s| tagged(s)),
    (Noun, "<tagged>", |_, s| tagged(s)),

    (Post, "(with|have|has|having|a|an|with a|with an|have a|have an|has a|has an|having a|having an|with their) (email|e mail) [address|addresses|id|ids] [on file]", |_, _| means(Meaning::not_null("email"))),
    (Post, "(with|have|has|having|a|with a|have a|has a|having a|with their) [valid] (phone|(phone|mobile|telephone|contact) (number|numbers)) [on file]", |_, _| means(Meaning::not_null("phone"))),
    (Post, "(no|without|without a|without an|without any|with no|have no|has no|having no|missing|missing an|do not have|do not have an|do not have any|does not have an) (email|e mail) [address|addresses|id|ids] [on file]", |_, _| means(Meaning::null("email"))),
    (Post, "(no|without|without a|without any|with no|have no|has no|having no|missing|missing a|do not have|do not have a|do not have any|does not have a) (phone|(phone|mobile|telephone|contact) (number|numbers)) [on file]", |_, _| means(Meaning::null("phone"))),

    (Free, "[@have] [been] (unsubscribed|opted out) [from us|from our emails|from our messages|from emails|from messages|of our emails]", |_, _| unsubscribed(true)),
    (Free, "[still] subscribed", |_, _| unsubscribed(false)),
    (Verb, "[@have] not (unsubscribed|opted out)", |_, _| unsubscribed(false)),
    (Verb, "did not (unsubscribe|opt out)", |_, _| unsubscribed(false)),
    (Noun, "subscribers", |_, _| unsubscribed(false)),
    (Noun, "<tag> subscribers", |_, _| Some(Interpretation::Refused(TWO_WAYS))),
    (Noun, "unsubscribers", |_, _| unsubscribed(true)),
    (Adjective, "loyal", |_, _| Some(Interpretation::Refused("the request does not say what makes a customer loyal"))),
];

fn tagged(slots: &[Slot]) -> Option<Interpretation> {
    means(meant(slots)?)
}

fn untagged(slots: &[Slot]) -> Option<Interpretation> {
    match meant(slots)? {
        Meaning::All(_) => Some(Interpretation::Refused(TWO_WAYS)),
        tags => means(tags.contrary()),
    }
}

fn unsubscribed(value: bool) -> Option<Interpretation> {
    means(Meaning::is("unsubscribed", Operator::Equal, value))
}
