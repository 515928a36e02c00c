//! Rules in memory: who matches, and why.

use serde_json::Value as Json;

use super::check::Predicate;
use super::facts::CustomerFacts;
use super::field::{Kind, Value};
use super::moment::DAY;
use super::tree::{Combinator, Condition, Group, NodeRef, Rules};
use crate::Timestamp;

/// What a node says of a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict<'a> {
    /// The node's JSON pointer within the rules.
    pub pointer: String,
    /// The node.
    pub node: NodeRef<'a>,
    /// Whether it holds.
    pub matches: bool,
    /// The value that decided, `null` for none; only a condition has one.
    pub value: Option<Json>,
}

impl Rules {
    /// The rules at an instant.
    pub fn at(&self, now: Timestamp) -> Predicate {
        NodeRef::Group(self.root()).at(now)
    }

    /// What each node says of a customer, from the top.
    pub fn explain(&self, facts: &CustomerFacts, now: Timestamp) -> Vec<Verdict<'_>> {
        let nodes = self.nodes().into_iter();
        nodes
            .map(|(pointer, node)| Verdict {
                pointer,
                matches: node.at(now).matches(facts),
                value: match node {
                    NodeRef::Group(_) => None,
                    NodeRef::Condition(condition) => Some(shown(condition, facts, now)),
                },
                node,
            })
            .collect()
    }
}

impl NodeRef<'_> {
    /// The node alone, at an instant.
    pub fn at(&self, now: Timestamp) -> Predicate {
        match self {
            Self::Group(group) => group.at(now),
            Self::Condition(condition) => Predicate::Check(condition.check(now)),
        }
    }
}

impl Group {
    fn at(&self, now: Timestamp) -> Predicate {
        let parts = self.rules().iter().map(|node| NodeRef::from(node).at(now));
        let together = match self.combinator() {
            Combinator::And => Predicate::All(parts.collect()),
            Combinator::Or => Predicate::Any(parts.collect()),
        };
        match self.is_negated() {
            true => Predicate::Not(Box::new(together)),
            false => together,
        }
    }
}

/// A customer's value of the condition's field, as the field's name promises
/// it.
fn shown(condition: &Condition, facts: &CustomerFacts, now: Timestamp) -> Json {
    match condition.field().value(facts) {
        Value::Absent => Json::Null,
        Value::Flag(flag) => flag.into(),
        Value::Integer(number) => number.into(),
        Value::Number(number) => number.into(),
        Value::Text(text) => text.into(),
        Value::Tags(tags) => tags.into(),
        Value::Time(at) if condition.field().kind() == Kind::Days => {
            (now.millis() - at.millis()).div_euclid(DAY).into()
        }
        Value::Time(at) => at.to_string().into(),
    }
}
