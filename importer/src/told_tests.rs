//! What users are told about files and options that do not fit, before anything is sent.

use serde_json::{Value, json};

use crate::Resource;
use crate::testing::{error, orders, read};

const HEADER: &str = "order_id,customer_id,amount,currency,placed_at";

fn customers(text: &str, options: Value) -> crate::testing::Read {
    read(Resource::Customers, text.as_bytes(), options)
}

fn wrong(text: &str, options: Value) -> String {
    error(Resource::Customers, text, options)
}

#[test]
fn texts_that_stand_for_an_empty_cell_are_told_in_any_case() {
    let text = "customer_id,phone,email\n1,n/a,a@example.com\n2,N/A,-\n";
    let plain = customers(text, json!({}));
    assert_eq!(plain.objects.len(), 0);
    assert!(plain.reasons[0].contains("--empty"), "{:?}", plain.reasons);
    let told = customers(text, json!({"empty": ["n/a", "-"]}));
    assert_eq!(
        told.objects,
        [
            json!({"customer_id": "1", "email": "a@example.com"}),
            json!({"customer_id": "2"})
        ]
    );
    let no_id = customers("customer_id,name\nn/a,Ann\n", json!({"empty": ["n/a"]}));
    assert_eq!(
        no_id.reasons,
        ["2: customer_id is empty: column customer_id"]
    );
}

#[test]
fn flags_of_other_languages_are_read_once_they_are_told() {
    let text = "customer_id,unsubscribed\n1,ja\n2,Nein\n";
    let plain = customers(text, json!({}));
    assert!(
        plain.reasons[0].contains("y/n, t/f, on/off"),
        "{:?}",
        plain.reasons
    );
    assert!(
        plain.reasons[0].contains("--yes-word"),
        "{:?}",
        plain.reasons
    );
    let told = customers(text, json!({"yes_word": ["ja"], "no_word": ["nein"]}));
    let flags: Vec<_> = told
        .objects
        .iter()
        .map(|one| &one["unsubscribed"])
        .collect();
    assert_eq!(flags, [true, false]);
}

#[test]
fn a_value_whose_name_or_type_the_server_refuses_is_a_wrong_option() {
    let text = "customer_id,points\n1,5\n";
    let map = |field: &str| json!({"map": {"customer_id": "customer_id", field: "points"}});
    let message = wrong(text, map("attributes.points:integer"));
    assert!(
        message.contains("attributes.points:integer=points: integer is none of number and boolean"),
        "{message}"
    );
    let message = wrong(text, map("attributes.my points"));
    assert!(
        message.contains("my points cannot be the name of a value"),
        "{message}"
    );
    assert_eq!(
        customers(text, map("attributes.points:number")).objects[0]["attributes"],
        json!({"points": 5})
    );
}

#[test]
fn a_refund_above_the_amount_is_refused_before_sending() {
    let text = format!(
        "{HEADER},refunded_amount\n1,c-1,5.00,USD,2026-01-01,5.00\n2,c-1,5.00,USD,2026-01-01,5.01\n"
    );
    let read = orders(&text, json!({}));
    assert_eq!(read.objects.len(), 1);
    assert_eq!(
        read.reasons,
        ["3: refunded_amount \"5.01\" is more than the order's amount"]
    );
}

#[test]
fn a_format_without_percent_signs_is_spelled_as_it_should_be() {
    let text = format!("{HEADER}\n1,c-1,5.00,USD,31.01.2026\n");
    for (written, meant) in [
        ("DD.MM.YYYY HH:mm", "%d.%m.%Y %H:%M would"),
        ("dd/mm/yy", "%d/%m/%y would"),
        ("German", "%Y-%m-%d would"),
    ] {
        let message = error(Resource::Orders, &text, json!({"date_format": [written]}));
        assert!(message.contains(meant), "{message}");
    }
}

#[test]
fn options_for_values_that_no_column_has_are_errors() {
    for (options, option) in [
        (
            json!({"date_format": ["%d.%m.%Y"]}),
            "--date-format: no field has",
        ),
        (
            json!({"tag_separator": ","}),
            "--tag-separator: no field has",
        ),
        (json!({"yes_word": ["ja"]}), "--yes-word: no field has"),
        (json!({"no_word": ["nein"]}), "--no-word: no field has"),
    ] {
        let message = wrong("customer_id,name\n1,Ann\n", options);
        assert!(message.contains(option), "{message}");
    }
}

#[test]
fn bytes_of_a_wrong_encoding_are_one_kind_of_reason() {
    let text = b"customer_id,name\n1,J\xFCrgen\n2,Ren\xE9\n3,Bj\xF6rn\n";
    let read = read(Resource::Customers, text, json!({}));
    assert_eq!(read.reasons.len(), 1, "{:?}", read.reasons);
    assert_eq!(read.preview.counts.refused, 3);
}

#[test]
fn words_fit_what_they_tell() {
    let message = error(Resource::Orders, "a,b\n1,2\n", json!({}));
    assert!(message.contains("set them with --map"), "{message}");
    let text = format!("{HEADER},items.sku,items.quantity\n1,c-1,5.00,USD,2026-01-01,A,-1\n");
    let read = orders(&text, json!({}));
    assert!(
        read.reasons[0].ends_with("items.quantity \"-1\" is negative"),
        "{:?}",
        read.reasons
    );
}

#[test]
fn columns_that_fill_no_field_and_numbers_that_are_sent_as_text_are_named() {
    let text = "id,points,zip,plan,age,note\n1,5,01234,pro,40,x\n2,-7.5,10001,basic,,y\n";
    let map = json!({"customer_id": "id", "attributes.points": "points", "attributes.zip": "zip",
                     "attributes.plan": "plan"});
    let read = customers(text, json!({"map": map}));
    assert_eq!(read.unused, ["age", "note"]);
    assert_eq!(read.numbers, ["attributes.points"]);
    let by_name = customers("customer_id,name,points\n1,Ann,5\n", json!({}));
    assert_eq!(by_name.unused, ["points"]);
}
