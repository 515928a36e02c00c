//! Refused rows, and exit statuses.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{file, import, with_suffix};
use crate::support::app::App;
use crate::support::process::run;

#[tokio::test]
async fn refused_lines_go_to_a_file_and_set_the_exit_status() {
    let app = App::start().await;
    let table = "order_id,customer_id,amount,currency,placed_at\n\
                 o-1,c-1,10.00,USD,2026-01-01\n\
                 o-2,c-1,ten,USD,2026-01-01\n\
                 o-3,c-1,10.00,EUR,2026-01-01\n\
                 o\u{a0}4,c-1,10.00,USD,2026-01-01\n\
                 o-5,c-1,10.00,USD,2026-02-30\n\
                 o-6,c-1,2.345,USD,2026-01-01\n\
                 o-7,c-1,0.29,USD,2026-01-01\n";
    let file = file("refused", "orders.csv", table);
    let ended = run(import(&app, "orders", &file, &[]));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    assert!(
        ended
            .out
            .contains("7 read: 2 created, 0 updated, 0 unchanged, 5 refused"),
        "{}",
        ended.out
    );
    let rejects = with_suffix(&file, ".rejects.ndjson");
    assert!(
        ended.out.contains(&rejects.display().to_string()),
        "{}",
        ended.out
    );
    let mode = fs::metadata(&rejects).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others must not read personal data");
    let rows = super::rejects(&file);
    let refused: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["line"].as_u64().unwrap(),
                row["input"].as_str().unwrap(),
            )
        })
        .collect();
    let inputs: Vec<_> = table.lines().collect();
    let expected: Vec<_> = [3, 4, 5, 6, 7]
        .map(|line| (line as u64, inputs[line - 1]))
        .into();
    assert_eq!(refused, expected);
    for (row, reason) in rows
        .iter()
        .zip(["ten", "EUR", "offset 1", "2026-02-30", "2.345"])
    {
        let text = row["reason"].as_str().unwrap();
        assert_eq!(text.matches(reason).count(), 1, "{text}");
        assert!(
            !text.contains("line "),
            "the reason must not repeat the line number: {text}"
        );
    }
    app.client.wait_until_caught_up().await;
    let customer = app.client.read("/api/customers/c-1").await;
    assert_eq!(customer["total_spend"], 1029);
}

#[tokio::test]
async fn a_wrong_key_ends_the_import_at_once() {
    let app = App::without_workers().await;
    let file = file("wrong_key", "c.csv", "customer_id,name\nc-1,Ada\n");
    let mut command = import(&app, "customers", &file, &[]);
    command.args(["--key", "wrong-key-of-a-good-length"]);
    let ended = run(command);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("the server does not know the key"),
        "{}",
        ended.err
    );
    assert!(
        !ended.err.contains("wrong-key"),
        "the error must not contain the key"
    );
    assert!(!ended.err.contains("backtrace"), "{}", ended.err);
}

#[tokio::test]
async fn invalid_arguments_are_refused_before_anything_is_sent() {
    let app = App::without_workers().await;
    let orders = file("nonsense", "o.csv", "order_id,customer_id\no-1,c-1\n");
    for (arguments, message) in [
        (&["--map", "amount=Betrag"][..], "Betrag"),
        (&["--map", "colour=order_id"][..], "colour"),
        (&["--delimiter", "||"][..], "ASCII character"),
        (&["--batch", "10001"][..], "10001"),
        (&[][..], "amount"),
    ] {
        let ended = run(import(&app, "orders", &orders, arguments));
        assert_eq!(ended.code, Some(64), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(message), "{arguments:?}: {}", ended.err);
    }
    let missing = orders.with_file_name("missing.csv");
    let ended = run(import(&app, "orders", &missing, &[]));
    assert_eq!(ended.code, Some(64), "{}", ended.err);
    assert!(ended.err.contains("missing.csv"), "{}", ended.err);
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], 0);
}
