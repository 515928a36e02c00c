//! The lag of views, which readiness reports.

use domain::{DEMO_ACTOR, Timestamp};

use super::project_all;
use crate::support::deployment::Deployment;
use crate::support::shop::{context, customer};

#[tokio::test]
async fn the_made_times_of_the_demo_shop_are_no_lag() {
    let deployment = Deployment::fresh().await.prepared().await;
    let (commands, store) = (&deployment.commands, &deployment.store);
    let first = vec![customer("c-1", "Ada")];
    commands.record_customers(&context(), first).await.unwrap();
    project_all(&deployment).await;
    let mut made = context();
    made.actor = DEMO_ACTOR.to_owned();
    made.now = Timestamp::EPOCH;
    let second = vec![customer("c-1", "Eve")];
    commands.record_customers(&made, second).await.unwrap();
    assert_eq!(store.unfolded(&deployment.log).await.unwrap(), None);
    let mut old = context();
    old.now = Timestamp::EPOCH;
    project_all(&deployment).await;
    let third = vec![customer("c-1", "Ida")];
    commands.record_customers(&old, third).await.unwrap();
    let lag = store.unfolded(&deployment.log).await.unwrap().unwrap();
    assert_eq!(lag.since, Timestamp::EPOCH);
}
