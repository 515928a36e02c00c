//! Encodings, line ends, delimiters and empty rows.

use serde_json::json;

use super::{
    assert_succeeds, assert_wrong_option, dry_run, export, file, import, rejects, with_suffix,
};
use crate::support::app::App;
use crate::support::process::run;

#[tokio::test]
async fn names_in_another_encoding_are_read_once_it_is_told() {
    let app = App::start().await;
    let file = export("windows_1252", "spreadsheet_windows_1252.csv");
    let arguments = [
        "--map",
        "customer_id=Kunde",
        "--map",
        "name=Name",
        "--map",
        "city=Ort",
    ];
    let ended = run(import(&app, "customers", &file, &arguments));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains("3 read: 0 created"), "{}", ended.out);
    for row in rejects(&file) {
        let reason = row["reason"].as_str().unwrap();
        assert!(reason.contains("--encoding windows-1252"), "{reason}");
    }
    let told = [&arguments[..], &["--encoding", "windows-1252"]].concat();
    let ended = run(import(&app, "customers", &file, &told));
    assert_succeeds(
        &ended,
        "3 read: 3 created, 0 updated, 0 unchanged, 0 refused",
    );
    app.client.wait_until_caught_up().await;
    let customer = app.client.read("/api/customers/K-1").await;
    assert_eq!(customer["name"], "Jürgen Groß");
    assert_eq!(customer["city"], "Köln");
}

#[tokio::test]
async fn a_file_in_utf16_is_read_if_it_says_so() {
    let app = App::start().await;
    let leads = export("utf16", "leads_utf16.csv");
    let arguments = [
        "--delimiter",
        "tab",
        "--map",
        "customer_id=id",
        "--map",
        "name=full_name",
        "--map",
        "email=email",
        "--map",
        "phone=phone_number",
    ];
    let ended = run(import(&app, "customers", &leads, &arguments));
    assert_succeeds(&ended, "2 read: 2 created");
    app.client.wait_until_caught_up().await;
    let eva = app.client.read("/api/customers/l%3A900001").await;
    assert_eq!(eva["name"], "Éva Nagy");

    let unmarked: Vec<u8> = "customer_id,name\r\nx-1,Ann\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let unmarked = file("utf16", "unmarked.csv", unmarked);
    let message = "UTF-16 without a byte-order mark; pass --encoding utf-16le";
    assert_wrong_option(&app, "customers", &unmarked, &[], message);
    let arguments = ["--encoding", "utf-16le"];
    let (objects, _) = dry_run(&app, "customers", &unmarked, &arguments);
    assert_eq!(objects, [json!({"customer_id": "x-1", "name": "Ann"})]);

    let lines = "\u{feff}{\"customer_id\":\"x-2\",\"name\":\"Éva\"}\r\n";
    let lines: Vec<u8> = lines.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let lines = file("utf16", "lines.ndjson", lines);
    let ended = run(import(&app, "customers", &lines, &[]));
    assert_succeeds(&ended, "1 read: 1 created");
}

#[tokio::test]
async fn rows_of_empty_cells_are_no_lines() {
    let app = App::without_workers().await;
    let rows = export("empty_rows", "empty_rows.csv");
    let ended = run(import(&app, "customers", &rows, &[]));
    assert_succeeds(
        &ended,
        "2 read: 2 created, 0 updated, 0 unchanged, 0 refused",
    );
    assert!(!with_suffix(&rows, ".rejects.ndjson").exists());
    let old = file(
        "empty_rows",
        "mac.csv",
        "customer_id,name\r   \rm-1,Ann\r,\rm-2,Bo\r",
    );
    let ended = run(import(&app, "customers", &old, &[]));
    assert_succeeds(&ended, "2 read: 2 created");
}

#[tokio::test]
async fn a_missing_column_comes_with_the_likely_reason() {
    let app = App::without_workers().await;
    let semicolons = file(
        "hints",
        "semicolons.csv",
        "customer_id;name;city\nx,Ann,Ulm\n",
    );
    let capitals = file("hints", "capitals.csv", "Customer_ID,Name\nx,Ann\n");
    let book = file("hints", "book.csv", b"PK\x03\x04rest of a workbook");
    for (file, text) in [
        (&semicolons, "did you mean --delimiter ';'?"),
        (&capitals, "it has Customer_ID"),
        (&book, "Excel workbook"),
    ] {
        assert_wrong_option(&app, "customers", file, &["--yes"], text);
    }
}
