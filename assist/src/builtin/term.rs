//! Terms of a request: phrases with the words before them.

use std::ops::Range;

use super::meaning::Meaning;
use super::numbers::is_number;
use super::phrase::Manner;
use super::rejection::{Rejection, TWO_WAYS};
use super::words::{Token, TokenKind};

/// Conjunction between two terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conjunction {
    And,
    Or,
    But,
}

/// Phrase, with the words before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) meaning: Meaning,
    pub(super) manner: Manner,
    pub(super) tokens: Range<usize>,
    /// True if the phrase compares with a number.
    pub(super) is_measured: bool,
    /// True if the phrase says when or how often.
    pub(super) is_adverbial: bool,
    pub(super) opening: Opening,

    /// Index of the first token that joins the term to the one before.
    pub(super) start: usize,
    /// Conjunction that joins the term to the one before.
    pub(super) word: Option<Conjunction>,
    pub(super) comma: bool,
    pub(super) who: bool,
    /// True if the term may begin a new group of people.
    pub(super) is_group: bool,
    /// True if "either" precedes the term.
    pub(super) is_either: bool,
    /// True if "are" precedes the term.
    pub(super) be: bool,
    /// True if the term has its own "who" or auxiliary.
    pub(super) has_own_verb: bool,

    /// True if the term contains a negation, or one precedes it.
    pub(super) is_negative: bool,
    /// True if the negation precedes the term.
    pub(super) is_prefixed: bool,
    pub(super) is_neither: bool,
    pub(super) has_nor: bool,

    /// True if an adjective is predicated: a word such as "are" or "not" applies to it.
    pub(super) is_said: bool,
    /// True if the noun of an adjective follows.
    pub(super) has_noun: bool,
    /// True if the term is one of several alternatives before a noun.
    pub(super) is_grouped: bool,
}

impl Term {
    /// Creates a term that needs no noun or verb.
    pub(super) fn closed(meaning: Meaning, tokens: Range<usize>) -> Self {
        Self {
            meaning,
            manner: Manner::Post,
            start: tokens.start,
            tokens,
            is_measured: false,
            is_adverbial: false,
            opening: Opening::Other,
            word: None,
            comma: false,
            who: false,
            is_group: false,
            is_either: false,
            be: false,
            has_own_verb: true,
            is_negative: false,
            is_prefixed: false,
            is_neither: false,
            has_nor: false,
            is_said: false,
            has_noun: false,
            is_grouped: false,
        }
    }

    /// Returns whether the term is a noun for customers.
    pub(super) fn is_noun(&self) -> bool {
        matches!(self.manner, Manner::Noun | Manner::Share)
    }

    /// Returns whether the term is an adjective that could belong to a noun after it.
    pub(super) fn is_open(&self) -> bool {
        !self.has_noun && matches!(self.manner, Manner::Adjective | Manner::Free)
    }

    /// Returns whether the term is complete: an adjective has its noun or verb, and
    /// "neither" its "nor".
    pub(super) fn is_placed(&self) -> bool {
        let has_owner = self.has_noun || self.is_said;
        (self.manner != Manner::Adjective || has_owner) && self.is_neither == self.has_nor
    }
}

/// Kind of the first word of a phrase, as the check of scope needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// Number: `3 visits`.
    Number,
    /// Article: `an email`.
    Article,
    Other,
}

impl Opening {
    pub(super) fn of(phrase: &[Token]) -> Self {
        match phrase.first().map(|token| &token.kind) {
            Some(TokenKind::Number(_)) => Self::Number,
            Some(TokenKind::Word(word)) => match word.as_str() {
                "a" | "an" | "any" => Self::Article,
                word if is_number(word) => Self::Number,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

/// Creates the rejection of an ambiguous term, together with its conjunction.
pub(super) fn ambiguous(term: &Term) -> Rejection {
    Rejection {
        tokens: term.start..term.tokens.end,
        reason: TWO_WAYS,
    }
}
