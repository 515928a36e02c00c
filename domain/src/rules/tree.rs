//! Tree of rules: groups of conditions and groups.

use serde_json::Value as Json;

use super::error::RuleError;
use super::field::{Field, Kind};
use super::literal::Literal;
use super::operator::{Arity, Operator};
use crate::Text;

/// Maximum nesting of groups, including the outermost one.
pub const MAX_DEPTH: usize = 16;

/// Maximum number of nodes, groups and conditions together.
pub const MAX_NODES: usize = 256;

/// Maximum number of values of `in`.
pub const MAX_VALUES: usize = 1_000;

/// Client-chosen id of a node. It is stored and returned, but has no meaning.
pub type NodeId = Text<128>;

/// Rules that select customers: a group that is never empty, at most
/// [`MAX_DEPTH`] levels deep and with at most [`MAX_NODES`] nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules(pub(super) Group);

/// Nodes with a combinator between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub(super) id: Option<NodeId>,
    pub(super) combinator: Combinator,
    pub(super) not: bool,
    pub(super) rules: Vec<Node>,
}

/// Logical operator that combines the nodes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combinator {
    /// All nodes must match.
    And,
    /// At least one node must match.
    Or,
}

/// Node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A group of nodes.
    Group(Group),
    /// A condition on one field.
    Condition(Condition),
}

/// Condition on one field. Operator, field, and values always fit each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub(super) id: Option<NodeId>,
    field: Field,
    operator: Operator,
    values: Vec<Literal>,
}

impl Rules {
    /// Returns all nodes with their JSON pointers, in pre-order: `""`,
    /// `/rules/0`, `/rules/0/rules/1`.
    pub fn nodes(&self) -> Vec<(String, NodeRef<'_>)> {
        let mut nodes = Vec::new();
        collect(String::new(), NodeRef::Group(&self.0), &mut nodes);
        nodes
    }

    /// Returns the outermost group.
    pub fn root(&self) -> &Group {
        &self.0
    }

    /// Returns whether the selected customers can change by the passing of time
    /// alone.
    pub fn is_relative(&self) -> bool {
        NodeRef::Group(&self.0).is_relative()
    }
}

/// Reference to a group or a condition anywhere in the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NodeRef<'a> {
    /// A group.
    Group(&'a Group),
    /// A condition.
    Condition(&'a Condition),
}

fn collect<'a>(pointer: String, node: NodeRef<'a>, into: &mut Vec<(String, NodeRef<'a>)>) {
    into.push((pointer.clone(), node));
    if let NodeRef::Group(group) = node {
        for (index, child) in group.rules.iter().enumerate() {
            collect(format!("{pointer}/rules/{index}"), child.into(), into);
        }
    }
}

impl<'a> From<&'a Node> for NodeRef<'a> {
    fn from(node: &'a Node) -> Self {
        match node {
            Node::Group(group) => Self::Group(group),
            Node::Condition(condition) => Self::Condition(condition),
        }
    }
}

impl<'a> NodeRef<'a> {
    /// Returns whether the matching customers can change by the passing of time
    /// alone.
    pub fn is_relative(&self) -> bool {
        match self {
            Self::Group(group) => group
                .rules
                .iter()
                .any(|node| NodeRef::from(node).is_relative()),
            Self::Condition(condition) => {
                condition.field.kind() == Kind::Days && !condition.values.is_empty()
            }
        }
    }

    /// Returns the id that the client gave the node.
    pub fn id(&self) -> Option<&'a str> {
        let id = match self {
            Self::Group(group) => &group.id,
            Self::Condition(condition) => &condition.id,
        };
        id.as_ref().map(NodeId::as_str)
    }
}

impl Group {
    /// Returns the combinator of the group's nodes.
    pub fn combinator(&self) -> Combinator {
        self.combinator
    }

    /// Returns whether the group is negated.
    pub fn is_negated(&self) -> bool {
        self.not
    }

    /// Returns the nodes of the group; never empty.
    pub fn rules(&self) -> &[Node] {
        &self.rules
    }
}

impl Combinator {
    /// Returns the name: `and` or `or`.
    pub fn name(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
        }
    }
}

impl Condition {
    /// Creates a condition that compares `field` with `values`. The operator
    /// determines the number of values.
    ///
    /// # Errors
    /// A message for the user that describes the problem.
    pub fn new(field: Field, operator: Operator, values: &[Json]) -> Result<Self, String> {
        let kind = field.kind();
        if !operator.fits(kind) {
            let fitting: Vec<&str> = Operator::of(kind).map(Operator::name).collect();
            return Err(format!(
                "the operator {operator} does not fit {field}, expected one of {}",
                fitting.join(" ")
            ));
        }
        check_count(operator, values.len())?;
        let comparison = operator.comparison();
        let read = |json| Literal::read(kind, comparison, json);
        let values: Result<Vec<_>, _> = values.iter().map(read).collect();
        let values = values.map_err(|reason| format!("the value of {field} {reason}"))?;
        let condition = Self {
            id: None,
            field,
            operator,
            values,
        };
        condition.check_order()?;
        Ok(condition)
    }

    pub(super) fn with_id(self, id: Option<NodeId>) -> Self {
        Self { id, ..self }
    }

    /// Returns the field.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// Returns the operator.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// Returns the values that the field is compared with.
    pub fn values(&self) -> &[Literal] {
        &self.values
    }
}

fn check_count(operator: Operator, count: usize) -> Result<(), String> {
    match operator.arity() {
        Arity::None if count > 0 => Err(format!("{operator} takes no value")),
        Arity::One if count != 1 => Err(format!("{operator} takes one value, not {count}")),
        Arity::Two if count != 2 => Err(format!("{operator} takes two values, not {count}")),
        Arity::Many if count == 0 => Err(format!("{operator} takes at least one value")),
        Arity::Many if count > MAX_VALUES => Err(format!(
            "{operator} takes at most {MAX_VALUES} values, not {count}"
        )),
        _ => Ok(()),
    }
}

pub(super) fn too_deep() -> RuleError {
    RuleError::new(format!("groups are nested more than {MAX_DEPTH} deep"))
}

pub(super) fn too_many() -> RuleError {
    RuleError::new(format!("rules have more than {MAX_NODES} nodes"))
}
