//! Email addresses and phone numbers of customers, as clients send them.

use serde_json::{Value, json};

use crate::support::app::App;

const DATA: &str = "/api/data/customers";

/// Records each address with a customer of its own; returns the reason why it was refused, or
/// what is recorded.
async fn recorded(app: &App, field: &str, texts: &[&str]) -> Vec<String> {
    let items = texts.iter().enumerate();
    let items = items.map(|(n, text)| json!({"customer_id": format!("{field}-{n}"), field: text}));
    let items: Vec<Value> = items.collect();
    let answer = app.client.post(DATA, json!(items)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    app.client.wait_until_caught_up().await;
    let mut outcomes = Vec::new();
    for result in answer.body["results"].as_array().unwrap() {
        let fault = &result["problem"]["errors"][0];
        if let Some(reason) = fault["detail"].as_str() {
            assert_eq!(fault["pointer"], format!("/{field}"), "{result}");
            outcomes.push(reason.to_owned());
            continue;
        }
        let id = result["id"].as_str().unwrap();
        let customer = app.client.read(&format!("/api/customers/{id}")).await;
        outcomes.push(customer[field].as_str().unwrap().to_owned());
    }
    outcomes
}

fn assert_outcomes(outcomes: &[String], expected: &[&str]) {
    assert_eq!(outcomes.len(), expected.len());
    for (outcome, expected) in outcomes.iter().zip(expected) {
        assert!(outcome.contains(expected), "{outcome:?} lacks {expected:?}");
    }
}

#[tokio::test]
async fn an_email_address_is_the_address_alone() {
    let app = App::start().await;
    let texts = [
        "Ada Muster <ada@example.com>",
        "ada@gmail",
        "ada@[127.0.0.1]",
        "ada@example.com, bob@example.com",
        " ada@example.com",
        "Ada@Example.COM",
        "ada@example.com",
    ];
    let outcomes = recorded(&app, "email", &texts).await;
    let expected = [
        "without a name or angle brackets",
        "a domain with a dot",
        "not an IP address",
        "is not an email address",
        "must not begin or end with a space",
        "Ada@Example.COM",
        "ada@example.com",
    ];
    assert_outcomes(&outcomes, &expected);
}

#[tokio::test]
async fn a_phone_number_is_recorded_in_one_form() {
    let country = ("PATRON_COUNTRY", "GB".to_owned());
    let mut app = App::with_environment(vec![country]).await;
    app.add_worker();
    let texts = [
        "+44 20 7946 0958",
        "020 7946 0958",
        "0044 (0)20 7946 0958",
        "4.42079E+11",
        "020 7946 0958 ext. 12",
        "n/a",
    ];
    let outcomes = recorded(&app, "phone", &texts).await;
    let number = "+442079460958";
    let expected = [
        number,
        number,
        number,
        "a spreadsheet shortened",
        "has an extension",
        "is not a phone number",
    ];
    assert_outcomes(&outcomes, &expected);
}

#[tokio::test]
async fn a_deployment_without_a_country_takes_numbers_with_their_country_code() {
    let app = App::start().await;
    let outcomes = recorded(&app, "phone", &["+44 20 7946 0958", "020 7946 0958"]).await;
    assert_outcomes(&outcomes, &["+442079460958", "set PATRON_COUNTRY"]);
}

#[tokio::test]
async fn a_deployment_may_take_domains_without_a_dot() {
    let domains = ("PATRON_EMAIL_DOMAINS", "any".to_owned());
    let mut app = App::with_environment(vec![domains]).await;
    app.add_worker();
    let outcomes = recorded(&app, "email", &["root@mailhost", "ada@[127.0.0.1]"]).await;
    assert_outcomes(&outcomes, &["root@mailhost", "not an IP address"]);
}
