//! Parser of the model's answer to a request for rules.

use domain::rules::{Arity, Combinator, Operator, RuleErrors, Rules};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::grounds::{self, own_words};
use crate::Facts;
use crate::model::error::AnswerError;
use crate::model::schema::{flag, list, object, one_of, text};

/// Pattern of fields that are not listed by name.
const FAMILIES: &str =
    r"^(attributes(\.[A-Za-z0-9_-]{1,64}){1,3}|events\.[^.\s]{1,64}\.(count|last_at))$";

/// Answer of the model: groups of conditions. The model cannot write deeper trees.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    understood: bool,
    not_understood: Vec<String>,
    combinator: String,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    combinator: String,
    not: bool,
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    field: String,
    operator: String,
    values: Vec<String>,
}

/// Returns the JSON Schema of an answer.
pub(super) fn schema() -> Json {
    let combinator = one_of([Combinator::And.name(), Combinator::Or.name()]);
    let listed = domain::rules::Field::names().filter(|name| !name.contains('<'));
    let field = json!({"anyOf": [one_of(listed), {"type": "string", "pattern": FAMILIES}]});
    let operators = Operator::ALL.iter().map(|operator| operator.name());
    let condition = object([
        ("field", field),
        ("operator", one_of(operators)),
        ("values", list(text())),
    ]);
    let group = object([
        ("combinator", combinator.clone()),
        ("not", flag()),
        ("conditions", list(condition)),
    ]);
    object([
        ("understood", flag()),
        ("not_understood", list(text())),
        ("combinator", combinator),
        ("groups", list(group)),
    ])
}

/// Parses an answer. Returns the rules, or the words of the prompt that the model did
/// not understand.
pub(super) fn read(
    said: &str,
    prompt: &str,
    facts: &Facts,
) -> Result<Result<Rules, Vec<String>>, AnswerError> {
    let answer: Answer = serde_json::from_str(said).map_err(|error| AnswerError::shape(&error))?;
    // Only words of the prompt are quoted back, so that a model cannot put its own text
    // into an error message. An answer that claims to understand, but names such words, is
    // a rejection.
    let words = own_words(&answer.not_understood, prompt);
    if !answer.understood || !words.is_empty() {
        return Ok(Err(words));
    }
    // Checked in the model's own nesting first, so that the pointers in error messages
    // refer to its answer.
    let groups: Vec<Json> = answer.groups.iter().map(Group::json).collect();
    let nested = json!({"combinator": answer.combinator, "not": false, "rules": groups});
    let rules = Rules::from_json(&nested).map_err(|errors| wrong(&errors))?;
    grounds::check(&rules, prompt, facts).map_err(AnswerError::because)?;
    let rules = Rules::from_json(&answer.flat()).map_err(|errors| wrong(&errors))?;
    Ok(Ok(rules))
}

/// Converts the errors, with pointers into the model's answer.
fn wrong(errors: &RuleErrors) -> AnswerError {
    let told = errors.0.iter().map(|error| {
        let pointer = error.pointer.replacen("/rules/", "/groups/", 1);
        let pointer = pointer.replace("/rules/", "/conditions/");
        format!("{pointer}: {}", error.reason)
    });
    AnswerError::because(told.collect::<Vec<_>>().join("; "))
}

impl Answer {
    /// Returns the answer as rules, without groups that change nothing.
    fn flat(&self) -> Json {
        if let [group] = self.groups.as_slice() {
            return group.json();
        }
        let nodes = self.groups.iter().flat_map(|group| {
            let is_needless = group.conditions.len() == 1 || group.combinator == self.combinator;
            match !group.not && is_needless {
                true => group.conditions.iter().map(Condition::json).collect(),
                false => vec![group.json()],
            }
        });
        let nodes: Vec<Json> = nodes.collect();
        json!({"combinator": self.combinator, "not": false, "rules": nodes})
    }
}

impl Group {
    fn json(&self) -> Json {
        let conditions: Vec<Json> = self.conditions.iter().map(Condition::json).collect();
        json!({"combinator": self.combinator, "not": self.not, "rules": conditions})
    }
}

impl Condition {
    fn json(&self) -> Json {
        let arity = Operator::named(&self.operator).map(Operator::arity);
        let value = match (arity, self.values.as_slice()) {
            (Ok(Arity::One), [value]) => json!(value),
            (_, values) => json!(values),
        };
        json!({"field": self.field, "operator": self.operator, "value": value})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Currency;

    fn facts() -> Facts {
        Facts::new(Currency::try_from("INR").unwrap())
    }

    fn group(combinator: &str, not: bool, conditions: &[(&str, &str, &[&str])]) -> Json {
        let condition = |(field, operator, values): &(&str, &str, &[&str])| json!({"field": field, "operator": operator, "values": values});
        let conditions: Vec<Json> = conditions.iter().map(condition).collect();
        json!({"combinator": combinator, "not": not, "conditions": conditions})
    }

    fn said(combinator: &str, groups: &[Json]) -> String {
        json!({
            "understood": true, "not_understood": [],
            "combinator": combinator, "groups": groups,
        })
        .to_string()
    }

    fn rules(said: &str) -> String {
        read(said, "size", &facts()).unwrap().unwrap().to_string()
    }

    #[test]
    fn redundant_groups_are_removed() {
        let pune = ("city", "=", &["Pune"] as &[&str]);
        let visits = ("visits", "between", &["1", "3"] as &[&str]);
        let never = ("last_order_at", "null", &[] as &[&str]);
        let all = group("and", false, &[pune, visits]);
        assert_eq!(
            rules(&said("or", std::slice::from_ref(&all))),
            "city = \"Pune\" AND visits between 1 AND 3"
        );
        let any = group("or", false, &[visits, never]);
        let one = group("or", false, &[pune]);
        assert_eq!(
            rules(&said("and", &[one.clone(), any])),
            "city = \"Pune\" AND (visits between 1 AND 3 OR last_order_at null)"
        );
        assert_eq!(
            rules(&said("and", &[all, group("and", true, &[never])])),
            "city = \"Pune\" AND visits between 1 AND 3 AND NOT (last_order_at null)"
        );
        assert_eq!(
            rules(&said("or", &[one, group("and", false, &[visits, never])])),
            "city = \"Pune\" OR (visits between 1 AND 3 AND last_order_at null)"
        );
    }

    #[test]
    fn errors_point_into_the_models_answer() {
        let odd = ("colour", "~", &[] as &[&str]);
        let pune = ("city", "=", &["Pune", "Goa"] as &[&str]);
        let said = said(
            "and",
            &[
                group("or", false, &[odd]),
                group("or", true, &[odd, pune]),
                group("or", true, &[]),
            ],
        );
        let Err(AnswerError::Answer { told, .. }) = read(&said, "", &facts()) else {
            panic!("it is taken");
        };
        for pointer in [
            "/groups/0/conditions/0: unknown field",
            "/groups/1/conditions/1: ",
            "/groups/2: the group is empty",
        ] {
            assert!(told.contains(pointer), "{pointer} in {told}");
        }
    }

    #[test]
    fn empty_answers_are_rejected() {
        assert!(read(&said("and", &[]), "", &facts()).is_err());
        assert!(read(&said("xor", &[group("and", false, &[])]), "", &facts()).is_err());
    }
}
