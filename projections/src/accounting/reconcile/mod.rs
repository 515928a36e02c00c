//! Reconciliation: checks against the log that a campaign did what it was
//! launched to do.
//!
//! [`ledger`] reads the log, one partition at a time: the expected recipients
//! and the status of each message. [`refusals`] finds messages that were sent
//! although they were no longer allowed, [`duplicates`] addresses that got
//! several, and [`opt_outs`] addresses that got one although a customer had
//! unsubscribed with them. [`judge`] compares recipients and messages with each
//! other, with what the campaign recorded, and with the views.

mod duplicates;
mod judge;
mod ledger;
mod opt_outs;
mod refusals;
mod report;

use domain::Campaign;
use eventlog::Log;

use crate::runtime::error::ProjectError;
use crate::runtime::long_read::LongRead;
use crate::runtime::parallel::each_partition;
use crate::runtime::store::Store;
use judge::Judge;
use ledger::{CampaignLedger, Plan};
use opt_outs::UnsubscribedAddresses;
use refusals::StopPeriods;
pub use report::{
    Discrepancy, DiscrepancyKind, LaunchedCampaign, MAX_DISCREPANCIES, ReconcileError,
    Reconciliation,
};

/// Reconciles a campaign with the log. Reads the whole log; at any time it
/// holds the customers of a few partitions and the campaign's messages in
/// memory.
///
/// Meanwhile the campaign may continue. `head` reads its head and is polled
/// near the end, when most of the log is read. `launched` then has its new
/// status and size.
///
/// # Errors
/// [`ReconcileError`], at once if any events were trimmed. Errors of `head`.
pub async fn reconcile<E: From<ReconcileError>>(
    store: &Store,
    log: &Log,
    launched: &mut LaunchedCampaign,
    reading: &LongRead,
    head: impl Future<Output = Result<Option<Campaign>, E>>,
) -> Result<Reconciliation, E> {
    let mut ledgers = read_ledgers(store, log, launched, reading).await?;
    // The head is read before the rest of the log, so that the ledgers contain
    // every message that the recorded size counts.
    if let Some(campaign) = head.await? {
        launched.update(&campaign);
    }
    for ledger in &mut ledgers {
        ledger.catch_up(log).await.map_err(ReconcileError::from)?;
    }
    Ok(judge(store, log, launched, ledgers).await?)
}

async fn read_ledgers(
    store: &Store,
    log: &Log,
    launched: &LaunchedCampaign,
    reading: &LongRead,
) -> Result<Vec<CampaignLedger>, ReconcileError> {
    let plan = Plan::new(launched, store.zone())?;
    reading.begin(log).await.map_err(ProjectError::from)?;
    let read = each_partition(log.partitions(), |partition| {
        let (store, log) = (store.clone(), log.clone());
        let (plan, reading) = (plan.clone(), reading.clone());
        async move {
            let _turn = reading.turn().await;
            CampaignLedger::read(&store, &log, &plan, partition, &reading).await
        }
    });
    let mut ledgers = read.await?;
    ledgers.sort_by_key(CampaignLedger::partition);
    Ok(ledgers)
}

async fn judge(
    store: &Store,
    log: &Log,
    launched: &LaunchedCampaign,
    ledgers: Vec<CampaignLedger>,
) -> Result<Reconciliation, ReconcileError> {
    let mut judge = Judge::new(log, launched, ledgers);
    judge.compare_views(store).await?;
    // Read last. Otherwise the ledgers could contain a message that was sent
    // after a resumption, or after a lifted opt-out, that is missing here.
    let stops = StopPeriods::read(log, &launched.campaign).await?;
    let unsubscribed = judge.doubtful_addresses().into_iter();
    let unsubscribed = UnsubscribedAddresses::read(log, unsubscribed).await?;
    Ok(judge.verdict(&stops, &unsubscribed))
}
