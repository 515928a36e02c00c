//! Imports over real HTTP to a small server with scripted failures.

mod continued;
mod server;
mod servers;
mod usage;

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
            json!({"line": 2, "reason": "Invalid: amount: must not be negative",
                   "pointer": "/amount", "input": "{\"order_id\":\"o-2\",\"amount\":-5}"}),
            json!({"line": 4, "reason": "the line is not a whole JSON object: it ends at column 18",
                   "input": "{\"order_id\":\"o-4\","}),
        ]
    );
}
