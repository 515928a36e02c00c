//! Heads that are rewritten by a newer version of their fold.

use eventlog::Head;

use super::{append, append_many, item, key};
use crate::support::deployment::Deployment;

#[tokio::test]
async fn a_head_is_rewritten_unless_it_has_changed_since_it_was_read() {
    let deployment = Deployment::with_partitions(1).await;
    let log = &deployment.log;
    let (idle, moving) = (key("a/1", 0), key("b/1", 0));
    append_many(log, &idle, 2).await;
    append_many(log, &moving, 1).await;
    let head = |version, last| Head {
        version,
        last,
        fold: 2,
        state: "refolded".to_owned(),
    };
    // An append that comes between reading a head and rewriting it must not be undone.
    append(log, item(&moving, 1, 3, "newer")).await;
    let rewritten = [(&idle, head(2, 2)), (&moving, head(1, 3))];
    log.rewrite_heads(0, &rewritten).await.unwrap();
    let heads = log.heads(0, &[&idle, &moving]).await.unwrap();
    assert_eq!(heads[0], Some(head(2, 2)));
    let newer = heads[1].as_ref().unwrap();
    assert_eq!((newer.version, newer.fold), (2, 1));
}
