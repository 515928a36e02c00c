//! Rules in requests and responses, and the problems with them.

use domain::MAX_RULES;
use domain::rules::{RuleError, RuleErrors, Rules};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::problem::{FieldError, Problem, ProblemKind};
use crate::http::schema::{self, ConditionSchema};

/// Parses the rules at `pointer` in the body.
///
/// # Errors
/// 422 with an error for each invalid part.
pub(crate) fn read(pointer: &str, json: &Value) -> Result<Rules, Problem> {
    let bytes = json.to_string().len();
    if bytes > MAX_RULES {
        let reason = format!("rules have at most {MAX_RULES} bytes as JSON, these have {bytes}");
        return Err(Problem::field(ProblemKind::Refused, pointer, reason));
    }
    Rules::from_json(json).map_err(|errors| invalid(pointer, &errors))
}

/// Converts the errors of the rules at `pointer` in the body into a problem.
fn invalid(pointer: &str, errors: &RuleErrors) -> Problem {
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

/// Rules that select customers: react-querybuilder's JSON, or a text such as
/// `total_spend > 100000 AND (visits < 3 OR city = "Rome")`.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = Rules)]
#[expect(dead_code, reason = "describes a type of the domain")]
pub(crate) enum RulesSchema {
    /// Rules as JSON.
    Group(GroupSchema),
    /// Rules as a text.
    #[schema(value_type = schema::RulesText)]
    Text(String),
}

/// Group of conditions and nested groups: at most 256 nodes in total, 16 levels deep.
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
    /// Client's own id of the group; ignored.
    #[serde(default)]
    #[schema(value_type = schema::NodeId)]
    id: String,
    /// `and` if all members must match, `or` if one is enough.
    #[schema(value_type = schema::Combinator)]
    combinator: String,
    /// Negates the group.
    #[schema(default = false)]
    not: Option<bool>,
    /// Members of the group; at least one.
    #[schema(no_recursion, min_items = 1, max_items = 255)]
    rules: Vec<NodeSchema>,
    /// Ignored.
    #[serde(default)]
    path: Value,
    /// Ignored.
    #[serde(default)]
    disabled: Value,
    /// Must be `false`, `null` or absent: leave muted parts out of the request.
    #[serde(default)]
    #[schema(value_type = schema::Muted)]
    muted: bool,
}

/// A node of the rules.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = RuleNode, no_recursion)]
#[expect(dead_code, reason = "describes a type of the domain")]
pub(crate) enum NodeSchema {
    /// A group.
    Group(GroupSchema),
    /// A condition on one field.
    Condition(ConditionSchema),
}

#[cfg(test)]
mod tests {
    use domain::rules::Rules;
    use serde_json::{Value, json};

    use super::*;

    fn errors(rules: &Value) -> Value {
        let errors = Rules::from_json(rules).unwrap_err();
        let body = invalid("/rules", &errors).into_body(None);
        serde_json::to_value(body).unwrap()
    }

    #[test]
    fn every_invalid_node_has_an_error_with_its_pointer() {
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
    fn an_error_in_a_text_has_its_column() {
        let body = errors(&json!("visits > 3 AND"));
        assert_eq!(body["errors"][0]["pointer"], "/rules");
        let detail = body["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.starts_with("column 15: "), "{detail}");
    }
}
