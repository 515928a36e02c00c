//! `patron bench pipeline`.
//!
//! API and workers are processes of their own, of this program or of another
//! build, so that two builds can be compared on the same machine. They are
//! asked over HTTP alone: what they keep in the engines is their own affair.

mod idle;
mod running;
mod shares;
mod visible;
mod whole;

use std::path::PathBuf;

use clap::Args;

use super::report::Report;
use crate::engines::Engines;
use running::Running;

/// Options of `patron bench pipeline`.
#[derive(Args)]
pub(super) struct PipelineArgs {
    /// How many orders to send in bulk; half as many to two workers
    #[arg(long, default_value_t = 300_000)]
    orders: u64,

    /// How many customers they are of
    #[arg(long, default_value_t = 67_000)]
    customers: u64,

    /// Orders per second beside which single orders are posted and read, such as 5000,10000
    #[arg(long, value_delimiter = ',', default_values_t = [5_000], value_name = "N,…")]
    rates: Vec<u32>,

    /// For how many seconds, at each rate
    #[arg(long, default_value_t = 20)]
    seconds: u64,

    /// Send up to so many orders of one customer beside them, as fast as they are accepted
    #[arg(long, value_name = "ORDERS")]
    one_customer: Option<u64>,

    /// For how many seconds to measure what rest costs
    #[arg(long, default_value_t = 30)]
    idle_seconds: u64,

    /// Measure the API and workers of this build
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,

    /// What the orders are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) async fn run(args: &PipelineArgs, engines: &Engines) -> anyhow::Result<Report> {
    let program = match &args.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?,
    };
    let mut running = Running::start(program, engines).await?;
    let mut report = Report::default();
    whole::measure(&mut running, args, &mut report).await?;
    idle::measure(&mut running, args, &mut report).await?;
    for rate in &args.rates {
        visible::measure(&mut running, args, *rate, &mut report).await?;
    }
    shares::measure(&mut running, args, &mut report).await?;
    running.stop().await?;
    Ok(report)
}
