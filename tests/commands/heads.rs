//! Heads of older folds.

use commands::{Change, verify_heads};

use super::{changes, order_key};
use crate::support::deployment::Deployment;
use crate::support::shop::{context, order};

#[tokio::test]
async fn a_head_of_an_older_fold_is_folded_anew() {
    let deployment = Deployment::fresh().await;
    let (log, commands) = (&deployment.log, &deployment.commands);
    for cents in [100, 200] {
        commands
            .record_orders(&context(), vec![order("c-1", "o-1", cents)])
            .await
            .unwrap();
    }
    let key = order_key(log, "c-1", "o-1");
    let head = log
        .heads(key.partition, &[&key])
        .await
        .unwrap()
        .pop()
        .flatten()
        .unwrap();
    for state in ["another form", "null"] {
        let old = format!("{} {} 0 {state}", head.version, head.last);
        deployment.set_raw_head(&key, &old).await;
        let same = commands
            .record_orders(&context(), vec![order("c-1", "o-1", 200)])
            .await;
        assert_eq!(changes(&same.unwrap()), [Change::Unchanged]);
    }
    let other = commands
        .record_orders(&context(), vec![order("c-1", "o-1", 300)])
        .await;
    assert_eq!(changes(&other.unwrap()), [Change::Updated]);
    let history = log.history(&key).await.unwrap();
    assert!(
        history[2].data.contains(r#""previous":{"amount":200"#),
        "{}",
        history[2].data
    );
    let head = log
        .heads(key.partition, &[&key])
        .await
        .unwrap()
        .pop()
        .flatten()
        .unwrap();
    assert_eq!((head.version, head.fold), (3, 1));
    let report = verify_heads(log, key.partition).await.unwrap();
    assert!(report.differences.is_empty(), "{:?}", report.differences);
}
