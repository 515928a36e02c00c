//! Amounts as files have them.

use serde_json::json;

use super::{assert_succeeds, dry_run, export, file, import, rejects};
use crate::support::app::App;
use crate::support::process::run;

const EUROPEAN: [&str; 16] = [
    "--map",
    "order_id=Bestellnr",
    "--map",
    "customer_id=Kunde",
    "--map",
    "amount=Betrag",
    "--map",
    "placed_at=Datum",
    "--date-format",
    "%d.%m.%Y",
    "--time-zone",
    "Europe/Berlin",
    "--set",
    "currency=USD",
    "--encoding",
    "windows-1252",
];

#[tokio::test]
async fn a_decimal_comma_is_read_once_it_is_told() {
    let app = App::start().await;
    let file = export("comma", "spreadsheet_windows_1252.csv");
    let ended = run(import(&app, "orders", &file, &EUROPEAN));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    assert!(
        ended.out.contains("3 read: 0 created"),
        "nothing is guessed: {}",
        ended.out
    );
    for row in rejects(&file) {
        let reason = row["reason"].as_str().unwrap();
        assert!(reason.contains("--decimal comma reads it as"), "{reason}");
    }

    let told = [&EUROPEAN[..], &["--decimal", "comma"]].concat();
    let ended = run(import(&app, "orders", &file, &told));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    assert!(
        ended
            .out
            .contains("3 read: 2 created, 0 updated, 0 unchanged, 1 refused"),
        "{}",
        ended.out
    );
    let refused = rejects(&file);
    assert_eq!(refused[0]["line"], 5);
    assert_eq!(refused[0]["reason"], "amount \"-5,00\" is negative");
    app.client.wait_until_caught_up().await;
    for (customer, spent) in [("K-1", 123_456), ("K-2", 1250)] {
        let customer = app.client.read(&format!("/api/customers/{customer}")).await;
        assert_eq!(customer["total_spend"], spent);
    }
}

#[tokio::test]
async fn codes_in_small_letters_and_zeros_beyond_the_decimals_are_taken() {
    let app = App::start().await;
    let table = "order_id,customer_id,amount,currency,placed_at\n\
                 o-1,c-1,59.9500,usd,2026-01-01\n\
                 o-2,c-1,19.9950,USD,2026-01-01\n\
                 o-3,c-1,12.000,USD,2026-01-01\n";
    let orders = file("zeros", "orders.csv", table);
    let ended = run(import(&app, "orders", &orders, &[]));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    let reasons: Vec<_> = rejects(&orders)
        .into_iter()
        .map(|row| row["reason"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        reasons[0].contains("more decimals than the currency's 2"),
        "{reasons:?}"
    );
    assert!(
        reasons[1].contains("--decimal point reads it as 12.00"),
        "{reasons:?}"
    );
    let ended = run(import(&app, "orders", &orders, &["--decimal", "point"]));
    assert!(
        ended
            .out
            .contains("1 created, 0 updated, 1 unchanged, 1 refused"),
        "{}",
        ended.out
    );
    app.client.wait_until_caught_up().await;
    let customer = app.client.read("/api/customers/c-1").await;
    assert_eq!(customer["total_spend"], 5995 + 1200);
}

#[tokio::test]
async fn amounts_written_for_people_are_read_when_told() {
    let app = App::without_workers().await;
    let table = "order_id,customer_id,amount,currency,placed_at\n\
                 o-1,c-1,\"$1,234.56\",USD,2026-01-01\n\
                 o-2,c-1,US$ 5,usd,2026-01-01\n\
                 o-3,c-1,(5.00),USD,2026-01-01\n\
                 o-4,c-1,5 €,USD,2026-01-01\n";
    let orders = file("people", "orders.csv", table);
    let (plain, ended) = dry_run(&app, "orders", &orders, &[]);
    assert!(plain.is_empty(), "{}", ended.err);
    let (told, ended) = dry_run(&app, "orders", &orders, &["--decimal", "point"]);
    let amounts: Vec<_> = told.iter().map(|order| order["amount"].clone()).collect();
    assert_eq!(amounts, [json!(123_456), json!(500)]);
    for reason in [
        "\"(5.00)\" is negative",
        "has the sign €, but the line's currency is USD",
    ] {
        assert!(ended.err.contains(reason), "{}", ended.err);
    }
}

#[tokio::test]
async fn ids_and_phone_numbers_that_a_spreadsheet_shortened_are_refused() {
    // A number with its country code, but without the sign before it.
    let country = ("PATRON_COUNTRY", "GB".to_owned());
    let mut app = App::with_environment(vec![country]).await;
    app.add_worker();
    let file = export("shortened", "spreadsheet_ids.csv");
    let ended = run(import(&app, "customers", &file, &[]));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    assert!(
        ended
            .out
            .contains("4 read: 1 created, 0 updated, 0 unchanged, 3 refused"),
        "{}",
        ended.out
    );
    for row in rejects(&file) {
        let reason = row["reason"].as_str().unwrap();
        let expected =
            "customer_id \"6.81012E+12\" looks like a number that a spreadsheet shortened";
        assert!(reason.starts_with(expected), "{reason}");
    }
    app.client.wait_until_caught_up().await;
    let customers = app.client.list("/api/customers", 10).await;
    assert_eq!(customers.len(), 1);
    assert_eq!(customers[0]["name"], "Dia Noor");

    let table = "customer_id,phone\nc-1,4.47912E+11\nnull,\n#N/A,\nundefined,\n#1001,n/a\n";
    let placeholders = super::file("shortened", "placeholders.csv", table);
    let ended = run(import(&app, "customers", &placeholders, &[]));
    assert!(ended.out.contains("5 read: 0 created"), "{}", ended.out);
    assert_succeeds(
        &run(import(
            &app,
            "customers",
            &super::file("shortened", "plain.csv", "customer_id\n#1001\n"),
            &[],
        )),
        "1 created",
    );
}
