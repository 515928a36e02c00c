mod hostile;
mod recorded;
mod refused;
mod stored;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::*;
use crate::Currency;
use crate::rules::ActivityFacts;
use crate::{AttributeValue, Text, Timestamp};

fn template(text: &str) -> Result<Template, TemplateError> {
    Template::try_from(text.to_owned())
}

fn renderer(text: &str) -> Renderer {
    let template = template(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    Renderer::new(&template).unwrap()
}

fn render(text: &str, facts: &CustomerFacts) -> Result<String, RenderError> {
    shown(&renderer(text), facts)
}

/// Renders a template for a customer of a shop with dollars as currency.
fn shown(renderer: &Renderer, facts: &CustomerFacts) -> Result<String, RenderError> {
    let (customer, currency) = ("c-7".try_into().unwrap(), "USD".try_into().unwrap());
    renderer.render(&renderer.values(&customer, facts, currency))
}

/// Returns a customer without any known values.
fn nobody() -> CustomerFacts {
    CustomerFacts::default()
}

fn ada() -> CustomerFacts {
    let text = |text: &str| Some(text.to_owned());
    let at = Timestamp::try_from("2026-01-02T03:04:05Z").ok();
    let size = Text::try_from("XL".to_owned()).unwrap();
    CustomerFacts {
        name: text("Ada Lovelace"),
        email: text("ada@example.com"),
        phone: text("+4420"),
        city: text("London"),
        country: text("GB"),
        tags: vec!["vip".to_owned(), "early".to_owned()],
        attributes: BTreeMap::from([("size".to_owned(), AttributeValue::Text(size))]),
        registered_at: at,
        unsubscribed: false,
        total_spend: 123_450,
        order_count: 3,
        average_order_value: Some(41_150),
        first_order_at: at,
        last_order_at: at,
        events: BTreeMap::from([(
            "visit".to_owned(),
            ActivityFacts {
                count: 4,
                last_at: at,
            },
        )]),
    }
}

fn says(text: &str) -> String {
    render(text, &ada()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_field_is_shown() {
    let cases = [
        ("Hi {{ name }}!", "Hi Ada Lovelace!"),
        ("{{ customer_id }}", "c-7"),
        ("{{ email }} {{ phone }}", "ada@example.com +4420"),
        ("{{ city }}, {{ country }}", "London, GB"),
        ("{{ tags | join(', ') }}", "vip, early"),
        ("{{ attributes.size }}", "XL"),
        ("{{ attributes['size'] }}", "XL"),
        ("{{ (registered_at | string)[:10] }}", "2026-01-02"),
        ("{{ first_order_at == last_order_at }}", "True"),
        ("{{ unsubscribed }}", "False"),
        (
            "{{ total_spend }} {{ total_spend | money }}",
            "123450 1234.50 USD",
        ),
        ("{{ average_order_value | money }}", "411.50 USD"),
        ("{{ order_count }} {{ visits }}", "3 4"),
        ("{{ events.visit.count }}", "4"),
        ("{{ events.visit.last_at }}", "2026-01-02T03:04:05.000Z"),
    ];
    for (text, expected) in cases {
        assert_eq!(says(text), expected, "{text}");
    }
    for field in FIELDS {
        assert!(
            render(&format!("{{{{ {field} }}}}"), &ada()).is_ok(),
            "{field}"
        );
    }
}

#[test]
fn a_template_may_define_variables() {
    let cases = [
        (
            "{% for tag in tags %}{{ loop.index }}{{ tag }} {% endfor %}",
            "1vip 2early ",
        ),
        (
            "{% for i, t in [(1, 'a')] %}{{ i }}{{ t }}{% endfor %}",
            "1a",
        ),
        (
            "{% for k, v in attributes | items %}{{ k }}={{ v }}{% endfor %}",
            "size=XL",
        ),
        (
            "{% set first = name | split(' ') | first %}Hi {{ first }}",
            "Hi Ada",
        ),
        (
            "{% set a %}x{{ city }}{% endset %}{{ a | upper }}",
            "XLONDON",
        ),
        ("{% with a = city %}{{ a }}{% endwith %}", "London"),
        (
            "{% if visits > 3 %}{% set a = 1 %}{% else %}{% set a = 2 %}{% endif %}{{ a }}",
            "1",
        ),
        ("{% filter upper %}{{ city }}{% endfilter %}", "LONDON"),
        ("{% raw %}{{ nose }}{% endraw %}", "{{ nose }}"),
        (
            "{# nose #}{% for i in range(3) %}{{ i }}{% endfor %}",
            "012",
        ),
        ("{{ 'vip' in tags }} {{ name is defined }}", "True True"),
        ("<b>{{ 'a & b' }}</b>", "<b>a & b</b>"),
    ];
    for (text, expected) in cases {
        assert_eq!(says(text), expected, "{text}");
    }
}

#[test]
fn missing_values_are_undefined() {
    let cases = [
        ("Hi {{ name | default('friend') }}", "Hi friend"),
        ("Hi {{ name or 'friend' }}", "Hi friend"),
        ("Hi{% if name %} {{ name }}{% endif %}", "Hi"),
        ("Hi{% if name is defined %} {{ name }}{% endif %}", "Hi"),
        ("{{ attributes.size | d('M') }}", "M"),
        ("{{ events.visit is defined }}", "False"),
        (
            "{{ visits }} {{ order_count }} {{ total_spend | money }}",
            "0 0 0.00 USD",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(render(text, &nobody()).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn values_within_objects_are_reached_by_dots() {
    let address = serde_json::json!({"city": "Rome", "geo": {"lat": 41.9}});
    let mut facts = ada();
    let address = serde_json::from_value(address).unwrap();
    facts.attributes.insert("address".to_owned(), address);
    for (text, expected) in [
        ("{{ attributes.address.city }}", "Rome"),
        ("{{ attributes.address.geo.lat }}", "41.9"),
        ("{{ attributes['address'].city }}", "Rome"),
        ("{{ attributes.address.zip | default('no zip') }}", "no zip"),
        ("{{ attributes.size.city | default('no city') }}", "no city"),
        (
            "{% if attributes.address is defined %}{{ attributes.address.city }}{% endif %}",
            "Rome",
        ),
        (
            "{% for key in attributes.address %}{{ key }} {% endfor %}",
            "city geo ",
        ),
    ] {
        assert_eq!(render(text, &facts).as_deref(), Ok(expected), "{text}");
    }
    // The default applies to a customer without the object, too.
    let text = "{{ attributes.address.geo.lat | default('nowhere') }}";
    assert_eq!(render(text, &nobody()).as_deref(), Ok("nowhere"));
    let text =
        "{% if attributes.address is defined %}{{ attributes.address.city }}{% else %}-{% endif %}";
    assert_eq!(render(text, &nobody()).as_deref(), Ok("-"));
    let missing = render("{{ attributes.address.city }}", &nobody());
    assert!(
        matches!(missing, Err(RenderError::NoValue(_))),
        "{missing:?}"
    );
    let deep = template("{{ attributes.a.b.c.d }}");
    assert!(matches!(deep, Err(TemplateError::Unknown(_))), "{deep:?}");
}

#[test]
fn a_message_holds_only_the_value_that_its_template_names() {
    let mut facts = ada();
    let address = serde_json::json!({"city": "Rome", "street": "Via Appia 1"});
    let address = serde_json::from_value(address).unwrap();
    facts.attributes.insert("address".to_owned(), address);
    let customer = CustomerId::try_from("c-7").unwrap();
    let currency = Currency::try_from("USD").unwrap();
    let values = renderer("{{ attributes.address.city }}").values(&customer, &facts, currency);
    let expected = serde_json::json!({"attributes": {"address": {"city": "Rome"}}});
    assert_eq!(serde_json::to_value(&values).unwrap(), expected);
}

#[test]
fn an_activity_is_found_by_the_folded_form_of_its_name() {
    let mut facts = ada();
    let visits = facts.events["visit"];
    facts.events.insert("add_to_cart".to_owned(), visits);
    for text in [
        "{{ events.add_to_cart.count }}",
        "{{ events['Add to Cart'].count }}",
    ] {
        assert_eq!(render(text, &facts).as_deref(), Ok("4"), "{text}");
    }
}

#[test]
fn an_error_names_the_field_without_a_value() {
    let cases = [
        ("Hi {{ name }}", "name has no value"),
        ("{{ name | upper }}", "name has no value"),
        ("{{ city ~ name }}", "city has no value"),
        ("{{ 'x' ~ name }}", "name has no value"),
        ("{{ name + 'x' }}", "name has no value"),
        (
            "{{ average_order_value | money }}",
            "average_order_value has no value",
        ),
        ("{{ attributes.size }}", "attributes.size has no value"),
        (
            "{{ attributes['size'] }}",
            "attributes['size'] has no value",
        ),
        ("{{ events.visit.count }}", "events.visit has no value"),
        ("{{ (name | string)[:3] }}", "name has no value"),
        (
            "{% for c in name %}{{ c }}{% endfor %}",
            "name has no value",
        ),
        ("{% set a = name %}\nHi {{ a }}", "name has no value"),
        (
            "{% if average_order_value > 5 %}x{% endif %}",
            "average_order_value has no value",
        ),
        ("{{ tags[3] }}", "tags[3] has no value"),
        ("{{ name in tags }}", "name has no value"),
        ("{{ name == 'x' }}", "name has no value"),
    ];
    for (text, expected) in cases {
        let error = render(text, &nobody()).map_err(|error| error.to_string());
        assert_eq!(error, Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn a_template_may_need_values_that_only_some_customers_have() {
    for text in [
        "{{ attributes.size }}",
        "{{ attributes.size + 1 }}",
        "{% if attributes.size > 3 %}x{% endif %}",
        "{{ events.purchase.count }}",
        "{{ city | int }}",
        "{{ (name | split(' '))[1] }}",
        "{{ 100 / order_count }}",
        "{% if total_spend > 100000000 %}Hi{% endif %}",
        "{% if unsubscribed %}Hi{% endif %}",
    ] {
        assert!(template(text).is_ok(), "{text}");
    }
}

#[test]
fn empty_texts_and_control_characters_are_rejected() {
    let if_rich = "{% if total_spend > 999999999 %}Hi{% endif %} \n";
    assert_eq!(render(if_rich, &ada()), Err(RenderError::Nothing));
    for text in [" \n\t", "{# Hi #}", "\u{2003}"] {
        let error = TemplateError::Useless(RenderError::Nothing);
        assert_eq!(template(text), Err(error), "{text:?}");
    }
    for text in ["a\u{0}", "{{ 'a\\u0007' }}", "a\u{1b}[2J", "a\u{85}"] {
        let error = TemplateError::Useless(RenderError::Control);
        assert_eq!(template(text), Err(error), "{text:?}");
    }
    assert_eq!(says("a\tb\r\nc"), "a\tb\r\nc");
    let bell = CustomerFacts {
        name: Some("a\u{7}".to_owned()),
        ..ada()
    };
    assert_eq!(render("{{ name }}", &bell), Err(RenderError::Control));
}

#[test]
fn large_but_finite_work_is_accepted() {
    let row = "{% for tag in tags %}{{ tag | upper }}, {% endfor %}{{ name }} ";
    assert!(says(&row.repeat(100)).len() > 1_000);
    assert_eq!(says("{{ 'x' * 16384 }}").len(), 16_384);
    let items = "{% for i in range(1000) %}{{ i }} {% endfor %}";
    assert_eq!(says(items).split(' ').count(), 1_001);
}

#[test]
fn errors_contain_no_personal_data() {
    let secret = "Zaphod` is undefined `Beeblebrox";
    let facts = CustomerFacts {
        name: Some(secret.to_owned()),
        ..ada()
    };
    for text in [
        "{{ attributes[name] }}",
        "{{ tags[name] }}",
        "{{ attributes.size + 1 ~ name }}",
        "{{ name + 1 }}",
        "{% if city == 'London' %}{{ name | int }}{% endif %}",
        "{% if city == 'London' %}{{ name | money }}{% endif %}",
        "{% if city == 'London' %}{{ name ** name }}{% endif %}",
        "{% if city == 'London' %}{{ range(name) }}{% endif %}",
        "{% if city == 'London' %}{{ name | upper(name) }}{% endif %}",
        "{% if city == 'London' %}{{ {name: 1} | join(x=name) }}{% endif %}",
        "{% if city == 'London' %}{% for a, b in name %}{% endfor %}{% endif %}",
    ] {
        let Ok(template) = template(text) else {
            continue; // Rejected for every customer.
        };
        let renderer = Renderer::new(&template).unwrap();
        let Err(error) = shown(&renderer, &facts) else {
            continue; // Rendered: only the customer sees the text.
        };
        let told = format!("{error:?} {error}");
        assert!(
            !told.contains("Zaphod") && !told.contains("Beeblebrox"),
            "{text}: {told}"
        );
    }
}

#[test]
fn money_is_shown_in_major_units() {
    let show = |minor, code: &str| {
        let currency = Currency::try_from(code).unwrap();
        let template = template("{{ total_spend | money }}").unwrap();
        let facts = CustomerFacts {
            total_spend: minor,
            ..nobody()
        };
        let renderer = Renderer::new(&template).unwrap();
        let customer = CustomerId::try_from("c").unwrap();
        let values = renderer.values(&customer, &facts, currency);
        renderer.render(&values).unwrap()
    };
    assert_eq!(show(123_450, "USD"), "1234.50 USD");
    assert_eq!(show(5, "USD"), "0.05 USD");
    assert_eq!(show(-5, "USD"), "-0.05 USD");
    assert_eq!(show(-123_450, "USD"), "-1234.50 USD");
    assert_eq!(show(1_234, "JPY"), "1234 JPY");
    assert_eq!(show(-1_234, "JPY"), "-1234 JPY");
    assert_eq!(show(1_234, "KWD"), "1.234 KWD");
    assert_eq!(show(7, "XAU"), "7 XAU");
    assert_eq!(show(i64::MIN, "USD"), "-92233720368547758.08 USD");
}

#[test]
fn a_template_is_stored_as_it_was_written() {
    let text = "Hi {{ name }}\n";
    let json = serde_json::to_string(&template(text).unwrap()).unwrap();
    assert_eq!(json, r#""Hi {{ name }}\n""#);
    let read: Template = serde_json::from_str(&json).unwrap();
    assert_eq!(read.as_str(), text);
    assert!(serde_json::from_str::<Template>(r#""{{ nose }}""#).is_err());
    // A template that is valid but useless is still readable.
    assert!(serde_json::from_str::<Template>(r#"" ""#).is_ok());
}

#[test]
fn many_threads_render_quickly() {
    let renderer = &renderer("Hi {{ name }}, {{ total_spend | money }} in {{ city | upper }}!");
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let facts = ada();
                for _ in 0..5_000 {
                    shown(renderer, &facts).unwrap();
                }
            });
        }
    });
    assert!(start.elapsed() < Duration::from_secs(10));
}
