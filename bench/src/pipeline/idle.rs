//! Cost of an idle deployment.

use std::time::Duration;

use super::PipelineArgs;
use super::running::RunningBuild;
use crate::raw_redis;
use crate::report::BenchReport;

/// Idle time before the measurement.
const BEFORE: Duration = Duration::from_secs(5);

pub(super) async fn measure(
    running: &mut RunningBuild<'_>,
    args: &PipelineArgs,
    report: &mut BenchReport,
) -> anyhow::Result<()> {
    running.wait_until_caught_up().await?;
    tokio::time::sleep(BEFORE).await;
    let url = &running.engines.redis_url;
    let size_before = raw_redis::aof_size(url).await?;
    let cpu_times = running.cpu_times()?;
    let time = Duration::from_secs(args.idle_seconds);
    tokio::time::sleep(time).await;
    let cpu_times = running.cpu_times_since(cpu_times)?;
    let grown = raw_redis::aof_size(url).await?.saturating_sub(size_before);
    for (name, cpu_time) in &cpu_times {
        let share = cpu_time.as_secs_f64() / time.as_secs_f64() * 100.0;
        report.figure(format!("CPU at rest, {name}"), share, "% of a core");
    }
    let grown = grown as f64 / time.as_secs_f64() * 60.0;
    report.figure("append-only file at rest, growth", grown, "bytes/min");
    Ok(())
}
