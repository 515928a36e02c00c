//! JSON form of rules, as react-querybuilder exports it.
//!
//! A group is `{"combinator": "and", "not": false, "rules": […]}`, a condition
//! is `{"field": "total_spend", "operator": ">", "value": "1000"}`. Numbers and
//! times may be strings; `between` and `in` take arrays or comma-separated
//! strings.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value as Json, json};

use super::error::{RuleError, RuleErrors, quoted};
use super::field::Field;
use super::operator::{Arity, Operator};
use super::tree::{
    Combinator, Condition, Group, MAX_DEPTH, MAX_NODES, Node, NodeId, NodeRef, Rules, too_deep,
    too_many,
};

/// Maximum number of errors reported at once.
const MAX_ERRORS: usize = 20;

impl Rules {
    /// Reads rules from a client: the JSON of react-querybuilder, or a text.
    ///
    /// # Errors
    /// [`RuleErrors`] with every invalid node, up to twenty.
    pub fn from_json(json: &Json) -> Result<Self, RuleErrors> {
        let object = match json {
            Json::String(text) => return text.parse(),
            Json::Object(object) if !object.contains_key("field") => object,
            _ => return Err(RuleError::new(NEITHER.to_owned()).into()),
        };
        let mut reader = Reader::default();
        let root = reader.group(object, "", 1);
        match root {
            Some(root) if reader.errors.is_empty() => Ok(Self(root)),
            _ => Err(RuleErrors(reader.errors)),
        }
    }

    /// Returns the rules in the JSON of react-querybuilder.
    pub fn to_json(&self) -> Json {
        group_json(self.root())
    }
}

const NEITHER: &str = "rules must be a group with `combinator` and `rules`, or a string";

/// Reader of nodes that collects the errors of all of them.
#[derive(Default)]
struct Reader {
    nodes: usize,
    errors: Vec<RuleError>,
}

impl Reader {
    fn fail<T>(&mut self, pointer: &str, error: RuleError) -> Option<T> {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error.at(pointer));
        }
        None
    }

    fn ok_or_record<T>(&mut self, pointer: &str, result: Result<T, String>) -> Option<T> {
        result.map_or_else(|reason| self.fail(pointer, RuleError::new(reason)), Some)
    }

    fn node(&mut self, json: &Json, pointer: &str, depth: usize) -> Option<Node> {
        let Json::Object(object) = json else {
            let reason = match json {
                Json::String(_) => "combinators between rules are not supported, use one per group",
                _ => "a rule must be an object",
            };
            return self.ok_or_record(pointer, Err(reason.to_owned()));
        };
        if object.contains_key("rules") || object.contains_key("combinator") {
            return self.group(object, pointer, depth).map(Node::Group);
        }
        self.count(pointer)?;
        let condition = self.ok_or_record(pointer, condition(object))?;
        Some(Node::Condition(condition))
    }

    fn group(&mut self, object: &Map<String, Json>, pointer: &str, depth: usize) -> Option<Group> {
        self.count(pointer)?;
        if depth > MAX_DEPTH {
            return self.fail(pointer, too_deep());
        }
        let head = self.ok_or_record(pointer, group_head(object));
        let rules = self.ok_or_record(pointer, rules(object))?;
        let mut nodes = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            if self.nodes > MAX_NODES {
                break;
            }
            let pointer = format!("{pointer}/rules/{index}");
            nodes.extend(self.node(rule, &pointer, depth + 1));
        }
        Some(Group {
            rules: nodes,
            ..head?
        })
    }

    /// Counts a node; `None` if it is one too many.
    fn count(&mut self, pointer: &str) -> Option<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return self.fail(pointer, too_many());
        }
        Some(())
    }
}

/// Reads a group without its rules.
fn group_head(object: &Map<String, Json>) -> Result<Group, String> {
    check_keys(object, &["combinator", "not", "rules"])?;
    let combinator = match object.get("combinator").and_then(Json::as_str) {
        Some(name) if name.eq_ignore_ascii_case("and") => Combinator::And,
        Some(name) if name.eq_ignore_ascii_case("or") => Combinator::Or,
        _ => return Err("`combinator` must be \"and\" or \"or\"".to_owned()),
    };
    let not = match object.get("not") {
        None | Some(Json::Null) => false,
        Some(Json::Bool(not)) => *not,
        Some(_) => return Err("`not` must be true or false".to_owned()),
    };
    Ok(Group {
        id: id(object)?,
        combinator,
        not,
        rules: Vec::new(),
    })
}

fn rules(object: &Map<String, Json>) -> Result<&[Json], String> {
    match object.get("rules") {
        Some(Json::Array(rules)) if rules.is_empty() => Err("the group is empty".to_owned()),
        Some(Json::Array(rules)) => Ok(rules),
        _ => Err("`rules` must be a list".to_owned()),
    }
}

fn condition(object: &Map<String, Json>) -> Result<Condition, String> {
    check_keys(object, &["field", "operator", "value", "valueSource"])?;
    let text = |key: &str| match object.get(key) {
        Some(Json::String(text)) => Ok(text.as_str()),
        Some(_) => Err(format!("`{key}` must be a string")),
        None => Err(format!("`{key}` is missing")),
    };
    let field = Field::named(text("field")?)?;
    let operator = Operator::named(text("operator")?)?;
    match object.get("valueSource") {
        None | Some(Json::Null) => {}
        Some(Json::String(source)) if source == "value" => {}
        Some(_) => {
            return Err("a field can be compared only with values, not with fields".to_owned());
        }
    }
    let value = object.get("value").unwrap_or(&Json::Null);
    let values = values(operator, value)?;
    let condition = Condition::new(field, operator, &values)?;
    Ok(condition.with_id(id(object)?))
}

/// Reads `value` into as many values as the operator takes.
fn values(operator: Operator, value: &Json) -> Result<Vec<Json>, String> {
    match (operator.arity(), value) {
        // An editor may leave the value of a former operator behind; it is
        // ignored.
        (Arity::None, Json::Object(_)) => Err(format!("{operator} takes no value")),
        (Arity::None, _) => Ok(Vec::new()),
        (Arity::One, Json::Null) => Err("`value` is missing".to_owned()),
        (Arity::One, value) => Ok(vec![value.clone()]),
        (Arity::Two | Arity::Many, Json::Array(values)) => Ok(values.clone()),
        (Arity::Two | Arity::Many, Json::String(text)) => {
            Ok(split(text).into_iter().map(Json::String).collect())
        }
        (Arity::Two | Arity::Many, Json::Null) => Err("`value` is missing".to_owned()),
        (Arity::Two | Arity::Many, one) => Ok(vec![one.clone()]),
    }
}

/// Splits a text at its commas; `\,` is a comma within a part. Trims the parts
/// and drops empty ones.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek(), parts.last_mut()) {
            ('\\', Some(','), Some(part)) => {
                part.push(',');
                chars.next();
            }
            (',', _, _) => parts.push(String::new()),
            (c, _, Some(part)) => part.push(c),
            (_, _, None) => {}
        }
    }
    let trimmed = parts.iter().map(|part| part.trim());
    trimmed
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Rejects unknown keys. Keys that an editor uses for itself are ignored.
fn check_keys(object: &Map<String, Json>, known: &[&str]) -> Result<(), String> {
    match object.get("muted") {
        None | Some(Json::Null | Json::Bool(false)) => {}
        Some(Json::Bool(true)) => {
            return Err("muted rules are not supported, remove them".to_owned());
        }
        Some(_) => return Err("`muted` must be true or false".to_owned()),
    }
    let editor = ["id", "path", "disabled", "muted"];
    let odd = |key: &&String| !known.contains(&key.as_str()) && !editor.contains(&key.as_str());
    match object.keys().find(odd) {
        Some(key) => {
            let (key, known) = (quoted(key), known.join(" "));
            Err(format!("unknown key {key}, expected one of {known}"))
        }
        None => Ok(()),
    }
}

fn id(object: &Map<String, Json>) -> Result<Option<NodeId>, String> {
    match object.get("id") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(id)) if id.is_empty() => Ok(None),
        Some(Json::String(id)) => match NodeId::try_from(id.clone()) {
            Ok(id) => Ok(Some(id)),
            Err(error) => Err(format!("`id` {error}")),
        },
        Some(_) => Err("`id` must be a string".to_owned()),
    }
}

fn group_json(group: &Group) -> Json {
    let rules = group.rules().iter().map(|node| match node.into() {
        NodeRef::Group(group) => group_json(group),
        NodeRef::Condition(condition) => condition_json(condition),
    });
    let rules: Vec<Json> = rules.collect();
    let json = json!({
        "combinator": group.combinator().name(),
        "not": group.is_negated(),
        "rules": rules,
    });
    with_id(json, NodeRef::Group(group).id())
}

fn condition_json(condition: &Condition) -> Json {
    let mut json = json!({
        "field": condition.field().to_string(),
        "operator": condition.operator().name(),
        "valueSource": "value",
    });
    let mut values = condition.values().iter().map(super::Literal::to_json);
    match condition.operator().arity() {
        Arity::None => {}
        Arity::One => json["value"] = values.next().unwrap_or_default(),
        Arity::Two | Arity::Many => json["value"] = values.collect(),
    }
    with_id(json, NodeRef::Condition(condition).id())
}

fn with_id(mut json: Json, id: Option<&str>) -> Json {
    if let Some(id) = id {
        json["id"] = id.into();
    }
    json
}

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::from_json(&json).map_err(de::Error::custom)
    }
}
