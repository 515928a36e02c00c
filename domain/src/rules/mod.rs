//! Rules that select customers.
//!
//! [`Rules`] are groups of conditions over the fields of the catalog in
//! `field`. Clients write them as JSON ([`Rules::from_json`]), and users as
//! text, which [`Rules`] parses and prints. [`Rules::at`] resolves relative
//! dates; [`Predicate::matches`] evaluates the resulting [`Predicate`] on a
//! customer's facts, and views translate it into queries.
//!
//! A condition either holds or does not; there is no third value. For a
//! customer without a value, no positive operator holds, so every negated
//! operator does.

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
pub use field::{Field, Kind, ListedField, Value};
pub use literal::Literal;
pub use moment::Moment;
pub use operator::{Arity, Operator};
pub use tree::{
    Combinator, Condition, Group, MAX_DEPTH, MAX_NODES, MAX_VALUES, Node, NodeId, NodeRef, Rules,
};
