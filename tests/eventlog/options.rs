//! Options with which a log is opened.

use eventlog::{Log, LogError, LogOptions};

use crate::support::deployment::open_log;
use crate::support::engines::engines;

#[tokio::test]
async fn the_number_of_partitions_is_fixed_at_the_first_start() {
    let namespace = format!("t{:x}", rand::random::<u64>());
    let url = &engines().redis_url;
    open_log(url, &namespace, 3).await.unwrap();
    let refused = open_log(url, &namespace, 4).await.err().unwrap();
    assert!(matches!(refused, LogError::Pinned { .. }), "{refused}");
    assert_eq!(
        refused.to_string(),
        "partitions was set to 3 at the first start and cannot be changed to 4"
    );
    let again = Log::open(&options(&namespace, None)).await.unwrap();
    assert_eq!(again.partitions(), 0..3);
}

#[tokio::test]
async fn invalid_options_are_refused() {
    for (namespace, partitions) in [("", None), ("{a}", None), ("t", Some(0)), ("t", Some(257))] {
        let refused = Log::open(&options(namespace, partitions)).await.err();
        assert!(matches!(refused, Some(LogError::Options(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn an_unreachable_redis_is_reported_as_unavailable() {
    let refused = open_log("redis://127.0.0.1:1", "t", 1).await.err();
    assert!(
        matches!(refused, Some(LogError::Unavailable(_))),
        "{refused:?}"
    );
}

fn options(namespace: &str, partitions: Option<u16>) -> LogOptions {
    LogOptions {
        url: engines().redis_url.clone(),
        authorities: None,
        namespace: namespace.to_owned(),
        partitions,
        allow_data_loss: false,
        witness: None,
    }
}
