//! Laws that hold for any rules and any customer.

use proptest::prelude::*;

use super::arbitrary;
use super::*;

/// Returns the operator with exactly the opposite meaning, if there is one.
fn contrary(operator: Operator) -> Option<Operator> {
    use Operator::*;
    match operator {
        Equal => Some(NotEqual),
        Between => Some(NotBetween),
        In => Some(NotIn),
        NotNull => Some(Null),
        Contains => Some(DoesNotContain),
        BeginsWith => Some(DoesNotBeginWith),
        EndsWith => Some(DoesNotEndWith),
        _ => None,
    }
}

/// Pairs of a condition and the one with the opposite operator.
fn contraries() -> impl Strategy<Value = (Rules, Rules)> {
    let asked = arbitrary::condition();
    asked.prop_filter_map("the operator has a contrary", |condition| {
        let (field, operator) = (condition.field(), condition.operator());
        let text = condition.to_string();
        let values = text.strip_prefix(&format!("{field} {operator}"))?;
        let negated = format!("{field} {}{values}", contrary(operator)?);
        Some((rules(&text), rules(&negated)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn json_round_trips(rules in arbitrary::rules_with_ids()) {
        let json = rules.to_json();
        prop_assert_eq!(Rules::from_json(&json), Ok(rules.clone()), "{}", json);
        let text = serde_json::to_string(&rules).unwrap();
        prop_assert_eq!(serde_json::from_str::<Rules>(&text).unwrap(), rules, "{}", text);
    }

    #[test]
    fn text_round_trips(rules in arbitrary::rules()) {
        let text = rules.to_string();
        prop_assert_eq!(text.parse::<Rules>(), Ok(rules), "{}", text);
    }

    #[test]
    fn each_node_alone_agrees(rules in arbitrary::rules(), facts in arbitrary::customer()) {
        let now = at(NOW);
        for verdict in rules.explain(&facts, now) {
            let text = verdict.node.to_string();
            let alone: Rules = text.parse().unwrap();
            prop_assert_eq!(alone.at(now).matches(&facts), verdict.matches, "{}", text);
        }
    }

    #[test]
    fn a_negated_operator_is_the_exact_opposite(
        (yes, no) in contraries(),
        facts in arbitrary::customer(),
    ) {
        let now = at(NOW);
        let held = yes.at(now).matches(&facts);
        prop_assert_ne!(held, no.at(now).matches(&facts), "{} and {}", yes, no);
    }

    #[test]
    fn not_is_the_exact_opposite(rules in arbitrary::rules(), facts in arbitrary::customer()) {
        let not: Rules = format!("NOT ({rules})").parse().unwrap();
        let now = at(NOW);
        prop_assert_ne!(rules.at(now).matches(&facts), not.at(now).matches(&facts));
    }

    #[test]
    fn rules_that_are_not_relative_do_not_depend_on_the_clock(
        rules in arbitrary::rules(),
        facts in arbitrary::customer(),
        later in arbitrary::timestamp(),
    ) {
        prop_assume!(!rules.is_relative());
        prop_assert_eq!(rules.at(at(NOW)), rules.at(later));
        prop_assert_eq!(rules.at(at(NOW)).matches(&facts), rules.at(later).matches(&facts));
    }
}
