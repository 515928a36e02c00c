//! Rules as a tree: groups of conditions and groups.

use serde_json::Value as Json;

use super::error::RuleError;
use super::field::{Field, Kind};
use super::literal::Literal;
use super::operator::{Arity, Operator};
use crate::Text;

/// How deep groups may be nested, the outermost counted.
pub const MAX_DEPTH: usize = 16;

/// How many nodes rules may have, groups and conditions together.
pub const MAX_NODES: usize = 256;

/// How many values `in` takes.
pub const MAX_VALUES: usize = 1_000;

/// What a client calls a node. Kept for it, and without a meaning.
pub type NodeId = Text<128>;

/// Which customers are meant: a group, never empty, at most [`MAX_DEPTH`] deep
/// and of at most [`MAX_NODES`] nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules(pub(super) Group);

/// Several nodes taken together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub(super) id: Option<NodeId>,
    pub(super) combinator: Combinator,
    pub(super) not: bool,
    pub(super) rules: Vec<Node>,
}

/// How a group takes its nodes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combinator {
    /// All must hold.
    And,
    /// One must hold.
    Or,
}

/// A part of rules.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Nodes taken together.
    Group(Group),
    /// A question about one field.
    Condition(Condition),
}

/// A question about one field. Operator, field and values fit one another.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub(super) id: Option<NodeId>,
    field: Field,
    operator: Operator,
    values: Vec<Literal>,
}

impl Rules {
    /// All nodes with their JSON pointers, from the top: `""`, `/rules/0`,
    /// `/rules/0/rules/1`.
    pub fn nodes(&self) -> Vec<(String, NodeRef<'_>)> {
        let mut nodes = Vec::new();
        collect(String::new(), NodeRef::Group(&self.0), &mut nodes);
        nodes
    }

    /// The outermost group.
    pub fn root(&self) -> &Group {
        &self.0
    }

    /// Whether who is meant changes with the clock alone.
    pub fn is_relative(&self) -> bool {
        NodeRef::Group(&self.0).is_relative()
    }
}

/// A group or a condition, wherever in the tree.
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
    /// Whether whom it means changes with the clock alone.
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

    /// What the client calls it.
    pub fn id(&self) -> Option<&'a str> {
        let id = match self {
            Self::Group(group) => &group.id,
            Self::Condition(condition) => &condition.id,
        };
        id.as_ref().map(NodeId::as_str)
    }
}

impl Group {
    /// How its nodes are taken together.
    pub fn combinator(&self) -> Combinator {
        self.combinator
    }

    /// Whether the contrary is meant.
    pub fn is_negated(&self) -> bool {
        self.not
    }

    /// Its nodes, at least one.
    pub fn rules(&self) -> &[Node] {
        &self.rules
    }
}

impl Combinator {
    /// `and` or `or`.
    pub fn name(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
        }
    }
}

impl Condition {
    /// Asks `field` with `operator`; how many values there must be follows
    /// from the operator.
    ///
    /// # Errors
    /// What does not fit, for people.
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
        let question = operator.question();
        let read = |json| Literal::read(kind, question, json);
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

    /// What is asked about.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// What is asked.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// What the field is compared with.
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
