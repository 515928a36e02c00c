use serde_json::{Value, json};

use crate::options::{FileFormat, ImportOptions};
use crate::record::{RecordContent, Rows};
use crate::source::Source;

/// Returns each record's object, or the reason why it is refused, with its number of rows.
fn read(text: &str, options: &ImportOptions) -> Vec<(Result<Value, String>, u32)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.csv");
    std::fs::write(&path, text).unwrap();
    let resource = crate::Resource::Orders;
    let mut source = Source::open(&path, resource, FileFormat::Csv, options, None).unwrap();
    let (mut records, mut out) = (Vec::new(), Vec::new());
    while let Some(record) = source.next(&mut out).unwrap() {
        let Rows { count, .. } = record.rows;
        records.push(match record.content {
            RecordContent::Item(_) => (Ok(serde_json::from_slice(&out).unwrap()), count),
            RecordContent::Refused(reason) => (Err(reason.text), count),
            RecordContent::Skipped => (Err("skipped".into()), count),
            RecordContent::Repeated => (Err("repeated".into()), count),
        });
        out.clear();
    }
    records
}

const HEADER: &str = "order_id,customer_id,amount,currency,placed_at,status,items.sku,items.quantity,items.unit_amount\n";

fn items(records: &[(Result<Value, String>, u32)], index: usize) -> Vec<String> {
    let order = records[index].0.as_ref().unwrap();
    let items = order["items"].as_array().cloned().unwrap_or_default();
    let sku = |item: &Value| item["sku"].as_str().unwrap().to_owned();
    items.iter().map(sku).collect()
}

#[test]
fn fields_may_stand_on_any_row_and_items_on_each() {
    let rows = "o-1,c-1,,USD,2026-01-01,,a,2,1.50\n\
                o-1,,9.00,,,placed,b,1,6.00\n\
                o-2,c-2,5.00,USD,2026-01-02,,c,0,5.00\n";
    let records = read(&format!("{HEADER}{rows}"), &ImportOptions::default());
    assert_eq!(
        records[0],
        (
            Ok(json!({
                "order_id": "o-1", "customer_id": "c-1", "amount": 900, "currency": "USD",
                "placed_at": "2026-01-01", "status": "placed",
                "items": [{"sku": "a", "quantity": 2, "unit_amount": 150},
                          {"sku": "b", "quantity": 1, "unit_amount": 600}]
            })),
            2
        )
    );
    assert_eq!(
        items(&records, 1),
        [""; 0],
        "an item that was taken back whole is none"
    );
}

#[test]
fn without_an_amount_it_is_the_sum_of_the_items() {
    let options = ImportOptions {
        map: ["order_id", "customer_id", "currency", "placed_at"]
            .into_iter()
            .chain(["items.sku", "items.quantity", "items.unit_amount"])
            .map(|field| format!("{field}={field}").parse().unwrap())
            .collect(),
        ..ImportOptions::default()
    };
    let rows = "o-1,c-1,,USD,2026-01-01,,a,2,1.50\no-1,c-1,,USD,2026-01-01,,b,3,0.99\n";
    let records = read(&format!("{HEADER}{rows}"), &options);
    assert_eq!(records[0].0.as_ref().unwrap()["amount"], 597);
}

#[test]
fn a_row_without_an_id_belongs_to_the_order_before_it_if_it_lacks_more() {
    let rows = "o-1,c-1,9.00,USD,2026-01-01,,a,1,9.00\n\
                ,c-1,,,2026-01-01,,b,1,\n\
                ,c-1,4.00,USD,2026-01-01,,c,1,4.00\n\
                o-2,c-1,5.00,USD,2026-01-01,,d,1,5.00\n\
                ,c-2,,,,,e,1,\n";
    let records = read(&format!("{HEADER}{rows}"), &ImportOptions::default());
    assert_eq!(items(&records, 0), ["a", "b"]);
    let reason = "order_id is empty: column order_id";
    assert_eq!(records[1].0.as_ref().unwrap_err(), reason);
    assert_eq!(items(&records, 2), ["d"]);
    assert_eq!(records[3].0.as_ref().unwrap_err(), reason);
}

#[test]
fn an_order_whose_rows_contradict_each_other_is_refused_whole() {
    let rows = "o-1,c-1,9.00,USD,2026-01-01,,a,1,9.00\no-1,c-1,8.00,USD,2026-01-01,,b,1,\n";
    let text = format!("{HEADER}{rows}");
    let records = read(&text, &ImportOptions::default());
    assert_eq!(records.len(), 1);
    let (refused, rows) = &records[0];
    let reason = refused.as_ref().unwrap_err();
    let wanted = "amount is \"9.00\" before line 3 and \"8.00\" on it";
    assert!(reason.contains(wanted), "{reason}");
    assert_eq!(*rows, 2);
    for (options, amount) in [
        (
            ImportOptions {
                last_wins: true,
                ..ImportOptions::default()
            },
            800,
        ),
        (
            ImportOptions {
                first_row: vec!["amount".into()],
                ..ImportOptions::default()
            },
            900,
        ),
    ] {
        let records = read(&text, &options);
        assert_eq!(records[0].0.as_ref().unwrap()["amount"], amount);
    }
}

#[test]
fn without_items_a_contradiction_is_one_between_two_records() {
    let text = "order_id,customer_id,amount,currency,placed_at\n\
                o-1,c-1,9.00,USD,2026-01-01\no-1,c-1,8.00,USD,2026-01-01\n";
    let records = read(text, &ImportOptions::default());
    assert_eq!(records.len(), 2);
}

#[test]
fn orders_with_a_status_to_skip_are_left_out_before_they_are_checked() {
    let options = ImportOptions {
        status: vec!["fail*=skip".parse().unwrap()],
        ..ImportOptions::default()
    };
    let rows = "o-1,,x,,,Failed,a,-1,\no-2,c-1,1.00,USD,2026-01-01,Refunded,a,1,\n";
    let records = read(&format!("{HEADER}{rows}"), &options);
    assert_eq!(records[0].0, Err("skipped".into()));
    assert_eq!(records[1].0.as_ref().unwrap()["status"], "refunded");
}

#[test]
fn a_problem_of_an_item_names_its_line() {
    let rows = "o-1,c-1,9.00,USD,2026-01-01,,a,1,9.00\no-1,,,,,,b,many,\n";
    let records = read(&format!("{HEADER}{rows}"), &ImportOptions::default());
    assert_eq!(
        records[0].0.as_ref().unwrap_err(),
        "line 3: items.quantity \"many\" is not a whole number"
    );
}

#[test]
fn values_that_are_written_in_two_ways_do_not_contradict_each_other() {
    let options = ImportOptions {
        status: vec!["paid=placed".parse().unwrap()],
        ..ImportOptions::default()
    };
    let rows = "o-1,Cafe\u{301},60.00,USD,2026-01-01,Paid,a,1,60.00\n\
                o-1,Caf\u{e9},60.0,usd,2026-01-01,paid,b,1,\n\
                o-2,c-1,60.00,USD,2026-01-01,paid,a,1,60.00\n\
                o-2,c-1,60.01,USD,2026-01-01,paid,a,1,60.00\n";
    let records = read(&format!("{HEADER}{rows}"), &options);
    assert_eq!(items(&records, 0), ["a", "b"]);
    assert!(records[1].0.is_err(), "{records:?}");
}

#[test]
fn reasons_quote_the_beginning_of_a_cell_without_control_characters() {
    let long = "x".repeat(5000);
    let rows = format!(
        "o-1,c-1,{long},USD,2026-01-01,,a,1,9.00\no-2,c-1,\u{1b}[31m9,USD,2026-01-01,,a,1,9.00\n\
         o-3,c-1,9.00,USD,2026-01-01,{long},a,1,9.00\no-4,c-1,9.00,USD,2026-01-01,,a,{long},9.00\n"
    );
    let records = read(&format!("{HEADER}{rows}"), &ImportOptions::default());
    for (record, _) in &records {
        let reason = record.as_ref().unwrap_err();
        assert!(reason.len() < 500, "{reason}");
        assert!(!reason.contains(char::is_control), "{reason:?}");
    }
    let reason = records[0].0.as_ref().unwrap_err();
    assert!(
        reason.contains(&format!("\"{}…\"", "x".repeat(80))),
        "{reason}"
    );
    assert!(
        records[1]
            .0
            .as_ref()
            .unwrap_err()
            .contains("\"\\u{1b}[31m9\"")
    );
}

#[test]
fn the_fallback_of_a_row_does_not_contradict_the_column_of_another() {
    let options = ImportOptions {
        fallback: vec!["customer_id=phone".parse().unwrap()],
        ..ImportOptions::default()
    };
    let header = HEADER.replace("status", "phone");
    let rows = "o-1,a@example.com,9.00,USD,2026-01-01,,a,1,9.00\no-1,,,,,+4620,b,1,\n\
                o-2,,9.00,USD,2026-01-01,+4620,a,1,9.00\no-2,b@example.com,,,,,b,1,\n\
                o-3,,9.00,USD,2026-01-01,+4620,a,1,9.00\no-3,,,,,+4621,b,1,\n";
    let records = read(&(header + rows), &options);
    let customer = |index: usize| records[index].0.as_ref().unwrap()["customer_id"].clone();
    assert_eq!(customer(0), "a@example.com");
    assert_eq!(customer(1), "b@example.com");
    assert!(records[2].0.is_err(), "{records:?}");
}
