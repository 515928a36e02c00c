//! `patron import` against a real server: formats, interruptions and refusals.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::engines::test_dir;
use crate::support::process::{CommandOutput, Process, run};
use crate::support::wait::until;

/// Writes a file in the test's own directory and returns its path.
fn file(test: &str, name: &str, content: &str) -> PathBuf {
    let dir = test_dir(&format!("import_{test}"));
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn import(app: &App, kind: &str, file: &Path, arguments: &[&str]) -> Command {
    let mut command = app.patron(["import", kind]);
    command
        .arg(file)
        .args(["--url", app.client.base()])
        .env("PATRON_KEY", &app.settings().key)
        .args(arguments);
    command
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", file.display()))
}

fn assert_succeeds(ended: &CommandOutput, summary: &str) {
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains(summary), "{}", ended.out);
}

#[tokio::test]
async fn ndjson_lines_are_imported_unchanged() {
    let app = App::start().await;
    let line = |n: i64| {
        json!({"order_id": format!("o-{n}"), "customer_id": "c-1", "amount": n, "currency": "USD",
            "placed_at": "2026-01-01T00:00:00Z", "items": [{"sku": "a", "quantity": n}]})
    };
    let text: String = (1..=100).map(|n| format!("{}\n", line(n))).collect();
    let file = file("ndjson", "orders.ndjson", &text);
    let ended = run(import(&app, "orders", &file, &["--batch", "30"]));
    assert_succeeds(
        &ended,
        "100 read: 100 created, 0 updated, 0 unchanged, 0 refused",
    );
    app.client.wait_until_caught_up().await;
    let customer = app.client.read("/api/customers/c-1").await;
    assert_eq!(customer["total_spend"], 5050);
    let again = run(import(&app, "orders", &file, &[]));
    assert_succeeds(
        &again,
        "100 read: 0 created, 0 updated, 100 unchanged, 0 refused",
    );
    assert!(
        !with_suffix(&file, ".patron-import").exists(),
        "the journal must be removed"
    );
    assert!(!with_suffix(&file, ".rejects.ndjson").exists());
}

#[tokio::test]
async fn columns_become_customers_with_attributes() {
    let app = App::start().await;
    let table = "Nr;Name;Mail;Labels;Age;Member;Since;Mailing\n\
                 7;\"Blüm; Anna\";anna@example.com;vip;39;true;01.02.2025;no\n\
                 8;Bob;;;;;;yes\n";
    let file = file("customers", "people.csv", table);
    let arguments = [
        "--delimiter",
        ";",
        "--map",
        "customer_id=Nr",
        "--map",
        "name=Name",
        "--map",
        "email=Mail",
        "--map",
        "tags=Labels",
        "--map",
        "attributes.age:number=Age",
        "--map",
        "attributes.member:boolean=Member",
        "--map",
        "registered_at=Since",
        "--map",
        "unsubscribed=Mailing",
        "--set",
        "country=DE",
        "--date-format",
        "%d.%m.%Y",
    ];
    let ended = run(import(&app, "customers", &file, &arguments));
    assert_succeeds(&ended, "2 read: 2 created");
    app.client.wait_until_caught_up().await;
    let anna = app.client.read("/api/customers/7").await;
    let expected = json!({
        "name": "Blüm; Anna", "email": "anna@example.com", "country": "DE", "tags": ["vip"],
        "attributes": {"age": 39, "member": true}, "unsubscribed": false,
        "registered_at": "2025-02-01T00:00:00.000Z",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&anna[field], value, "{field}");
    }
    let bob = app.client.read("/api/customers/8").await;
    assert_eq!(
        bob["email"],
        Value::Null,
        "an empty cell must leave the field out"
    );
    assert_eq!(bob["unsubscribed"], true);
}

#[tokio::test]
async fn columns_named_like_fields_become_activity() {
    let app = App::start().await;
    let table = "event_id,customer_id,name,occurred_at,properties.page\n\
                 e-1,c-1,visit,2026-01-01,/sale\n\
                 e-2,c-1,visit,2026-01-02T03:04:05+01:00,/\n";
    let file = file("events", "visits.csv", table);
    let ended = run(import(&app, "events", &file, &[]));
    assert_succeeds(&ended, "2 read: 2 created");
    app.client.wait_until_caught_up().await;
    let customer = app.client.read("/api/customers/c-1").await;
    let visits = json!({"count": 2, "last_at": "2026-01-02T02:04:05.000Z"});
    assert_eq!(customer["events"]["visit"], visits);
}

#[tokio::test]
async fn refused_lines_go_to_a_file_and_set_the_exit_status() {
    let app = App::start().await;
    let table = "order_id,customer_id,amount,currency,placed_at\n\
                 o-1,c-1,10.00,USD,2026-01-01\n\
                 o-2,c-1,ten,USD,2026-01-01\n\
                 o-3,c-1,10.00,EUR,2026-01-01\n\
                 o 4,c-1,10.00,USD,2026-01-01\n\
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
    let rows: Vec<Value> = fs::read_to_string(&rejects)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
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
async fn a_killed_import_continues_where_it_stopped() {
    const ORDERS: usize = 20_000;
    let app = App::start().await;
    let lines = (0..ORDERS).map(|n| format!("o-{n},c-{},1.00,USD,2026-01-01\n", n % 100));
    let table = format!(
        "order_id,customer_id,amount,currency,placed_at\n{}",
        lines.collect::<String>()
    );
    let file = file("killed", "orders.csv", &table);
    let journal = with_suffix(&file, ".patron-import");
    let command = || import(&app, "orders", &file, &["--batch", "100"]);
    for _ in 0..2 {
        let before = fs::read(&journal).ok();
        let mut importer = Process::start(command());
        until("the journal advances", async || {
            fs::read(&journal).is_ok_and(|now| Some(now) != before)
        })
        .await;
        importer.kill();
        assert!(journal.exists(), "the import ended before it was killed");
    }
    let imported = app.client.read("/api/admin/log").await["events"]
        .as_u64()
        .unwrap();
    assert!(imported > 0 && imported < ORDERS as u64, "{imported}");

    let ended = run(command());
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(
        ended.err.contains("continuing after line "),
        "{}",
        ended.err
    );
    assert!(ended.out.contains("20,000 read: "), "{}", ended.out);
    assert!(
        ended.out.contains("were read before the interruption"),
        "{}",
        ended.out
    );
    assert!(!journal.exists());

    app.client.wait_until_caught_up().await;
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], ORDERS, "an order was recorded twice");
    let customers = app.client.list("/api/customers", 500).await;
    assert_eq!(customers.len(), 100);
    for customer in customers {
        assert_eq!(customer["order_count"], ORDERS / 100);
        assert_eq!(customer["total_spend"], ORDERS);
    }
}

#[tokio::test]
async fn an_import_waits_for_a_restarted_server() {
    let mut app = App::start().await;
    let lines = (0..5_000).map(|n| format!("o-{n},c-{},1.00,USD,2026-01-01\n", n % 100));
    let table = format!(
        "order_id,customer_id,amount,currency,placed_at\n{}",
        lines.collect::<String>()
    );
    let file = file("restarted", "orders.csv", &table);
    let journal = with_suffix(&file, ".patron-import");
    let mut importer = Process::start(import(&app, "orders", &file, &["--batch", "50"]));
    until("the journal exists", async || journal.exists()).await;
    app.api.kill();
    until("the importer logs a retry", async || {
        importer.stderr().contains("trying again")
    })
    .await;
    app.restart_api();
    assert!(importer.wait().success(), "{}", importer.stderr());
    app.client.wait_until_caught_up().await;
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], 5_000);
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
        assert!(ended.code.is_some_and(|code| code != 0), "{arguments:?}");
        assert!(ended.err.contains(message), "{arguments:?}: {}", ended.err);
    }
    let missing = orders.with_file_name("missing.csv");
    let ended = run(import(&app, "orders", &missing, &[]));
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("missing.csv"), "{}", ended.err);
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], 0);
}
