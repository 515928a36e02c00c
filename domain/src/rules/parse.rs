//! Parser of rules as text:
//! `total_spend > 10000 AND (visits < 3 OR city = "Rome")`.
//!
//! ```text
//! rules     = any
//! any       = all { OR all }
//! all       = one { AND one }
//! one       = [ NOT ] ( "(" any ")" | condition )
//! condition = field operator [ value ]
//!           | field between value AND value
//!           | field in "(" value { "," value } ")"
//! ```
//!
//! AND, OR, and NOT are case-insensitive. A text value needs no quotes if it is
//! a single word.

use std::str::FromStr;

use serde_json::Value as Json;

use super::error::{RuleError, RuleErrors, quoted};
use super::field::{Field, Kind};
use super::lexer::{Token, TokenKind, tokens};
use super::literal::parse_number;
use super::operator::{Arity, Operator};
use super::tree::{
    Combinator, Condition, Group, MAX_DEPTH, MAX_NODES, MAX_VALUES, Node, NodeRef, Rules, too_deep,
    too_many,
};

impl FromStr for Rules {
    type Err = RuleErrors;

    fn from_str(text: &str) -> Result<Self, RuleErrors> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            at: 0,
            parts: 0,
        };
        let parsed = parser.any(0)?;
        if parser.peek() != &TokenKind::End {
            return Err(parser.expected("AND, OR or the end").into());
        }
        let root = match parsed.into_node() {
            Node::Group(group) => group,
            condition @ Node::Condition(_) => Group::of(Combinator::And, vec![condition]),
        };
        let rules = Self(root);
        check_size(&rules)?;
        Ok(rules)
    }
}

fn check_size(rules: &Rules) -> Result<(), RuleError> {
    let nodes = rules.nodes();
    let depth = |pointer: &str| pointer.matches("/rules").count() + 1;
    let is_too_deep = |(pointer, node): &(String, NodeRef<'_>)| {
        matches!(node, NodeRef::Group(_)) && depth(pointer) > MAX_DEPTH
    };
    if nodes.len() > MAX_NODES {
        Err(too_many().in_column(1))
    } else if nodes.iter().any(is_too_deep) {
        Err(too_deep().in_column(1))
    } else {
        Ok(())
    }
}

/// Result of parsing a part of the text.
enum Parsed {
    /// Several parts with a combinator between them, not in parentheses.
    Chain(Group),
    /// A condition, or a group in parentheses.
    Closed(Node),
}

impl Parsed {
    fn into_node(self) -> Node {
        match self {
            Self::Chain(group) => Node::Group(group),
            Self::Closed(node) => node,
        }
    }

    fn negated(self) -> Self {
        let mut group = match self.into_node() {
            Node::Group(group) if !group.not => group,
            node => Group::of(Combinator::And, vec![node]),
        };
        group.not = true;
        Self::Closed(Node::Group(group))
    }
}

impl Group {
    fn of(combinator: Combinator, rules: Vec<Node>) -> Self {
        Self {
            id: None,
            combinator,
            not: false,
            rules,
        }
    }
}

/// Limits while parsing, which bound the work and the recursion. Rules within
/// the final limits never reach them.
const MAX_NESTING: usize = 3 * MAX_DEPTH;
const MAX_PARTS: usize = 3 * MAX_NODES;

/// Words that are more likely a keyword after a missing value than a value
/// without quotes.
const RESERVED: [&str; 4] = ["and", "or", "not", "null"];

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// Number of conditions, parentheses, and NOTs so far.
    parts: usize,
}

impl Parser {
    fn any(&mut self, nesting: usize) -> Result<Parsed, RuleError> {
        self.chain("or", Combinator::Or, |parser| parser.all(nesting))
    }

    fn all(&mut self, nesting: usize) -> Result<Parsed, RuleError> {
        self.chain("and", Combinator::And, |parser| parser.one(nesting))
    }

    /// Parses one part, or several with a combinator between them.
    fn chain(
        &mut self,
        word: &str,
        combinator: Combinator,
        mut part: impl FnMut(&mut Self) -> Result<Parsed, RuleError>,
    ) -> Result<Parsed, RuleError> {
        let first = part(self)?;
        if !self.is_word(word) {
            return Ok(first);
        }
        let mut nodes = vec![first.into_node()];
        while self.take_word(word) {
            nodes.push(part(self)?.into_node());
        }
        Ok(Parsed::Chain(Group::of(combinator, nodes)))
    }

    fn one(&mut self, nesting: usize) -> Result<Parsed, RuleError> {
        self.check_bounds(nesting)?;
        if self.take_word("not") {
            return self.one(nesting + 1).map(Parsed::negated);
        }
        if self.take(&TokenKind::Open) {
            let inner = self.any(nesting + 1)?;
            if !self.take(&TokenKind::Close) {
                return Err(self.expected("`)`, AND or OR"));
            }
            // Parentheses make a group, even of one node.
            let group = match inner {
                Parsed::Chain(group) => group,
                Parsed::Closed(node) => Group::of(Combinator::And, vec![node]),
            };
            return Ok(Parsed::Closed(Node::Group(group)));
        }
        let condition = self.condition()?;
        Ok(Parsed::Closed(Node::Condition(condition)))
    }

    fn check_bounds(&mut self, nesting: usize) -> Result<(), RuleError> {
        self.parts += 1;
        if nesting > MAX_NESTING {
            Err(too_deep().in_column(self.column()))
        } else if self.parts > MAX_PARTS {
            Err(too_many().in_column(self.column()))
        } else {
            Ok(())
        }
    }

    fn condition(&mut self) -> Result<Condition, RuleError> {
        let column = self.column();
        let TokenKind::Word(name) = self.peek().clone() else {
            return Err(self.expected("a field, NOT or `(`"));
        };
        let field = Field::named(&name).map_err(|reason| self.error(reason))?;
        self.at += 1;
        let operator = self.operator()?;
        let values = self.values(field.kind(), operator)?;
        let in_place = |reason| RuleError::new(reason).in_column(column);
        Condition::new(field, operator, &values).map_err(in_place)
    }

    fn operator(&mut self) -> Result<Operator, RuleError> {
        let name = match self.peek() {
            TokenKind::Word(name) | TokenKind::Symbol(name) => name.clone(),
            _ => return Err(self.expected("an operator")),
        };
        let operator = Operator::named(&name).map_err(|reason| self.error(reason))?;
        self.at += 1;
        Ok(operator)
    }

    fn values(&mut self, kind: Kind, operator: Operator) -> Result<Vec<Json>, RuleError> {
        let bare = bare(kind, operator);
        match operator.arity() {
            Arity::None => Ok(Vec::new()),
            Arity::One => Ok(vec![self.value(bare)?]),
            Arity::Two => {
                let first = self.value(bare)?;
                if !self.take_word("and") {
                    return Err(self.expected("AND and the upper value"));
                }
                Ok(vec![first, self.value(bare)?])
            }
            Arity::Many => self.list(bare),
        }
    }

    fn list(&mut self, bare: Bare) -> Result<Vec<Json>, RuleError> {
        if !self.take(&TokenKind::Open) {
            return Err(self.expected("`(` and values"));
        }
        let mut values = vec![self.value(bare)?];
        while self.take(&TokenKind::Comma) {
            if values.len() >= MAX_VALUES {
                return Err(self.error(format!("a list has at most {MAX_VALUES} values")));
            }
            values.push(self.value(bare)?);
        }
        if !self.take(&TokenKind::Close) {
            return Err(self.expected("`,` or `)`"));
        }
        Ok(values)
    }

    fn value(&mut self, bare: Bare) -> Result<Json, RuleError> {
        let value = match self.peek() {
            TokenKind::Quoted(text) => text.as_str().into(),
            TokenKind::Word(word) if RESERVED.iter().any(|r| word.eq_ignore_ascii_case(r)) => {
                return Err(self.expected("a value, with quotes around reserved words"));
            }
            TokenKind::Word(word) => bare(word),
            _ => return Err(self.expected("a value")),
        };
        self.at += 1;
        Ok(value)
    }

    fn peek(&self) -> &TokenKind {
        // Nothing consumes the end, so `at` never moves past it.
        self.tokens
            .get(self.at)
            .map_or(&TokenKind::End, |token| &token.kind)
    }

    fn column(&self) -> usize {
        self.tokens.get(self.at).map_or(1, |token| token.column)
    }

    fn take(&mut self, kind: &TokenKind) -> bool {
        let is_next = self.peek() == kind;
        self.at += usize::from(is_next);
        is_next
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), TokenKind::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.is_word(word);
        self.at += usize::from(is_next);
        is_next
    }

    fn error(&self, reason: String) -> RuleError {
        RuleError::new(reason).in_column(self.column())
    }

    fn expected(&self, what: &str) -> RuleError {
        let found = match self.peek() {
            TokenKind::Open => "`(`".to_owned(),
            TokenKind::Close => "`)`".to_owned(),
            TokenKind::Comma => "`,`".to_owned(),
            TokenKind::End => "the end".to_owned(),
            TokenKind::Symbol(text) | TokenKind::Word(text) | TokenKind::Quoted(text) => {
                quoted(text)
            }
        };
        self.error(format!("expected {what}, found {found}"))
    }
}

/// Function that reads a word without quotes.
type Bare = fn(&str) -> Json;

/// Returns the function that reads a word without quotes. Most kinds parse
/// their values from strings; an attribute has no known type, so the word
/// itself determines one.
fn bare(kind: Kind, operator: Operator) -> Bare {
    match kind {
        Kind::Attribute if !operator.comparison().is_of_text() => typed,
        _ => |word| word.into(),
    }
}

fn typed(word: &str) -> Json {
    match (word, parse_number(word)) {
        ("true", _) => Json::Bool(true),
        ("false", _) => Json::Bool(false),
        (_, Some(number)) => Json::Number(number),
        (word, None) => word.into(),
    }
}
