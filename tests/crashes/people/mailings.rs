//! Load: campaigns to all customers, one after the other.

use super::households::TAG;
use super::loads::{Expected, Load};
use crate::support::campaign::{launch, wait_for_completion};

/// Number of concurrent sequences of campaigns.
pub(super) const SEQUENCES: usize = 3;

/// Messages per second: slow enough that customers opt out and processes are killed while a
/// campaign is sent.
const RATE: u32 = 30;

/// Sends campaigns until the load is stopped.
pub(super) async fn send_until_stopped(load: Load, sequence: usize) -> Expected {
    let mut expected = Expected::default();
    let rules = format!("tags contains \"{TAG}\"");
    while !load.stop.is_cancelled() {
        let key = format!("{sequence}-{}", expected.campaigns.len());
        let id = launch(&load.api, &key, &rules, Some(RATE)).await;
        wait_for_completion(&load.api, &id).await;
        load.count();
        expected.campaigns.push(id);
    }
    expected
}
