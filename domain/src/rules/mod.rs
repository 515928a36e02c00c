//! Rules: which customers are meant.
//!
//! [`Rules`] are groups of conditions over the fields of the catalogue in
//! `field`. Clients write them as JSON ([`Rules::from_json`]), people as a
//! text ([`Rules`] parses and prints). [`Rules::at`] works the clock in; the
//! [`Predicate`] it gives is what a database's filter is made from, and what
//! [`Predicate::matches`] holds against a customer's facts.
//!
//! A condition holds or does not; there is no third. Without a value no
//! question is answered with yes, and so every negated operator holds.

mod case;
mod check;
mod error;
mod evaluate;
mod facts;
mod field;
mod json;
mod lexer;
mod literal;
mod moment;
mod operator;
mod parse;
mod print;
#[cfg(test)]
mod tests;
mod tree;

pub use case::fold_case;
pub use check::{Check, Predicate, Range, Scalar, Test, time_in};
pub use error::{RuleError, RuleErrors};
pub use evaluate::Verdict;
pub use facts::{ActivityFacts, CustomerFacts};
pub use field::{Field, Kind, Presence, Value};
pub use literal::Literal;
pub use moment::Moment;
pub use operator::{Arity, Operator};
pub use tree::{
    Combinator, Condition, Group, MAX_DEPTH, MAX_NODES, MAX_VALUES, Node, NodeId, NodeRef, Rules,
};
