//! Text form of rules, which [`Rules`] parses back.

use std::fmt::{self, Display, Formatter};

use super::operator::Arity;
use super::tree::{Condition, Group, Node, NodeRef, Rules};

impl Display for Rules {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        NodeRef::Group(self.root()).fmt(f)
    }
}

/// Prints the node as complete rules.
impl Display for NodeRef<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Condition(condition) => condition.fmt(f),
            Self::Group(group) if group.is_negated() => closed(group, f),
            Self::Group(group) => match group.rules() {
                // Without extra parentheses, the text would parse as the inner
                // group.
                [Node::Group(inner)] => {
                    f.write_str("(")?;
                    closed(inner, f)?;
                    f.write_str(")")
                }
                _ => open(group, f),
            },
        }
    }
}

/// Prints a group inside other groups.
fn closed(group: &Group, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str(if group.is_negated() { "NOT (" } else { "(" })?;
    open(group, f)?;
    f.write_str(")")
}

/// Prints the nodes of a group with the combinator between them.
fn open(group: &Group, f: &mut Formatter<'_>) -> fmt::Result {
    let combinator = group.combinator().name().to_ascii_uppercase();
    for (index, node) in group.rules().iter().enumerate() {
        if index > 0 {
            write!(f, " {combinator} ")?;
        }
        match node {
            Node::Group(group) => closed(group, f)?,
            Node::Condition(condition) => condition.fmt(f)?,
        }
    }
    Ok(())
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field(), self.operator())?;
        match (self.operator().arity(), self.values()) {
            (Arity::Two, [from, to]) => write!(f, " {from} AND {to}"),
            (Arity::Many, values) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                write!(f, " ({})", values.join(", "))
            }
            (Arity::One, [value]) => write!(f, " {value}"),
            _ => Ok(()),
        }
    }
}
