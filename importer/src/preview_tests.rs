//! Previews of files as spreadsheets and shops write them.

use std::path::Path;

use serde_json::{Value, from_value, json};

use super::*;
use crate::fields::Resource;
use crate::option_names::OptionNames;
use crate::options::FileFormat;

/// Reads an export with these options. Returns its objects, and the reasons of refused rows.
fn read(name: &str, resource: Resource, options: Value) -> (Vec<Value>, Vec<String>) {
    let preview = preview(name, resource, options).unwrap();
    let objects = preview.first.iter();
    let reasons = preview.refusals.kinds().iter();
    (
        objects
            .map(|object| serde_json::from_str(object).unwrap())
            .collect(),
        reasons.map(|kind| kind.reason.text.clone()).collect(),
    )
}

fn preview(name: &str, resource: Resource, options: Value) -> Result<Preview, ImportError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/exports");
    let task = ImportTask {
        option_names: OptionNames::Flags,
        file: folder.join(name),
        resource,
        format: FileFormat::Csv,
        options: from_value(options).unwrap(),
        preset: None,
        destination: String::new(),
        batch: 1,
        rejects: folder.join("rejects"),
        journal: folder.join("journal"),
        restart: false,
    };
    task.preview(9)
}

fn european(decimal: Option<&str>) -> Value {
    let mut options = json!({
        "map": {"order_id": "Bestellnr", "customer_id": "Kunde", "amount": "Betrag",
                "placed_at": "Datum"},
        "set": {"currency": "USD"}, "encoding": "windows-1252",
        "date_format": ["%d.%m.%Y"], "time_zone": "Europe/Berlin"
    });
    if let Some(decimal) = decimal {
        options["decimal"] = decimal.into();
    }
    options
}

#[test]
fn a_european_table_is_read_once_its_form_is_told() {
    const FILE: &str = "spreadsheet_windows_1252.csv";
    let (objects, reasons) = read(FILE, Resource::Orders, european(None));
    assert_eq!(objects, [Value::Null; 0], "nothing is guessed");
    assert!(
        reasons[0].ends_with("; --decimal comma reads it as 1234.56"),
        "{reasons:?}"
    );
    let (objects, reasons) = read(FILE, Resource::Orders, european(Some("comma")));
    assert_eq!(
        objects,
        [
            json!({"order_id": "R-1001", "customer_id": "K-1", "amount": 123_456,
                   "currency": "USD", "placed_at": "2026-11-02T23:00:00.000Z"}),
            json!({"order_id": "R-1002", "customer_id": "K-2", "amount": 1250,
                   "currency": "USD", "placed_at": "2026-11-03T23:00:00.000Z"}),
        ]
    );
    assert_eq!(reasons, ["amount \"-5,00\" is negative"]);

    let names = json!({"map": {"customer_id": "Kunde", "name": "Name", "city": "Ort"}});
    let (objects, reasons) = read(FILE, Resource::Customers, names.clone());
    assert_eq!(objects, [Value::Null; 0]);
    assert!(
        reasons[0].contains("--encoding windows-1252"),
        "{reasons:?}"
    );
    let mut told = names;
    told["encoding"] = "windows-1252".into();
    let (objects, _) = read(FILE, Resource::Customers, told);
    assert_eq!(
        objects[0],
        json!({"customer_id": "K-1", "name": "Jürgen Groß", "city": "Köln"})
    );
}

#[test]
fn utf16_and_rows_of_empty_cells_are_read() {
    let options = json!({
        "delimiter": "tab",
        "map": {"customer_id": "id", "name": "full_name", "phone": "phone_number",
                "registered_at": "created_time"}
    });
    let (objects, reasons) = read("leads_utf16.csv", Resource::Customers, options);
    assert_eq!(reasons, [""; 0]);
    assert_eq!(
        objects[0],
        json!({"customer_id": "l:900001", "name": "Éva Nagy", "phone": "+36205550111",
               "registered_at": "2026-10-02T07:15:00.000Z"})
    );
    let preview = preview("empty_rows.csv", Resource::Customers, json!({})).unwrap();
    assert_eq!((preview.sendable, preview.counts.read), (2, 2));
}

#[test]
fn customers_whose_ids_a_spreadsheet_shortened_are_refused() {
    let (objects, reasons) = read("spreadsheet_ids.csv", Resource::Customers, json!({}));
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0]["name"], "Dia Noor");
    assert!(reasons[0].contains("spreadsheet shortened"), "{reasons:?}");
}

#[test]
fn local_times_of_a_shop_are_instants() {
    let options = |zone: Option<&str>| {
        let mut options = json!({
            "map": {"order_id": "Order Number", "customer_id": "Email (Billing)",
                    "amount": "Order Total Amount", "placed_at": "Order Date"},
            "set": {"currency": "USD"}
        });
        if let Some(zone) = zone {
            options["time_zone"] = zone.into();
        }
        options
    };
    const FILE: &str = "woocommerce_orders.csv";
    let (objects, reasons) = read(FILE, Resource::Orders, options(None));
    assert_eq!(objects, [Value::Null; 0]);
    assert!(reasons[0].contains("pass --time-zone"), "{reasons:?}");
    let zone = options(Some("Europe/Berlin"));
    let (objects, reasons) = read(FILE, Resource::Orders, zone.clone());
    let placed: Vec<_> = objects.iter().map(|order| &order["placed_at"]).collect();
    assert_eq!(
        placed,
        [
            "2025-12-31T23:10:00.000Z",
            "2026-07-15T12:00:00.000Z",
            "2026-10-25T00:30:00.000Z"
        ]
    );
    assert!(
        reasons[0].contains("did not exist in Europe/Berlin"),
        "{reasons:?}"
    );
    let notes = preview(FILE, Resource::Orders, zone).unwrap().counts.notes;
    assert_eq!(notes.ambiguous_times, 1);
}

#[test]
fn columns_are_combined_negated_and_chosen() {
    let with = |unsubscribed: &str| {
        json!({
            "map": {"customer_id": "Customer ID", "name": "{First Name} {Last Name}",
                    "phone": "Phone", "tags": "Tags", "unsubscribed": unsubscribed},
            "tag_separator": ","
        })
    };
    const FILE: &str = "shopify_customers.csv";
    let straight = with("Accepts Email Marketing");
    let refused = preview(FILE, Resource::Customers, straight).unwrap_err();
    assert!(
        refused.to_string().contains("'!Accepts Email Marketing'"),
        "{refused}"
    );
    let (objects, _) = read(FILE, Resource::Customers, with("!Accepts Email Marketing"));
    assert_eq!(
        objects[0],
        json!({"customer_id": "7410000000001", "name": "Teo Brandt", "phone": "+17755550154",
               "tags": ["retail", "ag-exempt"], "unsubscribed": false})
    );
    let refusals: Vec<_> = objects.iter().map(|one| &one["unsubscribed"]).collect();
    assert_eq!(refusals, [false, true, false]);

    let left = |column: &str| {
        json!({
            "map": {"customer_id": "Email Address", "tags": "TAGS",
                    "attributes.left_because": column},
            "set": {"unsubscribed": "true"}, "tag_separator": ","
        })
    };
    const LEFT: &str = "mailchimp_unsubscribed.csv";
    let several = preview(LEFT, Resource::Customers, left("UNSUB_REASON")).unwrap_err();
    assert!(several.to_string().contains("UNSUB_REASON#2"), "{several}");
    let (objects, _) = read(LEFT, Resource::Customers, left("UNSUB_REASON#2"));
    assert_eq!(
        objects[0],
        json!({"customer_id": "nia.moss@example.com", "tags": ["VIP", "Blog"],
               "unsubscribed": true,
               "attributes": {"left_because": "I no longer want these"}})
    );
}

#[test]
fn an_empty_cell_clears_only_the_fields_that_are_named() {
    let options = |clear: Value| {
        json!({"map": {"customer_id": "Record ID", "email": "Email", "phone": "Phone Number"},
               "clear_empty": clear})
    };
    const FILE: &str = "hubspot_contacts.csv";
    let first = |clear| {
        let (objects, _) = read(FILE, Resource::Customers, options(clear));
        objects[0].clone()
    };
    let phone = "+44 20 7946 0958";
    assert_eq!(
        first(json!([])),
        json!({"customer_id": "101", "phone": phone})
    );
    assert_eq!(
        first(json!(["all"])),
        json!({"customer_id": "101", "email": null, "phone": phone})
    );
    let refused = preview(FILE, Resource::Customers, options(json!(["customer_id"])));
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("cannot be cleared")
    );
}
