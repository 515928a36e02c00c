//! Meaning of a phrase, before it is converted to rules.

use domain::rules::{Operator, Rules};
use serde_json::{Value as Json, json};

use super::quantities::Bound;

/// Tree of conditions.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    Is(String, Operator, Vec<Json>),
    All(Vec<Meaning>),
    Any(Vec<Meaning>),
    Not(Box<Meaning>),
}

impl Meaning {
    pub(super) fn is(field: &str, operator: Operator, value: impl Into<Json>) -> Self {
        Self::Is(field.to_owned(), operator, vec![value.into()])
    }

    pub(super) fn null(field: &str) -> Self {
        Self::Is(field.to_owned(), Operator::Null, Vec::new())
    }

    pub(super) fn not_null(field: &str) -> Self {
        Self::Is(field.to_owned(), Operator::NotNull, Vec::new())
    }

    /// Creates the condition that a field is within all of these bounds.
    pub(super) fn within(field: &str, bounds: Vec<Bound>) -> Self {
        let is = |bound: Bound| Self::Is(field.to_owned(), bound.operator, bound.values);
        Self::all(bounds.into_iter().map(is).collect())
    }

    /// Combines meanings of which all must hold. Nested conjunctions are flattened.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::All(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            1 => flat.remove(0),
            _ => Self::All(flat),
        }
    }

    /// Combines meanings of which one must hold. Nested disjunctions are flattened.
    pub(super) fn any(parts: Vec<Self>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::Any(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            1 => flat.remove(0),
            _ => Self::Any(flat),
        }
    }

    /// Returns the exact negation.
    pub(super) fn contrary(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            Self::Is(field, Operator::Equal, values) if values == [Json::Bool(true)] => {
                Self::is(&field, Operator::Equal, false)
            }
            Self::Is(field, Operator::Equal, values) if values == [Json::Bool(false)] => {
                Self::is(&field, Operator::Equal, true)
            }
            // The negation of "at least once" is "never", for fields that count.
            Self::Is(field, Operator::AtLeast, values)
                if values == [Json::from(1)] && counts(&field) =>
            {
                Self::is(&field, Operator::Equal, 0)
            }
            // If no operator is the exact negation, the condition is wrapped in NOT:
            // `NOT (x > 5)` also holds for customers without a value.
            Self::Is(field, operator, values) => match opposite(&field, operator) {
                Some(operator) => Self::Is(field, operator, values),
                None => Self::Not(Box::new(Self::Is(field, operator, values))),
            },
            other => Self::Not(Box::new(other)),
        }
    }

    /// Converts the meaning to rules.
    ///
    /// # Errors
    /// The reasons why the rules are invalid, for people.
    pub(super) fn rules(&self) -> Result<Rules, String> {
        let root = match self {
            Self::All(_) | Self::Any(_) | Self::Not(_) => self.json(),
            one => json!({ "combinator": "and", "rules": [one.json()] }),
        };
        Rules::from_json(&root).map_err(|errors| errors.to_string())
    }

    fn json(&self) -> Json {
        let group = |combinator: &str, parts: &[Self]| {
            let rules: Vec<Json> = parts.iter().map(Self::json).collect();
            json!({ "combinator": combinator, "rules": rules })
        };
        match self {
            Self::All(parts) => group("and", parts),
            Self::Any(parts) => group("or", parts),
            Self::Not(inner) => {
                let mut negated = match &**inner {
                    Self::Any(parts) => group("or", parts),
                    Self::All(parts) => group("and", parts),
                    one => group("and", std::slice::from_ref(one)),
                };
                negated["not"] = true.into();
                negated
            }
            Self::Is(field, operator, values) => {
                let value = match values.as_slice() {
                    [] => Json::Null,
                    [one] if *operator != Operator::In => one.clone(),
                    many => many.into(),
                };
                json!({ "field": field, "operator": operator.name(), "value": value })
            }
        }
    }
}

/// Returns whether the field is a count, whose value is at least 0 for every customer.
fn counts(field: &str) -> bool {
    matches!(field, "order_count" | "visits") || field.ends_with(".count")
}

/// Returns the operator that holds exactly where this one does not.
fn opposite(field: &str, operator: Operator) -> Option<Operator> {
    use Operator::*;
    // `<` and `>=` are each other's negation only for fields for which every customer has
    // a value. Otherwise neither holds for a customer without one.
    let has_all = field == "total_spend" || counts(field);
    let flipped = match operator {
        Less => AtLeast,
        AtLeast => Less,
        Greater => AtMost,
        AtMost => Greater,
        other => other,
    };
    if has_all && flipped != operator {
        return Some(flipped);
    }
    let pairs = [
        (Equal, NotEqual),
        (In, NotIn),
        (Null, NotNull),
        (Contains, DoesNotContain),
        (Between, NotBetween),
    ];
    pairs.iter().find_map(|(a, b)| match operator {
        operator if operator == *a => Some(*b),
        operator if operator == *b => Some(*a),
        _ => None,
    })
}
