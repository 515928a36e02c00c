//! Imports over real HTTP to a small server with scripted failures.

#[path = "test_server.rs"]
mod server;

use std::fs;
use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use http_client::RetryLimit;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use server::{Server, Turn};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: ImportArgs,
}

/// File to import, in a directory with the files that an import creates next to it.
struct Case {
    folder: TempDir,
    file: PathBuf,
}

impl Case {
    fn new(name: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        Self { folder, file }
    }

    /// Creates a table of orders `o-2`, `o-3`, …, whose ids are their line numbers.
    fn orders(amounts: impl IntoIterator<Item = i64>) -> Self {
        let row = |amount| format!("c-1,{amount},USD,2026-01-01\n");
        let rows: String = amounts.into_iter().map(row).collect();
        Self::new(
            "orders.csv",
            &format!("customer_id,amount,currency,placed_at\n{rows}"),
        )
    }

    fn args(&self, server: &Server, more: &str) -> ImportArgs {
        self.args_to(&server.url, more)
    }

    fn args_to(&self, url: &str, more: &str) -> ImportArgs {
        let file = self.file.to_str().unwrap();
        let fixed = ["import", "orders", file, "--url", url, "--key", "k"];
        Cli::parse_from(fixed.into_iter().chain(more.split_whitespace())).args
    }

    fn sibling(&self, suffix: &str) -> PathBuf {
        let name = self.file.file_name().unwrap().to_str().unwrap();
        self.folder.path().join(format!("{name}{suffix}"))
    }

    fn rejects(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.sibling(".rejects.ndjson")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

const TABLE: &str = "--id o-{line} --amount-unit minor";

/// Backoff of 1 to 2 ms at first.
const RETRIES: Retries = Retries {
    first_backoff: Duration::from_millis(1),
    limit: RetryLimit::Elapsed(Duration::from_secs(10)),
    ..super::send::RETRIES
};

async fn complete(args: &ImportArgs) -> ImportCounts {
    match import(args, RETRIES, pending()).await.unwrap() {
        RunEnd::Complete { counts, .. } => counts,
        RunEnd::Stopped(done) => panic!("stopped at {done:?}"),
    }
}

async fn failure(args: &ImportArgs) -> String {
    format!("{:#}", import(args, RETRIES, pending()).await.unwrap_err())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cdnow_file_is_imported_with_one_command_and_is_unchanged_the_second_time() {
    let server = Server::start([]).await;
    let text = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/data/CDNOW_master.txt"
    ));
    let case = Case::new("CDNOW_master.txt", &text.unwrap());
    let args = case.args(
        &server,
        "--delimiter whitespace --map customer_id=customer_id --map amount=dollar_value \
         --map placed_at=date --date-format %Y%m%d --set currency=USD --id cdnow-{line}",
    );
    let counts = complete(&args).await;
    assert_eq!(
        counts,
        ImportCounts {
            read: 69_659,
            rows: 69_659,
            created: 69_659,
            ..ImportCounts::default()
        }
    );
    let orders = server.items();
    let sum: i64 = orders
        .values()
        .map(|order| order["amount"].as_i64().unwrap())
        .sum();
    assert_eq!((orders.len(), sum), (69_659, 250_031_563));
    let counts = complete(&args).await;
    assert_eq!(
        counts,
        ImportCounts {
            read: 69_659,
            rows: 69_659,
            unchanged: 69_659,
            ..ImportCounts::default()
        }
    );
    assert!(!case.sibling(".patron-import").exists());
    assert!(!case.sibling(".rejects.ndjson").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_lines_are_recorded_in_order_with_their_text() {
    let server = Server::start([]).await;
    let case = Case::new(
        "orders.ndjson",
        "{\"order_id\":\"o-1\",\"amount\":5}\r\n\
         {\"order_id\":\"o-2\",\"amount\":-5}\n\n\
         {\"order_id\":\"o-4\",\n\
         {\"order_id\":\"o-5\",\"amount\":7}",
    );
    let counts = complete(&case.args(&server, "")).await;
    assert_eq!(
        counts,
        ImportCounts {
            read: 4,
            rows: 4,
            created: 2,
            refused: 2,
            ..ImportCounts::default()
        }
    );
    assert_eq!(
        case.rejects(),
        [
            json!({"line": 2, "reason": "Invalid: /amount must not be negative",
                   "pointer": "/amount", "input": "{\"order_id\":\"o-2\",\"amount\":-5}"}),
            json!({"line": 4, "reason": "the line is not JSON: EOF while parsing a value (column 18)",
                   "input": "{\"order_id\":\"o-4\","}),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_a_busy_or_broken_server_are_retried_and_no_item_counts_twice() {
    let server = Server::start([
        Turn::Busy {
            retry_after: Some(0),
        },
        Turn::ApplyThenBreakOff,
        Turn::ItemsBusy,
        Turn::Busy { retry_after: None },
        Turn::BreakOff,
    ])
    .await;
    let case = Case::orders((0..100).map(|amount| if amount == 50 { -1 } else { amount }));
    let counts = complete(&case.args(&server, &format!("{TABLE} --batch 10"))).await;
    assert_eq!((counts.read, counts.refused), (100, 1));
    assert_eq!(counts.created + counts.unchanged, 99);
    assert_eq!(server.items().len(), 99);
    assert_eq!(case.rejects().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_is_at_least_the_retry_after_of_the_server() {
    let server = Server::start([Turn::Busy {
        retry_after: Some(1),
    }])
    .await;
    let begun = std::time::Instant::now();
    let case = Case::orders([1]);
    complete(&case.args(&server, TABLE)).await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_later_of_two_lines_with_the_same_id_wins() {
    let server = Server::start([Turn::Busy { retry_after: None }]).await;
    let text = "{\"order_id\":\"o-1\",\"amount\":1}\n{\"order_id\":\"o-1\",\"amount\":2}\n";
    let case = Case::new("orders.jsonl", text);
    let counts = complete(&case.args(&server, "--batch 1 --last-wins")).await;
    assert_eq!((counts.created, counts.updated), (1, 1));
    assert_eq!(server.items()["o-1"]["amount"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_failed_continues_and_counts_everything_once() {
    let server = Server::start_with_turn_at(42, Turn::UnauthorizedAfter(6)).await;
    let case = Case::orders((0..100).map(|amount| if amount % 20 == 0 { -1 } else { amount }));
    let args = case.args(&server, &format!("{TABLE} --batch 10"));
    let message = failure(&args).await;
    assert!(
        message.contains("run the same command again to continue after line 41"),
        "{message}"
    );
    assert!(
        message.contains("401") && message.contains("wrong key"),
        "{message}"
    );
    assert_eq!(case.rejects().len(), 2);

    // Simulates a crash after refused lines were written and before the journal was saved.
    let mut rejects = fs::read_to_string(case.sibling(".rejects.ndjson")).unwrap();
    rejects.push_str("{\"line\":42,\"reason\":\"x\",\"input\":\"x\"}\n");
    fs::write(case.sibling(".rejects.ndjson"), rejects).unwrap();

    server.recover();
    let counts = complete(&args).await;
    assert_eq!(
        counts,
        ImportCounts {
            read: 100,
            rows: 100,
            created: 95,
            refused: 5,
            ..ImportCounts::default()
        }
    );
    assert_eq!(server.requests(), 6);
    let lines: Vec<_> = case
        .rejects()
        .iter()
        .map(|row| row["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [2, 22, 42, 62, 82]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_import_keeps_what_was_acknowledged() {
    let server = Server::start_with_turn_at(22, Turn::Hang).await;
    let case = Case::orders(0..100);
    let args = case.args(&server, &format!("{TABLE} --batch 10"));
    let two_hang = server.wait_for_requests(4);
    let end = import(&args, RETRIES, two_hang).await.unwrap();
    assert_eq!(
        end,
        RunEnd::Stopped(FilePosition {
            line: 21,
            offset: fs_offset(&case, 21)
        })
    );
    server.recover();
    let counts = complete(&args).await;
    assert_eq!(
        counts,
        ImportCounts {
            read: 100,
            rows: 100,
            created: 100,
            ..ImportCounts::default()
        }
    );
    assert_eq!(server.requests(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_contradicts_one_that_an_earlier_run_sent() {
    let server = Server::start_with_turn_at(42, Turn::UnauthorizedAfter(6)).await;
    let row = |n: i64, amount: i64| format!("o-{n},c-1,{amount},USD,2026-01-01\n");
    let rows: String = (2..100).map(|n| row(n, n)).collect();
    let header = "order_id,customer_id,amount,currency,placed_at\n";
    let last = [row(5, 5), row(6, 7)].concat();
    let case = Case::new("orders.csv", &format!("{header}{rows}{last}"));
    let args = case.args(&server, "--amount-unit minor --batch 10");
    failure(&args).await;
    server.recover();
    let counts = complete(&args).await;
    assert_eq!(
        counts,
        ImportCounts {
            read: 100,
            rows: 100,
            created: 98,
            repeated: 1,
            refused: 1,
            ..ImportCounts::default()
        }
    );
    let refused = case.rejects();
    assert_eq!(refused[0]["line"], 101);
    let reason = refused[0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("line 6 of the file has the same order_id"),
        "{reason}"
    );
    assert_eq!(server.items()["o-6"]["amount"], 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_continues_between_two_orders() {
    let server = Server::start_with_turn_at(6, Turn::UnauthorizedAfter(4)).await;
    let header = "order_id,customer_id,amount,currency,placed_at,items.sku,items.quantity\n";
    let rows = (1..=9).flat_map(|n| {
        let first = format!("o-{n},c-1,{n},USD,2026-01-01,a,1\n");
        [
            first,
            format!("o-{n},,,,,b,2\n"),
            format!("o-{n},c-1,,,,c,3\n"),
        ]
    });
    let case = Case::new(
        "orders.csv",
        &(header.to_owned() + &rows.collect::<String>()),
    );
    let args = case.args(&server, "--amount-unit minor --batch 2");
    let message = failure(&args).await;
    assert!(message.contains("continue after line 19"), "{message}");
    server.recover();
    let counts = complete(&args).await;
    assert_eq!((counts.read, counts.rows, counts.created), (9, 27, 9));
    let items = server.items();
    assert_eq!(items.len(), 9);
    for order in items.values() {
        assert_eq!(order["items"].as_array().unwrap().len(), 3, "{order}");
    }
}

/// Returns the offset after this number of lines of the file.
fn fs_offset(case: &Case, lines: usize) -> u64 {
    let text = fs::read_to_string(&case.file).unwrap();
    text.split_inclusive('\n')
        .take(lines)
        .map(str::len)
        .sum::<usize>() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_other_options_and_restart_start_from_the_first_line() {
    for (change, more) in [
        (true, ""),
        (false, "--set status=placed"),
        (false, "--restart"),
    ] {
        let server = Server::start_with_turn_at(22, Turn::UnauthorizedAfter(4)).await;
        let case = Case::orders(0..40);
        failure(&case.args(&server, &format!("{TABLE} --batch 10"))).await;
        assert!(case.sibling(".patron-import").exists());
        if change {
            let text = fs::read_to_string(&case.file).unwrap();
            fs::write(&case.file, text.replace("c-1,39,", "c-1,390,")).unwrap();
        }
        server.recover();
        let counts = complete(&case.args(&server, &format!("{TABLE} --batch 10 {more}"))).await;
        assert_eq!((counts.read, server.requests()), (40, 4), "{change} {more}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_gives_up_when_the_server_stays_unreachable() {
    let retries = Retries {
        limit: RetryLimit::Elapsed(Duration::from_millis(50)),
        ..RETRIES
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let case = Case::orders([1]);
    let error = import(&case.args_to(&url, TABLE), retries, pending())
        .await
        .unwrap_err();
    let message = format!("{error:#}");
    assert!(
        message.contains(&format!("no answer from {url}")),
        "{message}"
    );
    assert!(message.contains("; gave up after "), "{message}");
    assert!(message.contains("Is the server running"), "{message}");
    assert!(message.contains("nothing was acknowledged"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_other_programs_are_not_overwritten() {
    let server = Server::start([]).await;
    let case = Case::orders([1]);
    let other = case.sibling(".txt");
    fs::write(&other, "a diary").unwrap();
    for option in ["--rejects", "--journal"] {
        let args = case.args(&server, &format!("{TABLE} {option} {}", other.display()));
        let expected = format!("choose another file with {option}");
        assert!(failure(&args).await.contains(&expected));
        assert_eq!(fs::read_to_string(&other).unwrap(), "a diary");
    }
    let args = case.args(
        &server,
        &format!("{TABLE} --rejects {}", case.file.display()),
    );
    assert!(
        failure(&args)
            .await
            .contains("must be three different files")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_status_is_2_if_lines_were_refused() {
    let server = Server::start([]).await;
    let code = |status: ExitCode| format!("{status:?}");
    let case = Case::orders([1]);
    let good = run(case.args(&server, TABLE)).await;
    assert_eq!(code(good.unwrap()), code(ExitCode::SUCCESS));
    let case = Case::orders([-1]);
    let refused = run(case.args(&server, TABLE)).await;
    assert_eq!(code(refused.unwrap()), code(ExitCode::from(2)));
}
