//! The words that stand before a term.

use std::ops::Range;

use super::resolve::Word;
use super::scan::Joint;

/// The words before a term.
#[derive(Default)]
pub(super) struct Before {
    pub(super) comma: bool,
    pub(super) word: Option<Word>,
    pub(super) who: bool,
    pub(super) people: bool,
    /// Whether a noun ended what is before: "vip customers or …".
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

impl Before {
    /// Notes one more word; whether it may stand behind those before it.
    pub(super) fn take(&mut self, joint: Joint) -> bool {
        let is_negated = self.not || self.never;
        let parts = [
            Joint::Comma,
            Joint::And,
            Joint::Or,
            Joint::But,
            Joint::Except,
        ];
        if parts.contains(&joint) && self.is_noun() {
            (self.people, self.noun) = (false, true);
        }
        match joint {
            Joint::Filler | Joint::All => true,
            Joint::Comma => self.is_bare() && first(&mut self.comma),
            Joint::And => self.takes_word(Word::And),
            Joint::Or => self.takes_word(Word::Or),
            Joint::But => self.takes_word(Word::But),
            Joint::Nor => self.takes_word(Word::And) && first(&mut self.nor),
            Joint::Except => self.word.is_none() && !self.who && first(&mut self.except),
            Joint::Who => !self.be && !self.not && first(&mut self.who),
            Joint::People | Joint::Everyone => !self.be && first(&mut self.people),
            Joint::Be => !self.not && first(&mut self.be),
            Joint::Have => !self.not && !self.be && first(&mut self.have),
            Joint::Not => !self.never && first(&mut self.not),
            Joint::Never => !self.not && first(&mut self.never),
            Joint::Either => first(&mut self.either),
            Joint::Neither => !is_negated && first(&mut self.neither),
            Joint::Open | Joint::Close | Joint::Lead | Joint::Stop => false,
        }
    }

    pub(super) fn is_bare(&self) -> bool {
        self.word.is_none() && !self.who && !self.people && !self.be && !self.not
    }

    /// Whether there is nothing but a noun.
    fn is_noun(&self) -> bool {
        self.people && self.is_nothing() && !self.noun && !self.not && !self.have
    }

    /// Whether nothing ties what follows to what is before.
    pub(super) fn is_nothing(&self) -> bool {
        self.word.is_none() && !self.who && !self.be && !self.comma && !self.except
    }

    /// Whether what follows just stands behind what is before.
    pub(super) fn joins_nothing(&self) -> bool {
        self.is_bare() && !self.comma && !self.except
    }

    fn takes_word(&mut self, word: Word) -> bool {
        let fits = self.is_bare() && !self.except;
        self.word = Some(word);
        fits
    }
}

/// Sets what is not set yet.
fn first(flag: &mut bool) -> bool {
    !std::mem::replace(flag, true)
}
