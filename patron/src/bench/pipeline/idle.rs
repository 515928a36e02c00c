//! What it costs when nothing happens.

use std::time::Duration;

use super::super::raw_redis;
use super::super::report::Report;
use super::PipelineArgs;
use super::running::Running;

/// How long everything rests before it counts.
const BEFORE: Duration = Duration::from_secs(5);

pub(super) async fn measure(
    running: &mut Running<'_>,
    args: &PipelineArgs,
    report: &mut Report,
) -> anyhow::Result<()> {
    running.caught_up().await?;
    tokio::time::sleep(BEFORE).await;
    let url = &running.engines.redis_url;
    let appended = raw_redis::appended(url).await?;
    let computed = running.computed()?;
    let time = Duration::from_secs(args.idle_seconds);
    tokio::time::sleep(time).await;
    let computed = running.computed_since(&computed)?;
    let grown = raw_redis::appended(url).await?.saturating_sub(appended);
    for (name, computed) in &computed {
        let share = computed.as_secs_f64() / time.as_secs_f64() * 100.0;
        report.figure(format!("at rest, {name}"), share, "% of a core");
    }
    let grown = grown as f64 / time.as_secs_f64() * 60.0;
    report.figure("at rest, growth of Redis's file", grown, "bytes/min");
    Ok(())
}
