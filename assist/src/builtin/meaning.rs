//! What a phrase means, before it is rules.

use domain::rules::{Operator, Rules};
use serde_json::{Value as Json, json};

use super::quantities::Bound;

/// Conditions, taken together.
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

    /// That a field lies within all of these.
    pub(super) fn within(field: &str, bounds: Vec<Bound>) -> Self {
        let is = |bound: Bound| Self::Is(field.to_owned(), bound.operator, bound.values);
        Self::all(bounds.into_iter().map(is).collect())
    }

    /// All of them; of one that one.
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

    /// One of them; of one that one.
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

    /// The exact contrary.
    pub(super) fn contrary(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            Self::Is(field, Operator::Equal, values) if values == [Json::Bool(true)] => {
                Self::is(&field, Operator::Equal, false)
            }
            Self::Is(field, Operator::Equal, values) if values == [Json::Bool(false)] => {
                Self::is(&field, Operator::Equal, true)
            }
            // Of what is counted.
            Self::Is(field, Operator::AtLeast, values)
                if values == [Json::from(1)] && counts(&field) =>
            {
                Self::is(&field, Operator::Equal, 0)
            }
            Self::Is(field, operator, values) => match opposite(&field, operator) {
                Some(operator) => Self::Is(field, operator, values),
                None => Self::Not(Box::new(Self::Is(field, operator, values))),
            },
            other => Self::Not(Box::new(other)),
        }
    }

    /// As rules; what is wrong with them, for people, if they are none.
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

/// Whether the field counts what everybody has at least 0 of.
fn counts(field: &str) -> bool {
    matches!(field, "order_count" | "visits") || field.ends_with(".count")
}

/// The operator that holds exactly where this one does not. In an order only
/// numbers that everybody has are either on one side or on the other.
fn opposite(field: &str, operator: Operator) -> Option<Operator> {
    use Operator::*;
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
