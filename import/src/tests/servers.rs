//! Servers that are busy, broken, silent or not there.

use super::*;

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
async fn a_server_that_accepts_connections_and_stays_silent_is_not_waited_for_longer() {
    let retries = Retries {
        limit: RetryLimit::Elapsed(Duration::from_millis(50)),
        ..RETRIES
    };
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let case = Case::orders([1]);
    let args = case.args_to(&url, TABLE);
    let ended = import(&args, retries, pending());
    let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
    let message = format!("{:#}", ended.expect("the attempt was bounded").unwrap_err());
    assert!(
        message.contains("did not answer in time; gave up after "),
        "{message}"
    );
    assert!(message.contains("Is the server running"), "{message}");
}
