//! Words between two terms, collected before the second one is read.

use std::ops::Range;

use super::scan::Joint;
use super::term::Conjunction;

/// Words before a term, since the previous one.
#[derive(Default)]
pub(super) struct WordsBefore {
    pub(super) comma: bool,
    pub(super) word: Option<Conjunction>,
    pub(super) who: bool,
    pub(super) people: bool,
    /// True if a noun ended the terms before: "vip customers or …".
    pub(super) noun: bool,
    pub(super) be: bool,
    pub(super) have: bool,
    pub(super) not: bool,
    pub(super) never: bool,
    pub(super) either: bool,
    pub(super) neither: bool,
    pub(super) nor: bool,
    pub(super) except: bool,
    pub(super) tokens: Range<usize>,
}

impl WordsBefore {
    /// Adds a word. Returns false if it cannot follow the words before it.
    pub(super) fn accept(&mut self, joint: Joint) -> bool {
        let is_negated = self.not || self.never;
        let parts = [
            Joint::Comma,
            Joint::And,
            Joint::Or,
            Joint::But,
            Joint::Except,
        ];
        let is_only_noun =
            self.people && self.is_nothing() && !self.noun && !self.not && !self.have;
        if parts.contains(&joint) && is_only_noun {
            (self.people, self.noun) = (false, true);
        }
        match joint {
            Joint::Filler | Joint::All => true,
            Joint::Comma => self.is_bare() && set_once(&mut self.comma),
            Joint::And => self.accept_conjunction(Conjunction::And),
            Joint::Or => self.accept_conjunction(Conjunction::Or),
            Joint::But => self.accept_conjunction(Conjunction::But),
            Joint::Nor => self.accept_conjunction(Conjunction::And) && set_once(&mut self.nor),
            Joint::Except => self.word.is_none() && !self.who && set_once(&mut self.except),
            Joint::Who => !self.be && !self.not && set_once(&mut self.who),
            Joint::People | Joint::Everyone => !self.be && set_once(&mut self.people),
            Joint::Be => !self.not && set_once(&mut self.be),
            Joint::Have => !self.not && !self.be && set_once(&mut self.have),
            Joint::Not => !self.never && set_once(&mut self.not),
            Joint::Never => !self.not && set_once(&mut self.never),
            Joint::Either => set_once(&mut self.either),
            Joint::Neither => !is_negated && set_once(&mut self.neither),
            Joint::Open | Joint::Close | Joint::Lead | Joint::Stop => false,
        }
    }

    pub(super) fn is_bare(&self) -> bool {
        self.word.is_none() && !self.who && !self.people && !self.be && !self.not
    }

    /// Returns whether no word connects the next term to the previous one.
    pub(super) fn is_nothing(&self) -> bool {
        self.word.is_none() && !self.who && !self.be && !self.comma && !self.except
    }

    /// Returns whether the next term directly follows the previous one.
    pub(super) fn joins_nothing(&self) -> bool {
        self.is_bare() && !self.comma && !self.except
    }

    fn accept_conjunction(&mut self, word: Conjunction) -> bool {
        let fits = self.is_bare() && !self.except;
        self.word = Some(word);
        fits
    }
}

/// Sets a flag. Returns whether it was not set before.
fn set_once(flag: &mut bool) -> bool {
    !std::mem::replace(flag, true)
}
