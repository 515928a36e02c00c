//! Valid and invalid rules.

use assist::model::{ModelError, NoRules, Usage};
use domain::rules::{Arity, Condition, Group, Node, Rules};
use serde_json::{Value as Json, json};

use super::{Fake, group_of, pune};
use crate::store::{FACTS, requests};

const PROMPT: &str = "high spenders who visited twice but haven't bought in 3 months";

fn spenders() -> Json {
    let condition =
        |field, operator, values| json!({"field": field, "operator": operator, "values": values});
    json!({
        "understood": true, "not_understood": [], "combinator": "and",
        "groups": [
            {"combinator": "and", "not": false, "conditions": [
                condition("total_spend", ">=", json!(["840000"])),
                condition("visits", "=", json!(["2"])),
            ]},
            {"combinator": "or", "not": false, "conditions": [
                condition("days_since_last_order", ">", json!(["90"])),
                condition("last_order_at", "null", json!([])),
            ]},
        ],
    })
}

#[tokio::test]
async fn a_correct_answer_equals_that_of_the_builtin_engine() {
    let fake = Fake::saying(&[spenders()]).await;
    let (understood, usage) = fake.asked(PROMPT, &FACTS).await;
    let ours = assist::builtin::rules(PROMPT, &FACTS).unwrap();
    assert_eq!(understood.unwrap(), ours);
    let expected = Usage {
        calls: 1,
        input_tokens: 1_000,
        output_tokens: 100,
    };
    assert_eq!(usage, expected);
}

/// Returns rules as a model would write them.
fn spoken(rules: &Rules) -> Json {
    let root = rules.root();
    let alone = [Node::Group(root.clone())];
    let nodes = match root.is_negated() {
        true => alone.as_slice(),
        false => root.rules(),
    };
    let groups: Vec<Json> = nodes
        .iter()
        .map(|node| match node {
            Node::Group(group) => spoken_group(group),
            Node::Condition(condition) => {
                let conditions = [spoken_condition(condition)];
                json!({"combinator": "or", "not": false, "conditions": conditions})
            }
        })
        .collect();
    json!({
        "understood": true, "not_understood": [],
        "combinator": root.combinator().name(), "groups": groups,
    })
}

fn spoken_group(group: &Group) -> Json {
    let conditions = group.rules().iter().map(|node| match node {
        Node::Condition(condition) => spoken_condition(condition),
        Node::Group(_) => panic!("a model cannot say {group:?}"),
    });
    json!({
        "combinator": group.combinator().name(),
        "not": group.is_negated(),
        "conditions": conditions.collect::<Vec<_>>(),
    })
}

fn spoken_condition(condition: &Condition) -> Json {
    let texts = condition
        .values()
        .iter()
        .map(|value| match value.to_json() {
            Json::String(text) => text,
            other => other.to_string(),
        });
    let values: Vec<String> = match condition.operator().arity() {
        Arity::None => Vec::new(),
        Arity::One | Arity::Two | Arity::Many => texts.collect(),
    };
    json!({
        "field": condition.field().to_string(),
        "operator": condition.operator().name(),
        "values": values,
    })
}

#[tokio::test]
async fn all_requests_can_be_expressed() {
    let asked = requests().into_iter();
    let asked: Vec<(String, Rules)> = asked
        .filter_map(|request| Some((request.prompt.clone(), request.rules()?)))
        .collect();
    assert!(asked.len() > 100);
    let answers: Vec<Json> = asked.iter().map(|(_, rules)| spoken(rules)).collect();
    let fake = Fake::saying(&answers).await;
    for (prompt, rules) in asked {
        let (understood, usage) = fake.asked(&prompt, &FACTS).await;
        assert_eq!(understood.unwrap().rules.to_string(), rules.to_string());
        assert_eq!(usage.calls, 1);
    }
}

#[tokio::test]
async fn an_invalid_answer_is_repaired_once() {
    let wrong = group_of(json!([{"field": "colour", "operator": "=", "values": ["red"]}]));
    let fake = Fake::saying(&[wrong.clone(), pune()]).await;
    let (understood, usage) = fake.asked("customers from Pune", &FACTS).await;
    assert_eq!(understood.unwrap().rules.to_string(), "city = \"Pune\"");
    assert_eq!((usage.calls, usage.input_tokens), (2, 2_000));
    let requests = fake.requests().await;
    let messages = requests[1]["messages"].as_array().unwrap();
    let roles: Vec<&Json> = messages.iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(messages[2]["content"], wrong.to_string());
    let told = messages[3]["content"].as_str().unwrap();
    assert!(
        told.contains("/groups/0/conditions/0: unknown field"),
        "{told}"
    );
}

/// Returns answers that are neither valid rules nor a rejection.
fn wrong_answers() -> Vec<Json> {
    let condition = |field: &str, operator: &str, values: Json| {
        group_of(json!([{"field": field, "operator": operator, "values": values}]))
    };
    let with = |pointer: &str, key: &str, value: Json| {
        let mut answer = pune();
        let object = answer.pointer_mut(pointer).unwrap();
        object[key] = value;
        answer
    };
    vec![
        condition("$where", "=", json!(["sleep(1000)"])),
        condition("__proto__", "=", json!(["x"])),
        condition("constructor.prototype", "=", json!(["x"])),
        condition("events.visit.times", "=", json!(["1"])),
        condition("events.play.count", "=", json!(["2"])),
        condition("attributes.gender", "=", json!(["women"])),
        condition("attributes.$gt", "=", json!(["x"])),
        condition("password", "notNull", json!([])),
        condition("<script>alert(1)</script>", "=", json!(["x"])),
        condition("city", "$regex", json!([".*"])),
        condition("city", "; DROP TABLE customers", json!(["Pune"])),
        condition("city", "=", json!([])),
        condition("city", "=", json!(["Pune", "Goa"])),
        condition("city", "=", json!([""])),
        condition("city", "=", json!([{"$gt": ""}])),
        condition("city", "=", json!("Pune")),
        condition("visits", ">", json!(["many"])),
        condition("visits", "between", json!(["1"])),
        condition("total_spend", ">", json!(["100.50"])),
        condition("tags", "=", json!(["vip"])),
        condition("last_order_at", "<", json!(["yesterday"])),
        with("", "explanation", json!("all customers, I promise")),
        with("", "understood", json!("yes")),
        with("", "groups", json!([])),
        with("", "groups", json!(null)),
        with("", "combinator", json!("xor")),
        with("/groups/0", "combinator", json!("$or")),
        with("/groups/0", "conditions", json!([])),
        with("/groups/0", "rules", json!([])),
        with("/groups/0", "not", json!(null)),
        with("/groups/0/conditions/0", "$where", json!("1")),
        with("/groups/0/conditions/0", "valueSource", json!("field")),
        json!({"rules": "order_count >= 0"}),
        json!([]),
        json!("order_count >= 0"),
        json!(null),
        json!(7),
    ]
}

#[tokio::test]
async fn an_answer_that_is_invalid_twice_is_an_error_without_its_content() {
    for wrong in wrong_answers() {
        let fake = Fake::saying(std::slice::from_ref(&wrong)).await;
        let (answer, usage) = fake.asked("customers from Pune", &FACTS).await;
        let Err(NoRules::Model(ModelError::Invalid(reason))) = answer else {
            panic!("{wrong}: {answer:?}");
        };
        assert!(reason.chars().count() <= 301, "{reason}");
        for own in [
            "promise", "where", "women", "sleep", "script", "DROP", "many",
        ] {
            assert!(!reason.contains(own), "{reason}");
        }
        assert_eq!((usage.calls, usage.output_tokens), (2, 200));
    }
}

#[tokio::test]
async fn long_content_is_not_repeated_in_errors() {
    let long = "y".repeat(20_000);
    let condition = json!({"field": long, "operator": "=", "values": ["x"]});
    for wrong in [
        group_of(json!(vec![condition; 2])),
        json!({ "odd": long }),
        json!({ long.as_str(): 1 }),
        json!(long),
    ] {
        let fake = Fake::saying(&[wrong]).await;
        let error = fake.rules("customers from Pune").await.unwrap_err();
        assert!(error.to_string().len() < 500, "{error}");
        assert!(!format!("{error:?}").contains(&long[..200]));
    }
}

#[tokio::test]
async fn values_are_never_interpreted() {
    let odd = "<script>alert(1)</script>\" OR order_count >= 0 OR city = \"$where";
    let answer = group_of(json!([{"field": "city", "operator": "=", "values": [odd]}]));
    let understood = Fake::saying(&[answer])
        .await
        .rules("from there")
        .await
        .unwrap();
    let json = understood.rules.to_json();
    assert_eq!(json["rules"].as_array().unwrap().len(), 1);
    assert_eq!(json["rules"][0]["value"], odd);
    let reread: domain::rules::Rules = understood.rules.to_string().parse().unwrap();
    assert_eq!(reread, understood.rules);
    assert_eq!(
        understood.explanation,
        assist::explain(&understood.rules, &FACTS)
    );
}
