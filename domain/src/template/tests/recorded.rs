//! Messages recorded as values: the text can be rendered again.

use serde::Serialize;
use serde_json::{Value, json};

use super::*;

/// Output of version 1 of the rendering rules. Lines are added, never changed.
const RULES_1: &str = include_str!("rules-1.json");

#[derive(Serialize, Deserialize)]
struct Pinned {
    template: Template,
    values: TemplateValues,
    text: String,
    digest: TextDigest,
}

/// Returns the values that a template records for Ada.
fn recorded(text: &str) -> Value {
    let (customer, currency) = ("c-7".try_into().unwrap(), "USD".try_into().unwrap());
    let values = renderer(text).values(&customer, &ada(), currency);
    serde_json::to_value(values).unwrap()
}

#[test]
fn version_1_of_the_rules_never_changes_its_output() {
    let pinned: Vec<Pinned> = serde_json::from_str(RULES_1).unwrap();
    assert!(pinned.len() >= 100, "{}", pinned.len());
    for Pinned {
        template,
        values,
        text,
        digest,
    } in pinned
    {
        let renderer = Renderer::by_rules(&template, 1).unwrap();
        let content = renderer.personalize(values.clone()).unwrap();
        assert_eq!(content, PersonalContent { values, digest }, "{template}");
        let reproduced = renderer.reproduce(renderer.identity(), &content);
        assert_eq!(reproduced, Ok(text), "{template}");
    }
}

#[test]
fn only_used_fields_are_recorded() {
    let visit = json!({"count": 4, "last_at": "2026-01-02T03:04:05.000Z"});
    let cases = [
        ("Hello", json!({})),
        ("Hi {{ name }}", json!({"name": "Ada Lovelace"})),
        (
            "{{ attributes.size }}",
            json!({"attributes": {"size": "XL"}}),
        ),
        (
            "{{ attributes['size'] }}",
            json!({"attributes": {"size": "XL"}}),
        ),
        ("x{{ attributes.shoe | d('') }}", json!({"attributes": {}})),
        (
            "{% for k, v in attributes | items %}{{ k }}{% endfor %}",
            json!({"attributes": {"size": "XL"}}),
        ),
        (
            "{{ attributes[city] | d('x') }}",
            json!({"attributes": {"size": "XL"}, "city": "London"}),
        ),
        (
            "{{ events.visit.count }}",
            json!({"events": {"visit": {"count": 4}}}),
        ),
        ("{{ events['visit'] }}", json!({"events": {"visit": visit}})),
        ("{{ events }}", json!({"events": {"visit": visit}})),
        ("{{ visits }}", json!({"visits": 4})),
        (
            "{{ total_spend | money }}",
            json!({"total_spend": 123_450, "currency": "USD"}),
        ),
        ("{{ total_spend }}", json!({"total_spend": 123_450})),
        (
            "{% if visits > 99 %}{{ city }}{% endif %}x",
            json!({"visits": 4, "city": "London"}),
        ),
        ("{{ tags | join }}", json!({"tags": ["vip", "early"]})),
    ];
    for (text, values) in cases {
        assert_eq!(recorded(text), values, "{text}");
    }
}

/// A variable that shadows a field in one branch leaves the field visible in
/// the other.
#[test]
fn a_field_that_may_be_shadowed_is_recorded() {
    let text = "{% if visits > 99 %}{% set name = 'you' %}{% endif %}Hi {{ name }}";
    assert_eq!(says(text), "Hi Ada Lovelace");
    let shadowed = "{% set name = 'you' %}{{ total_spend | money }} {{ name }}";
    assert_eq!(says(shadowed), "1234.50 USD you");
    let currency = "{% set currency = 'JPY' %}{{ total_spend | money }}";
    assert_eq!(says(currency), "1234.50 USD");
}

#[test]
fn values_survive_json_unchanged() {
    let numbers = [
        0.1,
        1.0,
        -0.0,
        1e300,
        5e-324,
        1.0 / 3.0,
        123_456_789.123_456_79,
    ];
    for number in numbers {
        let facts = CustomerFacts {
            attributes: BTreeMap::from([("size".to_owned(), AttributeValue::Number(number))]),
            ..ada()
        };
        let renderer = renderer("{{ attributes.size }} {{ attributes.size * 3 }}");
        let (customer, currency) = ("c-7".try_into().unwrap(), "USD".try_into().unwrap());
        let values = renderer.values(&customer, &facts, currency);
        let content = renderer.personalize(values).unwrap();
        let json = serde_json::to_string(&content).unwrap();
        let read: PersonalContent = serde_json::from_str(&json).unwrap();
        let text = renderer.reproduce(renderer.identity(), &read);
        assert_eq!(text, Ok(shown(&renderer, &facts).unwrap()), "{number}");
    }
}

#[test]
fn a_different_text_is_an_error() {
    let renderer = renderer("Hi {{ name }}");
    let identity = renderer.identity();
    let values = |name: &str| serde_json::from_value(json!({"name": name})).unwrap();
    let mut content = renderer.personalize(values("Ada")).unwrap();
    assert_eq!(renderer.reproduce(identity, &content).unwrap(), "Hi Ada");
    content.values = values("Eve");
    let differs = renderer.reproduce(identity, &content);
    assert_eq!(differs, Err(ReproduceError::Differs));
    content.values = TemplateValues::default();
    let unknown = renderer.reproduce(identity, &content);
    let no_name = RenderError::NoValue("name".to_owned());
    assert_eq!(unknown, Err(ReproduceError::Render(no_name)));
    let other = template("Hello {{ name }}").unwrap().identity();
    let other = renderer.reproduce(other, &content);
    assert_eq!(other, Err(ReproduceError::Template));
}

#[test]
fn rendering_rules_of_a_newer_program_are_rejected() {
    let template = template("Hi").unwrap();
    let Err(error) = Renderer::by_rules(&template, RENDERING_RULES + 1) else {
        panic!("there are no such rules");
    };
    assert!(ReproduceError::from(error).needs_newer_program());
}
