//! `patron reconcile`: accounts for every recipient of a campaign.

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Args;
use domain::{CampaignId, IdError};
use projections::{Discrepancy, LaunchedCampaign, LongRead, Reconciliation, reconcile};

use crate::deployment::{Deployment, Target};
use crate::output::{grouped, say};
use crate::quarantine;

/// Maximum number of discrepancies that are printed.
const SHOWN: usize = 20;

/// Options of `patron reconcile`.
#[derive(Args)]
pub(crate) struct ReconcileArgs {
    /// Id of the campaign: cmp_…
    #[arg(value_parser = campaign)]
    campaign: CampaignId,

    /// Print JSON, in the form of the API
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    target: Target,
}

fn campaign(text: &str) -> Result<CampaignId, IdError> {
    CampaignId::try_from(text)
}

pub(crate) async fn run(args: ReconcileArgs) -> anyhow::Result<ExitCode> {
    let opened = args.target.open().await?;
    let reconciled = reconciled(&opened.deployment, args.campaign).await;
    opened.close().await;
    let (launched, reconciliation) = reconciled?;
    let code = match reconciliation.found {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    };
    if args.json {
        let document = api::reconciliation_document(launched, reconciliation);
        say(serde_json::to_string(&document)?);
    } else {
        print(&launched, &reconciliation);
    }
    Ok(code)
}

async fn reconciled(
    deployment: &Deployment,
    id: CampaignId,
) -> anyhow::Result<(LaunchedCampaign, Reconciliation)> {
    let found = deployment.commands.campaign(&id).await?;
    let campaign = found.filter(|campaign| campaign.status().is_some());
    let campaign = campaign.ok_or_else(|| anyhow!("there is no campaign {id}"))?;
    let launch = deployment.commands.campaign_launch(&id).await?;
    let launch = launch.ok_or_else(|| anyhow!("{id} has not been launched yet"))?;
    let content = deployment.commands.campaign_content(&id).await?;
    let content = content.ok_or_else(|| anyhow!("{id} has no content"))?;
    let mut launched = LaunchedCampaign::of(id.clone(), &campaign, launch, content.template);
    let Deployment { log, store, .. } = deployment;
    let reading = LongRead::default();
    let head = async { Ok::<_, anyhow::Error>(deployment.commands.campaign(&id).await?) };
    let reconciliation = reconcile(store, log, &mut launched, &reading, head).await;
    let reconciliation = reconciliation.with_context(|| format!("cannot reconcile {id}"))?;
    Ok((launched, reconciliation))
}

fn print(launched: &LaunchedCampaign, reconciliation: &Reconciliation) {
    let (id, status) = (&launched.campaign, launched.status.name());
    say(format_args!("{id} is {status}"));
    for (name, count) in [
        ("planned", reconciliation.planned),
        ("sent", reconciliation.sent),
        ("  delivered", reconciliation.delivered),
        ("  awaiting", reconciliation.awaiting_receipt),
        ("  unconfirmed", reconciliation.unconfirmed),
        ("failed", reconciliation.failed),
        ("  bounced", reconciliation.bounced),
        ("  rejected", reconciliation.rejected),
        ("  undeliverable", reconciliation.undeliverable),
        ("suppressed", reconciliation.suppressed),
        ("pending", reconciliation.pending),
    ] {
        say(format_args!("  {name:<15} {:>9}", grouped(count)));
    }
    if reconciliation.complained > 0 {
        let count = grouped(reconciliation.complained);
        say(format_args!("  {:<15} {count:>9}", "complained"));
    }
    if reconciliation.refused_receipts > 0 {
        let count = grouped(reconciliation.refused_receipts);
        say(format_args!(
            "{count} receipts were refused; the audit trail has the reasons"
        ));
    }
    if reconciliation.undetermined > 0 {
        let count = grouped(reconciliation.undetermined);
        say(format_args!("  {:<15} {count:>9}", "undetermined"));
    }
    if !reconciliation.withheld.is_empty() {
        let count = reconciliation.withheld.len();
        say(format_args!("not compared, {count} in quarantine:"));
        reconciliation
            .withheld
            .iter()
            .take(SHOWN)
            .for_each(quarantine::print);
    }
    if !reconciliation.texts_compared {
        say("some texts were not compared: a newer version of Patron rendered them");
    }
    if !reconciliation.views_compared {
        say("the views were not compared: they are behind the log, or still changing");
        say("the figures above are from the log and complete");
    }
    match reconciliation.found {
        0 => say("no discrepancies"),
        1 => say("1 discrepancy"),
        found => say(format_args!("{} discrepancies", grouped(found))),
    }
    let shown = reconciliation.discrepancies.iter().take(SHOWN);
    shown.for_each(print_discrepancy);
    let more = reconciliation.found.saturating_sub(SHOWN as u64);
    if more > 0 {
        say(format_args!("  … and {} more", grouped(more)));
    }
}

fn print_discrepancy(discrepancy: &Discrepancy) {
    let (kind, detail) = (discrepancy.kind.name(), &discrepancy.detail);
    match &discrepancy.customer {
        Some(customer) => say(format_args!("  {kind}: {customer} {detail}")),
        None => say(format_args!("  {kind}: {detail}")),
    }
}
