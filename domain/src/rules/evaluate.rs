//! Evaluation of rules in memory, with explanations.

use serde_json::{Value as Json, json};

use super::check::Predicate;
use super::facts::CustomerFacts;
use super::field::{Kind, Value};
use super::moment::DAY;
use super::tree::{Combinator, Condition, Group, NodeRef, Rules};
use crate::Timestamp;

/// Result of evaluating one node for a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict<'a> {
    /// JSON pointer of the node within the rules.
    pub pointer: String,
    /// Evaluated node.
    pub node: NodeRef<'a>,
    /// True if the customer matches the node.
    pub matches: bool,
    /// Customer's value of the condition's field, `null` if there is none;
    /// present only for conditions.
    pub value: Option<Json>,
}

impl Rules {
    /// Returns the rules with relative dates resolved at an instant.
    pub fn at(&self, now: Timestamp) -> Predicate {
        NodeRef::Group(self.root()).at(now)
    }

    /// Returns the result of every node for a customer, in pre-order.
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
    /// Returns the node alone, with relative dates resolved at an instant.
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

/// Returns a customer's value of the condition's field as JSON, in the unit of
/// the field.
fn shown(condition: &Condition, facts: &CustomerFacts, now: Timestamp) -> Json {
    match condition.field().value(facts) {
        Value::Absent => Json::Null,
        Value::Flag(flag) => flag.into(),
        Value::Integer(number) => number.into(),
        Value::Number(number) => number.into(),
        Value::Text(text) => text.into(),
        Value::Tags(tags) => tags.into(),
        Value::Nested(values) => json!(values),
        Value::Time(at) if condition.field().kind() == Kind::Days => {
            (now.millis() - at.millis()).div_euclid(DAY).into()
        }
        Value::Time(at) => at.to_string().into(),
    }
}
