//! `patron bench campaign`.
//!
//! API, workers, vendor and engines are processes of their own, all on this
//! machine. First a quarter of the recipients get a campaign, then all of them
//! another, each from workers that were only just started: so it shows whether
//! their memory grows with the audience. Every recipient is accounted for
//! before the figures are told.

mod accounts;
mod customers;
mod limits;
mod receipts;
mod sending;
mod stage;
mod times;

use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::process::computed;
use super::report::Report;
use super::{raw_mongo, raw_redis};
use crate::engines::Engines;
use limits::Limits;
use sending::Sent;
use stage::Stage;

/// Options of `patron bench campaign`.
#[derive(Args)]
pub(super) struct CampaignArgs {
    /// How many customers get the campaign
    #[arg(long, default_value_t = 100_000)]
    recipients: u64,

    /// How many receipts are posted when only these are measured
    #[arg(long, default_value_t = 100_000)]
    receipts: u64,

    /// How many connections post them
    #[arg(long, default_value_t = 16)]
    connections: usize,

    /// How many bytes the text of a message has at least
    #[arg(long, default_value_t = 0)]
    text_bytes: usize,
}

/// What part of the recipients the first campaign goes to.
const PART: u64 = 4;

pub(super) async fn run(
    args: &CampaignArgs,
    engines: &Engines,
    dir: &Path,
) -> anyhow::Result<Report> {
    let stage = Stage::set(engines, &dir.join("vendor")).await?;
    let worker = stage.worker().await?;
    customers::record(&stage, args.recipients).await?;
    stage.caught_up().await?;
    worker.stop().await?;

    let text = sending::template(args.text_bytes);
    let small = sending::measure(&stage, customers::FEW, args.recipients / PART, &text).await?;
    let large = sending::measure(&stage, customers::ALL, args.recipients, &text).await?;
    accounts::hold(&stage, &small).await?;
    accounts::hold(&stage, &large).await?;
    let receipts = receipts::measure(&stage, args.receipts, args.connections).await?;
    let limits = Limits::measure(&stage).await?;

    let mut report = Report::default();
    tell_campaign(&mut report, &large);
    tell_memory(&mut report, &small, &large);
    report.figure(
        "receipts alone, over HTTP (wanted ≥ 15,000)",
        receipts,
        "receipts/s",
    );
    limits.tell(&mut report);
    let (messages, bare) = (large.per_second(), limits.messages());
    report.ratio("messages / of the bare parts alone", messages / bare, "");
    report.ratio("receipts alone / raw XADD", receipts / limits.appends, "");
    Ok(report)
}

fn tell_campaign(report: &mut Report, sent: &Sent) {
    let count = sent.recipients as f64;
    let rate = |time: Duration| count / time.as_secs_f64();
    let times = &sent.times;
    report.figure("recipients", count, "");
    report.figure(
        "launch to last receipt folded",
        sent.took.as_secs_f64(),
        "s",
    );
    report.figure(
        "messages a second of that time (wanted ≥ 3,000)",
        sent.per_second(),
        "messages/s",
    );
    report.figure(
        "resolving: launch to last queued",
        rate(times.queueing),
        "queued/s",
    );
    report.figure(
        "sending: first to last recorded",
        rate(times.sending),
        "sent/s",
    );
    report.figure(
        "receipts: first to last recorded",
        rate(times.receiving),
        "receipts/s",
    );
    report.figure(
        "last receipt recorded to folded",
        sent.folding().as_secs_f64(),
        "s",
    );
    let log_bytes = sent.log_bytes as f64 / count;
    report.figure("log, Redis memory a message", log_bytes, "bytes");
    for (name, time) in &sent.computed {
        let micros = time.as_secs_f64() * 1e6 / count;
        report.figure(format!("processor time a message, {name}"), micros, "µs");
    }
}

fn tell_memory(report: &mut Report, small: &Sent, large: &Sent) {
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    for sent in [small, large] {
        let of = crate::output::grouped(sent.recipients);
        report.figure(
            format!("workers before {of} recipients"),
            mib(sent.before),
            "MiB",
        );
        for (part, bytes) in sent.curve() {
            report.figure(
                format!("workers, {of} recipients, {part}"),
                mib(bytes),
                "MiB",
            );
        }
        report.figure(
            format!("workers, {of} recipients, at most"),
            mib(sent.peak),
            "MiB",
        );
    }
    let ratio = large.peak as f64 / small.peak as f64;
    report.ratio(
        "workers at most, all recipients / a quarter",
        ratio,
        "≤ 1.2",
    );
}
