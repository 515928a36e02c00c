//! Files that are read with a preset of one's own.

use serde_json::{Value, json};

use crate::error::ImportError;
use crate::presets::Preset;
use crate::testing::{Read, try_read};
use crate::{Pair, Resource};

const ORDERS: &str = r#"
title = "The till's list"
resource = "orders"
date_format = ["%Y-%m-%d"]

[map]
order_id = "Nr"
customer_id = "Card"
amount = "Sum"
placed_at = "Day"
refunded_amount = "Back"
status = "State"

[fallback]
customer_id = "Mail"

[set]
currency = "EUR"

[status]
Voided = "placed"
ok = "placed"
"#;

const CUSTOMERS: &str = r#"
title = "Our list"
resource = "customers"

[map]
customer_id = "id"
unsubscribed = "!Accepts"
name = "{First} {Last}"
"attributes.accepts_sms:boolean" = "SMS"
"#;

fn read(preset: &str, text: &str, options: Value) -> Result<Read, ImportError> {
    let preset = Preset::parse("own", preset)?;
    let resource = preset.resource;
    try_read(resource, text.as_bytes(), options, Some(preset))
}

fn error(preset: &str, text: &str, options: Value) -> String {
    read(preset, text, options).unwrap_err().to_string()
}

#[test]
fn only_columns_that_are_missing_are_left_out() {
    let header = "Nr,Card,Sum,Day,State";
    let row = "1,c-1,5.00,2026-01-01,ok";
    let full = read(ORDERS, &format!("{header}\n{row}\n"), json!({})).unwrap();
    assert_eq!(full.objects.len(), 1);
    let pair = |text: &str| text.parse::<Pair>().unwrap();
    assert_eq!(full.left_out, [pair("refunded_amount=Back")]);
    let message = error(
        ORDERS,
        &format!("{header},Back,Back\n{row},1,2\n"),
        json!({}),
    );
    assert!(
        message.contains("--map refunded_amount=Back: the file has 2 columns named Back"),
        "{message}"
    );
    let malformed = CUSTOMERS.replace("{First} {Last}", "{First");
    let message = error(&malformed, "id,First\n1,Ann\n", json!({}));
    assert!(message.contains("a { has no } after it"), "{message}");
    let read = read(CUSTOMERS, "id,Accpts\n1,yes\n", json!({})).unwrap();
    let left_out: Vec<_> = read.left_out.iter().map(|pair| &*pair.field).collect();
    assert_eq!(
        left_out,
        ["attributes.accepts_sms:boolean", "name", "unsubscribed"]
    );
}

#[test]
fn fields_that_do_not_exist_are_errors_of_the_preset() {
    for (text, wanted) in [
        (
            ORDERS.replace("amount =", "amout ="),
            "orders have no field amout",
        ),
        (
            ORDERS.replace("date_format", "first_row = [\"Total\"]\ndate_format"),
            "orders have no field Total",
        ),
        (
            ORDERS.replace("ok =", "VOIDED ="),
            "is given twice; upper case and lower case are the same",
        ),
        (
            CUSTOMERS.replace(
                "customer_id =",
                "\"attributes.accepts_sms\" = \"x\"\ncustomer_id =",
            ),
            "--map attributes.accepts_sms is given twice",
        ),
    ] {
        let message = Preset::parse("own", &text).unwrap_err().to_string();
        assert!(message.contains("preset own: "), "{message}");
        assert!(message.contains(wanted), "{message}");
    }
}

#[test]
fn what_is_wrong_in_a_preset_is_named_with_its_line() {
    for (text, wanted) in [
        (
            ORDERS.replace("amount =", "amout ="),
            "line 9: map.amout: --map amout=Sum: orders have no field amout",
        ),
        (
            ORDERS.replace("date_format", "dat_format"),
            "line 4: dat_format: unknown field `dat_format`",
        ),
        (
            ORDERS.replace("Voided = \"placed\"", "Voided = \"gone\""),
            "line 21: status.Voided: --status Voided=gone",
        ),
        (
            format!("{ORDERS}\n[[when]]\ncolumn = \"X\"\nmap = {{ colour = \"X\" }}\n"),
            "line 26: map.colour: ",
        ),
        (
            ORDERS.replace("date_format", "decimal = \"semicolon\"\ndate_format"),
            "line 4: decimal: ",
        ),
        (ORDERS.replace("\"Sum\"", "Sum"), "line 9"),
    ] {
        let message = Preset::parse("own", &text).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}");
    }
}

#[test]
fn options_replace_the_same_status_and_the_same_field_of_a_preset() {
    let text = "Nr,Card,Sum,Day,State\n1,c-1,5.00,2026-01-01,VOIDED\n";
    let read_orders = read(ORDERS, text, json!({"status": {"voided": "cancelled"}})).unwrap();
    assert_eq!(read_orders.objects[0]["status"], "cancelled");
    let options = json!({"map": {"attributes.accepts_sms": "Text"}});
    let customers = read(CUSTOMERS, "id,SMS,Text\n1,yes,maybe\n", options).unwrap();
    assert_eq!(customers.objects[0]["attributes"]["accepts_sms"], "maybe");
    let options = json!({"set": {"attributes.accepts_sms": "unknown"}});
    let customers = read(CUSTOMERS, "id,SMS,Text\n1,yes,maybe\n", options).unwrap();
    assert_eq!(customers.objects[0]["attributes"]["accepts_sms"], "unknown");
    let given = vec!["amount=Sum".parse().unwrap(), "amount=Nr".parse().unwrap()];
    let options = crate::ImportOptions {
        map: given,
        ..crate::ImportOptions::default()
    };
    let preset = Preset::parse("own", ORDERS).unwrap();
    let message = preset.with(&options).unwrap_err().to_string();
    assert_eq!(message, "--map amount is given twice");
}

#[test]
fn the_last_record_of_an_id_wins_if_the_preset_says_so() {
    let text = "Nr,Card,Sum,Day,State\n1,c-1,5.00,2026-01-01,ok\n1,c-1,6.00,2026-01-01,ok\n";
    let first = read(ORDERS, text, json!({})).unwrap();
    assert_eq!(
        (first.preview.sendable, first.preview.counts.refused),
        (1, 1)
    );
    let last = ORDERS.replace("date_format", "last_wins = true\ndate_format");
    let both = read(&last, text, json!({})).unwrap();
    assert_eq!((both.preview.sendable, both.preview.counts.refused), (2, 0));
}

#[test]
fn statuses_of_a_preset_need_no_column_but_a_given_one_does() {
    let text = "Nr,Card,Sum,Day\n1,c-1,5.00,2026-01-01\n";
    assert_eq!(read(ORDERS, text, json!({})).unwrap().objects.len(), 1);
    let message = error(ORDERS, text, json!({"status": {"ok": "skip"}}));
    assert!(
        message.contains("--status: no column fills status"),
        "{message}"
    );
}

#[test]
fn orders_that_were_paid_back_in_part_need_a_column_for_that_part() {
    let preset = ORDERS.replace("ok =", "Partially_Refunded = \"placed\"\nok =");
    let text = |column: &str| {
        format!(
            "Nr,Card,Sum,Day,State,{column}\n1,c-1,60.00,2026-01-01,partially_refunded,20.00\n\
             2,c-1,5.00,2026-01-01,ok,0\n"
        )
    };
    let without = read(&preset, &text("Other"), json!({})).unwrap();
    assert_eq!(without.objects.len(), 1);
    let reason = &without.reasons[0];
    assert!(
        reason.starts_with("2: status \"partially_refunded\"")
            && reason.contains("--map refunded_amount=COLUMN"),
        "{reason}"
    );
    let with = read(&preset, &text("Back"), json!({})).unwrap();
    assert_eq!(with.objects[0]["refunded_amount"], 2000);
    for options in [
        json!({"map": {"refunded_amount": "Other"}}),
        json!({"status": {"partially_refunded": "placed"}}),
    ] {
        let told = read(&preset, &text("Other"), options).unwrap();
        assert_eq!(told.objects.len(), 2, "what is said is obeyed");
    }
}

#[test]
fn the_encoding_of_a_preset_is_that_of_lines_that_are_not_utf8() {
    let preset = CUSTOMERS.replace("title", "encoding = \"windows-1252\"\ntitle");
    let text =
        b"id,First,Last,Accepts\n1,J\xC3\xBCrgen,x,no\n2,J\xFCrgen,x,no\n3,J\xFCrgen,x,bad\n";
    let own = Preset::parse("own", &preset).unwrap();
    let read = try_read(Resource::Customers, text, json!({}), Some(own.clone())).unwrap();
    let names: Vec<_> = read.objects.iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["Jürgen x", "Jürgen x"]);
    let stated = json!({"encoding": "windows-1252"});
    let read = try_read(Resource::Customers, text, stated, Some(own)).unwrap();
    assert_eq!(read.objects[0]["name"], "JÃ¼rgen x", "an option is obeyed");
}

#[test]
fn texts_of_an_empty_cell_are_empty() {
    let preset = ORDERS.replace("date_format", "empty = [\"NULL\", \"\\\\N\"]\ndate_format");
    let text = "Nr,Card,Mail,Sum,Day,State\n1,NULL,a@example.com,5.00,2026-01-01,ok\n\
                2,\\N,b@example.com,5.00,2026-01-01,NULL\nNULL,NULL,NULL,NULL,NULL,NULL\n";
    let read = read(&preset, text, json!({})).unwrap();
    let customers: Vec<_> = read.objects.iter().map(|one| &one["customer_id"]).collect();
    assert_eq!(customers, ["a@example.com", "b@example.com"]);
    assert_eq!(read.reasons, [""; 0], "a row of empty cells is no row");
    let magento = Preset::named("magento-orders").unwrap();
    assert!(magento.empty.contains(&"NULL".to_owned()));
}
