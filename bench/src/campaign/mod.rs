//! `patron-bench campaign`: a campaign from its launch to its last receipt.
//!
//! API, workers, vendor and engines are separate processes on this machine. One campaign is sent
//! to a quarter of the recipients, then another one to all of them, each by newly started workers,
//! to show whether their memory grows with the audience. Every recipient is accounted for before
//! the figures are printed.

mod accounts;
mod customers;
mod limits;
mod receipts;
mod sending;
mod test_bed;
mod times;

use std::path::Path;
use std::time::Duration;

use clap::Args;

use crate::report::{BenchReport, grouped};
use engines::Engines;
use limits::CampaignLimits;
use sending::SentCampaign;
use test_bed::TestBed;

/// Options of `patron-bench campaign`.
#[derive(Args)]
pub(super) struct CampaignArgs {
    /// Number of customers who get the campaign
    #[arg(long, default_value_t = 100_000)]
    recipients: u64,

    /// Number of receipts to post when receipts are measured alone
    #[arg(long, default_value_t = 100_000)]
    receipts: u64,

    /// Number of connections that post receipts
    #[arg(long, default_value_t = 16)]
    connections: usize,

    /// Minimum size of a message's text, in bytes
    #[arg(long, default_value_t = 0)]
    text_bytes: usize,
}

pub(super) async fn run(
    args: &CampaignArgs,
    engines: &Engines,
    dir: &Path,
) -> anyhow::Result<BenchReport> {
    let test_bed = TestBed::start(engines, &dir.join("vendor")).await?;
    let worker = test_bed.start_worker().await?;
    customers::record(&test_bed, args.recipients).await?;
    test_bed.wait_until_caught_up().await?;
    worker.stop().await?;

    let text = sending::template(args.text_bytes);
    let few = args.recipients / customers::PART;
    let small = sending::measure(&test_bed, customers::FEW, few, &text).await?;
    let large = sending::measure(&test_bed, customers::ALL, args.recipients, &text).await?;
    accounts::check(&test_bed, &small).await?;
    accounts::check(&test_bed, &large).await?;
    let receipts = receipts::measure(&test_bed, args.receipts, args.connections).await?;
    let limits = CampaignLimits::measure(&test_bed).await?;

    let mut report = BenchReport::default();
    add_campaign(&mut report, &large);
    add_memory(&mut report, &small, &large);
    report.figure(
        "receipts over HTTP, no other load (target ≥ 15,000)",
        receipts,
        "receipts/s",
    );
    limits.add_to(&mut report);
    let (messages, bare) = (large.per_second(), limits.messages());
    report.ratio(
        "messages / the bare parts of a message",
        messages / bare,
        "",
    );
    report.ratio("receipts / raw XADD", receipts / limits.appends, "");
    Ok(report)
}

fn add_campaign(report: &mut BenchReport, sent: &SentCampaign) {
    let count = sent.recipients as f64;
    let rate = |time: Duration| count / time.as_secs_f64();
    let times = &sent.times;
    report.figure("recipients", count, "");
    report.figure(
        "time from the launch to the last receipt in the views",
        sent.took.as_secs_f64(),
        "s",
    );
    report.figure(
        "messages over that time (target ≥ 3,000)",
        sent.per_second(),
        "messages/s",
    );
    report.figure(
        "messages queued, from the launch to the last one",
        rate(times.queueing),
        "messages/s",
    );
    report.figure(
        "messages recorded as sent, from first to last",
        rate(times.sending),
        "messages/s",
    );
    report.figure(
        "receipts recorded, from first to last",
        rate(times.receiving),
        "receipts/s",
    );
    report.figure(
        "time from the last receipt to all views",
        sent.folding().as_secs_f64(),
        "s",
    );
    let log_bytes = sent.log_bytes as f64 / count;
    report.figure("Redis memory of the log per message", log_bytes, "bytes");
    for (name, time) in &sent.cpu_times {
        let micros = time.as_secs_f64() * 1e6 / count;
        report.figure(format!("CPU time per message, {name}"), micros, "µs");
    }
}

fn add_memory(report: &mut BenchReport, small: &SentCampaign, large: &SentCampaign) {
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    for sent in [small, large] {
        let of = grouped(sent.recipients);
        report.figure(
            format!("workers' memory before {of} recipients"),
            mib(sent.before),
            "MiB",
        );
        for (part, bytes) in sent.curve() {
            report.figure(
                format!("workers' memory, {of} recipients, {part}"),
                mib(bytes),
                "MiB",
            );
        }
        report.figure(
            format!("workers' peak memory, {of} recipients"),
            mib(sent.peak),
            "MiB",
        );
    }
    let ratio = large.peak as f64 / small.peak as f64;
    report.ratio(
        "workers' peak memory, all recipients / a quarter",
        ratio,
        "≤ 1.2",
    );
}
