//! Explanations of rules: one sentence in plain words.

mod amounts;
mod condition;

use domain::rules::{Combinator, Condition, Group, Kind, Node, NodeRef, Operator, Rules};

use crate::Facts;
use condition::condition;

/// Describes the customers that rules select: "customers who spent at least ₹8,400.00 in
/// all (the store's top fifth), and visited exactly 2 times". The text is derived from
/// the rules and the facts, so it is correct for the rules of any engine.
pub fn explain(rules: &Rules, facts: &Facts) -> String {
    let said = group(rules.root(), facts, true);
    format!("customers who {said}")
}

/// Describes rules like [`explain`], for receivers that must not learn anything about an
/// individual customer, such as a model. Returns `None` for rules that compare values
/// that only few customers have, such as a name or an address.
pub fn explain_without_personal_values(rules: &Rules, facts: &Facts) -> Option<String> {
    let is_personal = |node: &NodeRef<'_>| match node {
        NodeRef::Condition(condition) => may_identify_customer(condition),
        NodeRef::Group(_) => false,
    };
    let nodes = rules.nodes();
    let has_person = nodes.iter().any(|(_, node)| is_personal(node));
    (!has_person).then(|| explain(rules, facts))
}

/// Returns whether a condition's values may identify a customer. Attributes count,
/// since a shop may store anything in them.
fn may_identify_customer(condition: &Condition) -> bool {
    let field = condition.field().to_string();
    match condition.field().kind() {
        Kind::Attribute => !condition.values().is_empty(),
        Kind::Text => {
            !matches!(field.as_str(), "city" | "country") && !condition.values().is_empty()
        }
        _ => false,
    }
}

/// Describes a group as clauses that follow "customers who".
fn group(group: &Group, facts: &Facts, is_outermost: bool) -> String {
    let joint = match group.combinator() {
        Combinator::And => ", and ",
        Combinator::Or => ", or ",
    };
    let said = match last_or_never(group) {
        Some(days) => amounts::silence(days),
        None => {
            let parts = group.rules().iter().map(|rule| node(rule, facts));
            parts.collect::<Vec<_>>().join(joint)
        }
    };
    let is_one = group.rules().len() == 1 || last_or_never(group).is_some();
    match (group.is_negated(), is_one || is_outermost) {
        (true, _) => format!("are not among those who ({said})"),
        (false, true) => said,
        (false, false) => format!("({said})"),
    }
}

fn node(node: &Node, facts: &Facts) -> String {
    match node {
        Node::Group(inner) => group(inner, facts, false),
        Node::Condition(asked) => condition(asked, facts),
    }
}

/// Returns the comparison of a group that means "last ordered long ago, or never".
fn last_or_never(group: &Group) -> Option<&Condition> {
    let [Node::Condition(last), Node::Condition(never)] = group.rules() else {
        return None;
    };
    let is_late = match last.field().to_string().as_str() {
        "days_since_last_order" => matches!(last.operator(), Operator::Greater | Operator::AtLeast),
        "last_order_at" => matches!(last.operator(), Operator::Less | Operator::AtMost),
        _ => false,
    };
    let is_never =
        never.field().to_string() == "last_order_at" && never.operator() == Operator::Null;
    (group.combinator() == Combinator::Or && is_late && is_never).then_some(last)
}
