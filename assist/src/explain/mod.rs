//! Rules in one sentence of plain words.

mod amounts;
mod condition;

use domain::rules::{Combinator, Condition, Group, Node, Operator, Rules};

use crate::Facts;
use condition::condition;

/// Who is meant, as people would say it: "customers who spent at least
/// ₹8,400.00 in all (the store's top fifth), and visited exactly 2 times".
/// Made from the rules alone, so that it says what they say, whoever wrote
/// them.
pub fn explain(rules: &Rules, facts: &Facts) -> String {
    let said = group(rules.root(), facts, true);
    format!("customers who {said}")
}

/// Whole sentences behind "who".
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

/// The comparison of "last ordered more than so long ago, or never".
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
