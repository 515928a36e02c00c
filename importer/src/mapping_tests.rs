use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::options::{AmountUnit, Delimiter, FileFormat};
use crate::source::Source;

const CDNOW: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/data/CDNOW_master.txt"
);

fn pairs(texts: &[&str]) -> Vec<crate::options::Pair> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Returns each record's object, or the reason why it is refused.
fn read(path: &Path, resource: Resource, options: &ImportOptions) -> Vec<Result<Value, Reason>> {
    let mut source = Source::open(path, resource, FileFormat::Csv, options, None).unwrap();
    let mut objects = Vec::new();
    let mut out = Vec::new();
    while let Some(record) = source.next(&mut out).unwrap() {
        objects.push(match record.content {
            RecordContent::Item(_) => Ok(serde_json::from_slice(&out).unwrap()),
            RecordContent::Refused(reason) => Err(reason),
            other => panic!("{other:?}"),
        });
        assert!(objects.last().unwrap().is_ok() || out.is_empty());
        out.clear();
    }
    objects
}

fn read_text(
    text: &str,
    resource: Resource,
    options: &ImportOptions,
) -> Vec<Result<Value, Reason>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.csv");
    std::fs::write(&path, text).unwrap();
    read(&path, resource, options)
}

fn error(resource: Resource, options: &ImportOptions, columns: &[&str]) -> String {
    let columns: Vec<_> = columns.iter().map(|&column| column.to_owned()).collect();
    let columns = Columns::new(&columns, Delimiter::Byte(b','));
    Mapping::new(resource, options, options, columns)
        .err()
        .unwrap()
        .to_string()
}

fn cdnow() -> ImportOptions {
    ImportOptions {
        delimiter: Some(Delimiter::Whitespace),
        map: pairs(&[
            "customer_id=customer_id",
            "amount=dollar_value",
            "placed_at=date",
        ]),
        set: pairs(&["currency=USD"]),
        id: Some("cdnow-{line}".into()),
        date_format: vec!["%Y%m%d".into()],
        ..ImportOptions::default()
    }
}

#[test]
fn the_cdnow_file_is_parsed_exactly() {
    let mut source = Source::open(
        Path::new(CDNOW),
        Resource::Orders,
        FileFormat::Csv,
        &cdnow(),
        None,
    )
    .unwrap();
    let mut first = Vec::new();
    let record = source.next(&mut first).unwrap().unwrap();
    assert!(matches!(record.content, RecordContent::Item(Some(_))));
    assert_eq!(
        String::from_utf8(first).unwrap(),
        r#"{"order_id":"cdnow-2","customer_id":"00001","amount":1177,"currency":"USD","placed_at":"1997-01-01"}"#
    );
    let orders: Vec<_> = read(Path::new(CDNOW), Resource::Orders, &cdnow())
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    let sum: i64 = orders
        .iter()
        .map(|order| order["amount"].as_i64().unwrap())
        .sum();
    assert_eq!((orders.len(), sum), (69_659, 250_031_563));
    assert_eq!(orders.last().unwrap()["order_id"], "cdnow-69660");
}

#[test]
fn columns_with_the_name_of_a_field_fill_it() {
    let text = "customer_id,name,shoe,tags,attributes.plan,registered_at,unsubscribed\n\
                c-1,\"Ann \"\"A\"\"\",44, new ; vip;,gold,2026-01-31,Yes\n\
                c-2,,,,,,\n";
    assert_eq!(
        read_text(text, Resource::Customers, &ImportOptions::default()),
        [
            Ok(json!({
                "customer_id": "c-1", "name": "Ann \"A\"", "tags": ["new", "vip"],
                "registered_at": "2026-01-31", "unsubscribed": true,
                "attributes": {"plan": "gold"}
            })),
            Ok(json!({"customer_id": "c-2"})),
        ]
    );
}

#[test]
fn free_keys_have_the_requested_type() {
    let options = ImportOptions {
        map: pairs(&[
            "properties.pages:number=n",
            "properties.new:boolean=b",
            "properties.zip=z",
        ]),
        set: pairs(&[
            "name=visit",
            "customer_id=c-1",
            "occurred_at=2026-01-01T10:00:00+01:00",
        ]),
        id: Some("v{line}-x".into()),
        ..ImportOptions::default()
    };
    let objects = read_text("n,b,z\n1.50,no,00123\nx,1,1\n", Resource::Events, &options);
    assert_eq!(
        objects[0].as_ref().unwrap(),
        &json!({
            "event_id": "v2-x", "customer_id": "c-1", "name": "visit",
            "occurred_at": "2026-01-01T09:00:00.000Z",
            "properties": {"pages": 1.50, "new": false, "zip": "00123"}
        })
    );
    let reason = objects[1].as_ref().unwrap_err();
    assert_eq!(
        reason.text,
        "properties.pages:number \"x\" is not a number".replace(":number", "")
    );
    assert_eq!(reason.pointer.as_deref(), Some("/properties/pages"));
}

#[test]
fn decimals_follow_the_currency_of_the_line() {
    let text = "order_id,customer_id,amount,currency,placed_at,items\n\
                o-1,c-1,1500,JPY,2026-01-01,\"[{\"\"sku\"\":1}]\"\n\
                o-2,c-1,1.234,kwd,2026-01-01,\n\
                o-3,c-1,1.234,USD,2026-01-01,\n\
                o-4,c-1,1.23,dollars,2026-01-01,\n\
                o-5,c-1,\"1,234.50\",USD,2026-01-01,\n\
                o-6,c-1,1,USD,2026-02-30,\n\
                o-7,c-1,1,USD,2026-02-28,[1\n";
    let objects = read_text(text, Resource::Orders, &ImportOptions::default());
    let amount = |index: usize| objects[index].as_ref().unwrap()["amount"].clone();
    assert_eq!((amount(0), amount(1)), (json!(1500), json!(1234)));
    assert_eq!(objects[1].as_ref().unwrap()["currency"], "KWD");
    assert_eq!(objects[0].as_ref().unwrap()["items"], json!([{"sku": 1}]));
    let refused = |index: usize, text: &str, pointer: &str| {
        let reason = objects[index].as_ref().unwrap_err();
        assert!(reason.text.starts_with(text), "{}", reason.text);
        assert_eq!(reason.pointer.as_deref(), Some(pointer));
    };
    refused(
        2,
        "amount \"1.234\" has more decimals than the currency's 2",
        "/amount",
    );
    refused(
        3,
        "currency \"dollars\" is not an ISO 4217 currency code",
        "/currency",
    );
    refused(
        4,
        "amount \"1,234.50\" is not a plain decimal number",
        "/amount",
    );
    refused(
        5,
        "placed_at \"2026-02-30\" is not an RFC 3339 time",
        "/placed_at",
    );
    refused(6, "items \"[1\" is not JSON", "/items");
}

#[test]
fn minor_units_are_not_converted() {
    let options = ImportOptions {
        amount_unit: Some(AmountUnit::Minor),
        ..ImportOptions::default()
    };
    let text = "order_id,customer_id,amount,currency,placed_at\n\
                o-1,c-1,1177,USD,2026-01-01\no-2,c-1,11.77,USD,2026-01-01\n";
    let objects = read_text(text, Resource::Orders, &options);
    assert_eq!(objects[0].as_ref().unwrap()["amount"], 1177);
    assert!(objects[1].is_err());
}

#[test]
fn options_that_do_not_fit_are_errors_of_the_mapping() {
    let columns = ["id", "customer", "amount"];
    let with = |change: fn(&mut ImportOptions)| {
        let mut options = cdnow();
        options.map = pairs(&["customer_id=customer", "amount=amount"]);
        options.set = pairs(&["currency=USD", "placed_at=19970101"]);
        change(&mut options);
        options
    };
    let assert_error = |change: fn(&mut ImportOptions), wanted: &str| {
        let message = error(Resource::Orders, &with(change), &columns);
        assert!(message.contains(wanted), "{message}");
    };
    assert_error(
        |options| options.map.push("total=amount".parse().unwrap()),
        "have no field total",
    );
    assert_error(
        |options| options.map.push("status=state".parse().unwrap()),
        "has no column state",
    );
    assert_error(
        |options| options.map.push("order_id=id".parse().unwrap()),
        "order_id is mapped twice",
    );
    assert_error(|options| options.id = Some("cdnow".into()), "{line}");
    assert_error(|options| options.set.truncate(1), "orders need placed_at");
    assert_error(
        |options| options.set[0].value = "XAU".into(),
        "no minor unit",
    );
    assert_error(
        |options| options.set[1].value = "soon".into(),
        "is not a time in the format %Y%m%d",
    );
    assert_error(
        |options| options.date_format = vec!["%!".into()],
        "not a strftime format",
    );
}

#[test]
fn the_time_of_a_consent_goes_with_the_consent() {
    let text = "customer_id,unsubscribed,consent_at\n\
                c-1,yes,2026-01-31T09:00:00Z\nc-2,,2026-01-31T09:00:00Z\nc-3,no,\n";
    let objects = read_text(text, Resource::Customers, &ImportOptions::default());
    let objects: Vec<Value> = objects.into_iter().map(Result::unwrap).collect();
    let expected = [
        json!({"customer_id": "c-1", "unsubscribed": true,
               "consent_at": "2026-01-31T09:00:00.000Z"}),
        json!({"customer_id": "c-2"}),
        json!({"customer_id": "c-3", "unsubscribed": false}),
    ];
    assert_eq!(objects, expected);
    let options = ImportOptions {
        map: pairs(&["customer_id=customer_id", "consent_at=Asked"]),
        ..ImportOptions::default()
    };
    let message = error(Resource::Customers, &options, &["customer_id", "Asked"]);
    assert!(message.contains("--map unsubscribed=COLUMN"), "{message}");
}
