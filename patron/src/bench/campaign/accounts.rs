//! That everybody got exactly one message, whoever is asked.

use std::collections::HashMap;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::sending::Sent;
use super::stage::Stage;

/// Holds the log, the views and the vendor's own list against each other.
pub(super) async fn hold(stage: &Stage<'_>, sent: &Sent) -> anyhow::Result<()> {
    let [queued, sending, told] = sent.times.counts;
    // A receipt may be quicker than what records that its message was sent.
    let is_whole = [queued, told] == [sent.recipients; 2] && sending <= queued;
    ensure!(is_whole, "{:?} messages in the log", sent.times.counts);
    let path = format!("/api/campaigns/{}", sent.campaign);
    numbers_agree(stage, &path, &json!(sent.recipients)).await?;
    lists_agree(stage, &path, sent).await
}

/// By the log, and by the numbers that the campaign shows.
async fn numbers_agree(stage: &Stage<'_>, path: &str, recipients: &Value) -> anyhow::Result<()> {
    let reconciled = stage.read(&format!("{path}/reconcile")).await?;
    ensure!(reconciled["discrepancies"] == json!([]), "{reconciled}");
    ensure!(reconciled["views_compared"] == true, "{reconciled}");
    ensure!(reconciled["planned"] == *recipients, "{reconciled}");
    let statistics = &stage.read(path).await?["statistics"];
    for name in ["sent", "delivered", "failed", "suppressed", "pending"] {
        ensure!(statistics[name] == reconciled[name], "{name}: {statistics}");
    }
    ensure!(statistics["audience"] == *recipients, "{statistics}");
    Ok(())
}

/// By the communication log, and by what the vendor was asked for.
async fn lists_agree(stage: &Stage<'_>, path: &str, sent: &Sent) -> anyhow::Result<()> {
    let logs = format!("http://{}{path}/logs", stage.api.address);
    let ours = stage.list(&logs).await?;
    let ours = addresses(&ours)?;
    let start = format!("msg_{}_", sent.campaign.as_str().trim_start_matches("cmp_"));
    let list = format!("{}/vendor/messages", stage.vendor_url);
    let mut theirs = stage.list(&list).await?;
    let is_of = |row: &Value| {
        row["message_id"]
            .as_str()
            .is_some_and(|id| id.starts_with(&start))
    };
    theirs.retain(is_of);
    let again = theirs.iter().filter(|row| row["requested"] != 1).count();
    ensure!(
        again == 0,
        "the vendor was asked for {again} messages again"
    );
    let theirs = addresses(&theirs)?;
    let (our, their) = (ours.len(), theirs.len());
    ensure!(ours == theirs, "{our} ours, {their} theirs");
    ensure!(u64::try_from(our)? == sent.recipients, "{our} messages");
    Ok(())
}

/// Where to each message went; none may be there twice.
fn addresses(rows: &[Value]) -> anyhow::Result<HashMap<&str, &str>> {
    let mut addresses = HashMap::with_capacity(rows.len());
    for row in rows {
        let id = row["message_id"].as_str().context("no id")?;
        let to = row["to"].as_str().context("no address")?;
        ensure!(addresses.insert(id, to).is_none(), "{id} is there twice");
    }
    Ok(addresses)
}
