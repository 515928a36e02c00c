//! Parser of a request: combines phrases and the words between them into one meaning.
//!
//! A request names people (`vip customers from Mumbai`) and may continue with what they
//! do (`who visited twice or spent over ₹5,000`): both must hold. Within each, "and"
//! binds closer than "or". Ambiguous requests are rejected.

use std::ops::Range;

use super::agree::{
    attach, check_auxiliary, check_place, close, contrary, is_said_with, nor, noun,
};
use super::before::WordsBefore;
use super::meaning::Meaning;
use super::phrase::{Interpretation, Manner, PhraseMatch};
use super::rejection::{OUT_OF_PLACE, Rejection, TWO_WAYS, refused};
use super::resolve::resolve;
use super::scan::{Joint, PromptItem, PromptPart, is_negative};
use super::term::{Opening, Term};
use super::words::{Token, TokenKind};
use domain::rules::Operator;

const TOO_DEEP: &str = "parentheses are nested too deeply";
const NOTHING: &str = "the request does not say which customers";

/// Maximum nesting of parentheses; lower than the limit of rules.
const MAX_DEPTH: usize = 7;

/// Returns the meaning of a whole request.
pub(super) fn combine(items: &[PromptItem], tokens: &[Token]) -> Result<Meaning, Rejection> {
    let mut reader = Reader {
        items,
        tokens,
        at: 0,
    };
    if reader.is_everybody() {
        return Ok(Meaning::is("order_count", Operator::AtLeast, 0));
    }
    reader.lead();
    let meaning = reader.expression(0)?;
    match reader.items.get(reader.at) {
        Some(item) => Err(refused(item.tokens.clone(), OUT_OF_PLACE)),
        None => Ok(meaning),
    }
}

struct Reader<'i> {
    items: &'i [PromptItem],
    tokens: &'i [Token],
    at: usize,
}

impl Reader<'_> {
    /// Returns whether the request is for all customers, without any condition.
    fn is_everybody(&self) -> bool {
        use Joint::{All, Everyone, Filler, Lead, People, Stop};
        let has = |joint| {
            self.items
                .iter()
                .any(|item| item.part == PromptPart::Joint(joint))
        };
        let is_plain = |item: &PromptItem| match item.part {
            PromptPart::Joint(joint) => {
                matches!(joint, All | Everyone | Filler | Lead | People | Stop)
            }
            _ => false,
        };
        self.items.iter().all(is_plain) && (has(Everyone) || has(All) && has(People))
    }

    /// Skips the introduction of the request and the punctuation at its end.
    fn lead(&mut self) {
        let is = |item: &PromptItem, joints: &[Joint]| match item.part {
            PromptPart::Joint(joint) => joints.contains(&joint),
            _ => false,
        };
        let before = [Joint::Lead, Joint::Filler, Joint::Stop, Joint::Comma];
        let lead = self.items.iter().take_while(|item| is(item, &before));
        let lead = lead.count();
        if self
            .items
            .first()
            .is_some_and(|item| is(item, &[Joint::Lead, Joint::Filler]))
        {
            self.at = lead;
        }
        while let Some((last, rest)) = self.items.split_last() {
            if !is(last, &[Joint::Stop]) || rest.len() < self.at {
                break;
            }
            self.items = rest;
        }
    }

    fn joint(&self) -> Option<Joint> {
        match self.items.get(self.at)?.part {
            PromptPart::Joint(joint) => Some(joint),
            _ => None,
        }
    }

    /// Returns whether the expression ends here.
    fn is_end(&self) -> bool {
        self.joint() == Some(Joint::Close) || self.at == self.items.len()
    }

    /// Returns the tokens of the next item, or an empty range at the end.
    fn here(&self) -> Range<usize> {
        let end = self.tokens.len();
        self.items
            .get(self.at)
            .map_or(end..end, |item| item.tokens.clone())
    }

    /// Parses terms up to a closing parenthesis or the end.
    fn expression(&mut self, depth: usize) -> Result<Meaning, Rejection> {
        if depth > MAX_DEPTH {
            return Err(refused(self.here(), TOO_DEEP));
        }
        let mut terms: Vec<Term> = Vec::new();
        loop {
            let before = self.before()?;
            // In "all but vip", "but" excludes customers, while it adds a condition
            // elsewhere.
            if terms.is_empty() && before.word.is_some() {
                return Err(refused(before.tokens, OUT_OF_PLACE));
            }
            if self.is_end() {
                self.finish(&mut terms, &before)?;
                return resolve(terms);
            }
            if before.noun {
                close(&mut terms, &before)?;
            }
            if before.people && !before.except {
                noun(&mut terms, &before)?;
            }
            let mut term = self.term(&before, depth)?;
            term.is_said |= terms.last().is_some_and(|last| is_said_with(last, &term));
            check_place(terms.last(), &term, &before)?;
            if term.is_noun() && before.joins_nothing() && terms.last().is_some_and(Term::is_open) {
                attach(&mut terms, &term.tokens)?;
            }
            match before {
                WordsBefore { nor: true, .. } => nor(&mut terms, term)?,
                WordsBefore { except: true, .. } => return self.exception(terms, term),
                _ => terms.push(term),
            }
        }
    }

    /// Finishes an expression. After the last term only its noun may follow.
    fn finish(&self, terms: &mut [Term], before: &WordsBefore) -> Result<(), Rejection> {
        let WordsBefore { people, tokens, .. } = before;
        let only_people = tokens.len() == 1 || tokens.is_empty();
        if terms.is_empty() {
            let blamed = if tokens.is_empty() {
                self.here()
            } else {
                tokens.clone()
            };
            return Err(refused(blamed, NOTHING));
        }
        if !only_people || (!people && !tokens.is_empty()) {
            return Err(refused(tokens.clone(), OUT_OF_PLACE));
        }
        let is_plain =
            |term: &Term| term.is_open() && !term.is_said && term.manner == Manner::Adjective;
        if *people || terms.iter().all(is_plain) {
            attach(terms, tokens)?;
        }
        match terms.iter().find(|term| !term.is_placed()) {
            Some(term) => Err(refused(term.tokens.clone(), OUT_OF_PLACE)),
            None => Ok(()),
        }
    }

    fn before(&mut self) -> Result<WordsBefore, Rejection> {
        let start = self.here().start;
        let mut before = WordsBefore::default();
        while let Some(joint) = self.joint() {
            if matches!(joint, Joint::Open | Joint::Close) {
                break;
            }
            if !before.accept(joint) {
                return Err(refused(self.here(), OUT_OF_PLACE));
            }
            self.at += 1;
        }
        let end = self.here().start;
        before.tokens = start..end.max(start);
        Ok(before)
    }

    /// Parses a phrase, or an expression in parentheses.
    fn term(&mut self, before: &WordsBefore, depth: usize) -> Result<Term, Rejection> {
        let here = self.here();
        let Some(item) = self.items.get(self.at) else {
            return Err(refused(here, OUT_OF_PLACE));
        };
        self.at += 1;
        let mut term = match &item.part {
            PromptPart::Joint(Joint::Open) => {
                let meaning = self.expression(depth + 1)?;
                if self.joint() != Some(Joint::Close) {
                    return Err(refused(here, "this parenthesis is not closed"));
                }
                self.at += 1;
                enclosed(meaning, here, before)?
            }
            PromptPart::Phrase(found) => self.phrase(found, item, before)?,
            _ => return Err(refused(here, OUT_OF_PLACE)),
        };
        term.start = before.tokens.start.min(term.tokens.start);
        term.word = before.word;
        term.comma = before.comma;
        term.who = before.who;
        term.is_either = before.either;
        term.is_group = before.people || (term.is_noun() && !before.be);
        Ok(term)
    }

    fn phrase(
        &self,
        found: &PhraseMatch,
        item: &PromptItem,
        before: &WordsBefore,
    ) -> Result<Term, Rejection> {
        let meaning = match &found.said {
            Interpretation::Means(meaning) => meaning.clone(),
            Interpretation::Refused(reason) => return Err(refused(item.tokens.clone(), reason)),
        };
        let phrase = self.tokens.get(item.tokens.clone()).unwrap_or_default();
        let mut term = Term::closed(meaning, item.tokens.clone());
        term.manner = found.manner;
        term.is_measured = found.is_measured;
        term.is_adverbial = found.is_adverbial;
        term.opening = Opening::of(phrase);
        term.has_own_verb = before.who || before.be || before.have || starts_with_have(phrase);
        term.is_said = before.be || before.not || before.neither || before.nor || before.except;
        term.be = before.be;
        term.is_negative = is_negative(phrase) || before.not || before.never;
        term.is_prefixed = before.not || before.neither || before.nor;
        term.is_neither = before.neither;
        check_auxiliary(before, &term)?;
        if before.not || before.never || before.neither || before.nor {
            term.meaning = contrary(&term, before)?;
        }
        Ok(term)
    }

    /// Parses "… except TERM". The term must be the last one.
    fn exception(&mut self, mut terms: Vec<Term>, mut term: Term) -> Result<Meaning, Rejection> {
        while matches!(
            self.joint(),
            Some(Joint::People | Joint::Filler | Joint::Stop)
        ) {
            self.at += 1;
        }
        if !self.is_end() {
            return Err(refused(self.here(), TWO_WAYS));
        }
        term.is_said = true;
        let without = term.meaning.contrary();
        if terms.is_empty() {
            return Ok(without);
        }
        self.finish(&mut terms, &WordsBefore::default())?;
        Ok(Meaning::all(vec![resolve(terms)?, without]))
    }
}

/// Creates the term of an expression in parentheses, negated if "not" precedes it.
fn enclosed(meaning: Meaning, at: Range<usize>, before: &WordsBefore) -> Result<Term, Rejection> {
    if before.never || before.have || before.be && !before.not {
        return Err(refused(before.tokens.clone(), OUT_OF_PLACE));
    }
    let mut term = Term::closed(meaning, at);
    term.is_neither = before.neither;
    if before.not || before.neither || before.nor {
        term.meaning = term.meaning.contrary();
    }
    Ok(term)
}

fn starts_with_have(phrase: &[Token]) -> bool {
    match phrase.first().map(|token| &token.kind) {
        Some(TokenKind::Word(word)) => {
            ["have", "has", "had", "did", "do", "does", "'s"].contains(&word.as_str())
        }
        _ => false,
    }
}
