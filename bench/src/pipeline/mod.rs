//! `patron-bench pipeline`: orders from HTTP to all views.
//!
//! API and workers are separate processes, of this build or of another one, so that two builds
//! can be compared on the same machine. They are observed over HTTP only, because builds may
//! store different data in the engines.

mod idle;
mod running;
mod shares;
mod visible;
mod whole;

use std::path::PathBuf;

use clap::Args;

use crate::process::patron;
use crate::report::BenchReport;
use engines::Engines;
use running::RunningBuild;

/// Options of `patron-bench pipeline`.
#[derive(Args)]
pub(super) struct PipelineArgs {
    /// Number of orders to send in bulk; two workers get half as many
    #[arg(long, default_value_t = 300_000)]
    orders: u64,

    /// Number of customers of the orders
    #[arg(long, default_value_t = 67_000)]
    customers: u64,

    /// Background loads in orders per second, during which single orders are posted and read, such
    /// as 5000,10000
    #[arg(long, value_delimiter = ',', default_values_t = [5_000], value_name = "N,…")]
    rates: Vec<u32>,

    /// Duration of each background load, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,

    /// Also send up to this number of orders of one customer, as fast as they are accepted
    #[arg(long, value_name = "ORDERS")]
    one_customer: Option<u64>,

    /// Duration of the idle measurement, in seconds
    #[arg(long, default_value_t = 30)]
    idle_seconds: u64,

    /// Program of another build to measure [default: `patron` next to this program]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,

    /// Seed of the generated orders
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) async fn run(args: &PipelineArgs, engines: &Engines) -> anyhow::Result<BenchReport> {
    let program = match &args.program {
        Some(program) => program.clone(),
        None => patron()?,
    };
    let mut running = RunningBuild::start(program, engines).await?;
    let mut report = BenchReport::default();
    whole::measure(&mut running, args, &mut report).await?;
    idle::measure(&mut running, args, &mut report).await?;
    for rate in &args.rates {
        visible::measure(&mut running, args, *rate, &mut report).await?;
    }
    shares::measure(&mut running, args, &mut report).await?;
    running.stop().await?;
    Ok(report)
}
