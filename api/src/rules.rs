//! Rules in requests and answers, and what is wrong with them.

use domain::MAX_RULES;
use domain::rules::{RuleError, RuleErrors, Rules};
use serde_json::Value;
use utoipa::ToSchema;

use crate::problem::{FieldError, Problem, ProblemKind};
use crate::schema::{self, ConditionSchema};

/// The rules that stand at `pointer` in the body.
///
/// # Errors
/// 422 with every part of them that is wrong.
pub(crate) fn read(pointer: &str, json: &Value) -> Result<Rules, Problem> {
    let bytes = json.to_string().len();
    if bytes > MAX_RULES {
        let reason = format!("rules have at most {MAX_RULES} bytes as JSON, these have {bytes}");
        return Err(Problem::field(ProblemKind::Refused, pointer, reason));
    }
    Rules::from_json(json).map_err(|errors| wrong(pointer, &errors))
}

/// The problem with rules that stand at `pointer` in the body.
fn wrong(pointer: &str, errors: &RuleErrors) -> Problem {
    let field = |error: &RuleError| FieldError {
        pointer: format!("{pointer}{}", error.pointer),
        detail: match error.column {
            Some(column) => format!("column {column}: {}", error.reason),
            None => error.reason.clone(),
        },
    };
    let fields = errors.0.iter().map(field).collect();
    Problem::fields(ProblemKind::InvalidField, fields)
}

/// Which customers are meant: react-querybuilder's JSON, or a text such as
/// `total_spend > 100000 AND (visits < 3 OR city = "Rome")`.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = Rules)]
#[expect(dead_code, reason = "describes a type of the domain")]
pub(crate) enum RulesSchema {
    /// As JSON.
    Group(GroupSchema),
    /// As a text.
    #[schema(value_type = schema::RulesText)]
    Text(String),
}

/// Conditions and groups, at most 256 in all and 16 deep.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RuleGroup, example = json!({
    "combinator": "and",
    "not": false,
    "rules": [
        {"field": "total_spend", "operator": ">", "value": 100_000},
        {"combinator": "or", "not": false, "rules": [
            {"field": "visits", "operator": "<", "value": 3},
            {"field": "city", "operator": "=", "value": "Rome"}
        ]}
    ]
}))]
#[expect(dead_code, reason = "describes a type of the domain")]
pub(crate) struct GroupSchema {
    /// What the client calls it; without a meaning.
    #[serde(default)]
    #[schema(value_type = schema::NodeId)]
    id: String,
    /// Whether all or one must hold.
    #[schema(value_type = schema::Combinator)]
    combinator: String,
    /// Whether the contrary is meant.
    #[schema(default = false)]
    not: Option<bool>,
    /// At least one.
    #[schema(no_recursion, min_items = 1, max_items = 255)]
    rules: Vec<NodeSchema>,
    /// Without a meaning.
    #[serde(default)]
    path: Value,
    /// Without a meaning.
    #[serde(default)]
    disabled: Value,
    /// What is muted is to be left out.
    #[serde(default)]
    #[schema(value_type = schema::Muted)]
    muted: bool,
}

/// A part of rules.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = RuleNode, no_recursion)]
#[expect(dead_code, reason = "describes a type of the domain")]
pub(crate) enum NodeSchema {
    /// Taken together.
    Group(GroupSchema),
    /// A question about one field.
    Condition(ConditionSchema),
}

#[cfg(test)]
mod tests {
    use domain::rules::Rules;
    use serde_json::{Value, json};

    use super::*;

    fn errors(rules: &Value) -> Value {
        let errors = Rules::from_json(rules).unwrap_err();
        let body = wrong("/rules", &errors).into_body(None);
        serde_json::to_value(body).unwrap()
    }

    #[test]
    fn every_node_that_is_wrong_is_pointed_at() {
        let body = errors(&json!({"combinator": "and", "rules": [
            {"field": "shoe", "operator": "=", "value": 1},
            {"combinator": "or", "rules": []},
        ]}));
        assert_eq!(body["type"], "urn:patron:problem:invalid-field");
        assert_eq!(body["errors"][0]["pointer"], "/rules/rules/0");
        assert_eq!(body["errors"][1]["pointer"], "/rules/rules/1");
        assert_eq!(body["errors"][1]["detail"], "the group is empty");
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.starts_with("/rules/rules/0: "), "{detail}");
        assert!(
            detail.ends_with("; /rules/rules/1: the group is empty"),
            "{detail}"
        );
    }

    #[test]
    fn a_text_is_told_by_the_column() {
        let body = errors(&json!("visits > 3 AND"));
        assert_eq!(body["errors"][0]["pointer"], "/rules");
        let detail = body["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.starts_with("column 15: "), "{detail}");
    }
}
