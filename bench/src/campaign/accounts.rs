//! Check that every recipient got exactly one message.

use std::collections::HashMap;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::sending::SentCampaign;
use super::test_bed::TestBed;

/// Compares the log, the views and the vendor's own list.
pub(super) async fn check(test_bed: &TestBed<'_>, sent: &SentCampaign) -> anyhow::Result<()> {
    let [queued, sending, receipted] = sent.times.counts;
    // A receipt may be recorded before the event that its message was sent, which is then not
    // recorded.
    let is_complete = [queued, receipted] == [sent.recipients; 2] && sending <= queued;
    ensure!(is_complete, "{:?} messages in the log", sent.times.counts);
    let path = format!("/api/campaigns/{}", sent.campaign);
    check_counts(test_bed, &path, &json!(sent.recipients)).await?;
    check_lists(test_bed, &path, sent).await
}

/// Checks the reconciliation, and compares it with the campaign's statistics.
async fn check_counts(
    test_bed: &TestBed<'_>,
    path: &str,
    recipients: &Value,
) -> anyhow::Result<()> {
    let reconciled = test_bed.read(&format!("{path}/reconcile")).await?;
    ensure!(reconciled["discrepancies"] == json!([]), "{reconciled}");
    ensure!(reconciled["views_compared"] == true, "{reconciled}");
    ensure!(reconciled["planned"] == *recipients, "{reconciled}");
    let statistics = &test_bed.read(path).await?["statistics"];
    for name in ["sent", "delivered", "failed", "suppressed", "pending"] {
        ensure!(statistics[name] == reconciled[name], "{name}: {statistics}");
    }
    ensure!(statistics["audience"] == *recipients, "{statistics}");
    Ok(())
}

/// Compares the communication log with the vendor's list of messages.
async fn check_lists(
    test_bed: &TestBed<'_>,
    path: &str,
    sent: &SentCampaign,
) -> anyhow::Result<()> {
    let logs = format!("http://{}{path}/logs", test_bed.api.address);
    let ours = test_bed.list(&logs).await?;
    let ours = addresses(&ours)?;
    let prefix = format!("msg_{}_", sent.campaign.as_str().trim_start_matches("cmp_"));
    let list = format!("{}/vendor/messages", test_bed.vendor_url);
    let mut theirs = test_bed.list(&list).await?;
    let is_of = |row: &Value| {
        row["message_id"]
            .as_str()
            .is_some_and(|id| id.starts_with(&prefix))
    };
    theirs.retain(is_of);
    let repeated = theirs.iter().filter(|row| row["requested"] != 1).count();
    ensure!(repeated == 0, "{repeated} messages were sent twice");
    let theirs = addresses(&theirs)?;
    let (logged, accepted) = (ours.len(), theirs.len());
    ensure!(
        ours == theirs,
        "{logged} messages logged, {accepted} accepted by the vendor"
    );
    ensure!(
        u64::try_from(logged)? == sent.recipients,
        "{logged} messages"
    );
    Ok(())
}

/// Returns the address of each message.
///
/// # Errors
/// Returns an error if a message is listed twice.
fn addresses(rows: &[Value]) -> anyhow::Result<HashMap<&str, &str>> {
    let mut addresses = HashMap::with_capacity(rows.len());
    for row in rows {
        let id = row["message_id"].as_str().context("no id")?;
        let to = row["to"].as_str().context("no address")?;
        ensure!(addresses.insert(id, to).is_none(), "{id} is listed twice");
    }
    Ok(addresses)
}
