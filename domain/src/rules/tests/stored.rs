//! Rules as stored in the log. Rules that were accepted once must stay readable
//! as long as the log exists: a failure here would stop the views of segments.

use std::collections::BTreeSet;

use super::*;
use crate::rules::tree::Group;

/// Stored rules: every operator on every kind of field, every kind of value,
/// and each limit at its maximum. Lines are added, never changed.
const STORED: &str = include_str!("stored.json");

fn stored() -> Vec<Json> {
    serde_json::from_str(STORED).unwrap()
}

fn stored_rules() -> Vec<Rules> {
    serde_json::from_str(STORED).unwrap()
}

#[test]
fn stored_rules_are_read_and_written_back_unchanged() {
    for json in stored() {
        let rules: Rules = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&rules).unwrap(), json);
    }
}

#[test]
fn every_field_is_stored_with_every_operator_that_fits() {
    let all = stored_rules();
    let stored: BTreeSet<(&str, &str)> = conditions(&all)
        .map(|condition| (family(condition.field()), condition.operator().name()))
        .collect();
    for name in Field::names() {
        let field = Field::named(&name.replace("<key>", "a").replace("<name>", "a")).unwrap();
        for operator in Operator::of(field.kind()) {
            assert!(
                stored.contains(&(name, operator.name())),
                "{name} {operator}"
            );
        }
    }
}

/// Returns the field's name as listed in the catalog.
fn family(field: &Field) -> &'static str {
    let name = field.to_string();
    let is_of = |listed: &&str| match listed.split_once('<') {
        Some((start, rest)) => {
            let end = rest.split_once('>').unwrap().1;
            name.starts_with(start) && name.ends_with(end)
        }
        None => *listed == name,
    };
    Field::names().find(is_of).unwrap()
}

#[test]
fn each_limit_is_stored_at_its_maximum() {
    let all = stored_rules();
    assert_eq!(all.iter().map(|rules| rules.nodes().len()).max(), Some(256));
    assert_eq!(all.iter().map(|rules| depth(rules.root())).max(), Some(16));
    let values = conditions(&all).map(|condition| condition.values().len());
    assert_eq!(values.max(), Some(1_000));
    let texts = conditions(&all)
        .flat_map(Condition::values)
        .filter_map(|value| match value {
            Literal::Text(text) => Some(text.as_str().len()),
            _ => None,
        });
    assert_eq!(texts.max(), Some(1_024));
    let ids = all.iter().flat_map(Rules::nodes);
    let ids = ids.filter_map(|(_, node)| node.id().map(str::len));
    assert_eq!(ids.max(), Some(128));
}

fn conditions(all: &[Rules]) -> impl Iterator<Item = &Condition> {
    let nodes = all.iter().flat_map(Rules::nodes);
    nodes.filter_map(|(_, node)| match node {
        NodeRef::Condition(condition) => Some(condition),
        NodeRef::Group(_) => None,
    })
}

fn depth(group: &Group) -> usize {
    let inner = group.rules().iter().map(|node| match node.into() {
        NodeRef::Group(group) => depth(group),
        NodeRef::Condition(_) => 0,
    });
    1 + inner.max().unwrap_or_default()
}
