//! Imports that were interrupted.

use super::*;

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
