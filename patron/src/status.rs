//! `patron status`: the state of log, engines, views and workers.

use std::process::ExitCode;

use clap::Args;
use eventlog::{Log, Memory};
use projections::{TaskReport, ViewStatus, Worker};
use serde_json::{Value, json};

use crate::deployment::{Deployment, Target};
use crate::output::{grouped, say};

/// Options of `patron status`.
#[derive(Args)]
pub(crate) struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    target: Target,
}

/// State of a deployment at one time.
struct Status {
    redis: String,
    mongodb: String,
    memory: Memory,
    unsafe_settings: Vec<String>,
    currency: String,
    time_zone: String,
    partitions: Vec<PartitionRow>,
    views: Vec<ViewStatus>,
    workers: Vec<Worker>,
    /// Number of quarantine entries per view.
    quarantine: Vec<(String, u64)>,
}

struct PartitionRow {
    events: u64,
    bytes: u64,
}

pub(crate) async fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let opened = args.target.open().await?;
    let status = collect(&opened.deployment).await;
    opened.close().await;
    let status = status?;
    if args.json {
        say(status.to_json());
    } else {
        status.print();
    }
    Ok(ExitCode::SUCCESS)
}

async fn collect(deployment: &Deployment) -> anyhow::Result<Status> {
    let Deployment {
        log,
        store,
        commands,
    } = deployment;
    Ok(Status {
        redis: log.server_version().await?,
        mongodb: store.server_version().await?,
        memory: log.memory().await?,
        unsafe_settings: log
            .unsafe_settings()
            .iter()
            .map(ToString::to_string)
            .collect(),
        currency: commands.currency().to_string(),
        time_zone: store.zone().to_string(),
        partitions: partitions(log).await?,
        views: store.status(log).await?,
        workers: store.live_workers(log).await?,
        quarantine: store.count_withheld().await?,
    })
}

async fn partitions(log: &Log) -> anyhow::Result<Vec<PartitionRow>> {
    let mut rows = Vec::new();
    for end in log.ends().await? {
        rows.push(PartitionRow {
            events: end.number,
            bytes: log.stream_bytes(end.partition).await?,
        });
    }
    Ok(rows)
}

impl Status {
    fn print(&self) {
        let events: u64 = self.partitions.iter().map(|row| row.events).sum();
        let bytes: u64 = self.partitions.iter().map(|row| row.bytes).sum();
        say(format_args!(
            "log      {} events in {} partitions, {} of streams, currency {}, time zone {}",
            grouped(events),
            self.partitions.len(),
            mebibytes(bytes),
            self.currency,
            self.time_zone,
        ));
        let limit = match self.memory.max {
            0 => "no limit set".to_owned(),
            max => format!("of {}", mebibytes(max)),
        };
        say(format_args!(
            "redis    {}, {} used, {limit}",
            self.redis,
            mebibytes(self.memory.used)
        ));
        say(format_args!("mongodb  {}", self.mongodb));
        for setting in &self.unsafe_settings {
            say(format_args!("redis    CAN LOSE EVENTS: {setting}"));
        }
        say("");
        say(format_args!(
            "{:<14} {:>10} {:>14} {:>10} {:>8}  state",
            "view", "generation", "folded", "lag", "skipped"
        ));
        self.views.iter().for_each(print_view);
        for (view, count) in &self.quarantine {
            let count = grouped(*count);
            say(format_args!(
                "{view}: {count} in quarantine, see `patron quarantine list`"
            ));
        }
        say("");
        if self.workers.is_empty() {
            say("workers  none alive: the views are stalled");
        }
        self.workers.iter().for_each(print_worker);
        say("");
        say(format_args!(
            "{:>9} {:>12} {:>12}",
            "partition", "events", "streams"
        ));
        for (partition, row) in self.partitions.iter().enumerate() {
            let (events, bytes) = (grouped(row.events), mebibytes(row.bytes));
            say(format_args!("{partition:>9} {events:>12} {bytes:>12}"));
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "currency": self.currency,
            "time_zone": self.time_zone,
            "engines": {"redis": self.redis, "mongodb": self.mongodb},
            "memory": {"used": self.memory.used, "max": self.memory.max},
            "unsafe_settings": self.unsafe_settings,
            "partitions": self.partitions.iter().enumerate().map(|(partition, row)| {
                json!({"partition": partition, "events": row.events, "bytes": row.bytes})
            }).collect::<Vec<_>>(),
            "views": self.views.iter().map(view_json).collect::<Vec<_>>(),
            "workers": self.workers.iter().map(worker_json).collect::<Vec<_>>(),
            "quarantine": self.quarantine.iter().map(|(view, count)| {
                json!({"view": view, "count": count})
            }).collect::<Vec<_>>(),
        })
    }
}

fn print_worker(worker: &Worker) {
    let sends = match &worker.sends {
        Some(sends) => format!("sends the messages of {} partitions", sends.len()),
        None => "sends nothing: no vendor is configured".to_owned(),
    };
    say(format_args!(
        "worker   {} folds {} partitions, {sends}",
        worker.name,
        worker.folds.len()
    ));
    for task in tasks(worker) {
        let state = match (&task.error, task.ran_at) {
            (Some(error), _) => format!("FAILED: {error}"),
            (None, Some(_)) => "ok".to_owned(),
            (None, None) => "not run yet".to_owned(),
        };
        say(format_args!("  task   {:<36} {state}", task.name));
    }
}

fn worker_json(worker: &Worker) -> Value {
    let tasks = tasks(worker).iter().map(|task| {
        json!({
            "name": task.name,
            "ran_at": task.ran_at.map(|at| at.to_chrono()),
            "took_ms": task.took_ms,
            "error": task.error,
        })
    });
    json!({
        "name": worker.name,
        "folds": worker.folds,
        "sends": worker.sends,
        "tasks": tasks.collect::<Vec<_>>(),
    })
}

fn tasks(worker: &Worker) -> &[TaskReport] {
    worker.report.as_ref().map_or(&[], |report| &report.tasks)
}

fn print_view(view: &ViewStatus) {
    let folded: u64 = view.partitions.iter().map(|p| p.position.number).sum();
    let state = match (&view.building, stopped(view).first()) {
        (_, Some(reason)) => format!("STOPPED: {reason}"),
        (Some(b), None) => {
            format!(
                "rebuilding generation {}: {} of {} events",
                b.generation, b.done, b.of
            )
        }
        (None, None) if view.outdated => {
            format!("OUTDATED: run `patron rebuild {}`", view.name)
        }
        (None, None) => "live".to_owned(),
    };
    say(format_args!(
        "{:<14} {:>10} {:>14} {:>10} {:>8}  {state}",
        view.name,
        view.generation,
        grouped(folded),
        grouped(view.lag()),
        skipped(view)
    ));
}

fn view_json(view: &ViewStatus) -> Value {
    json!({
        "name": view.name,
        "generation": view.generation,
        "fold": view.fold,
        "outdated": view.outdated,
        "previous": view.previous,
        "building": view.building.map(|b| {
            json!({"generation": b.generation, "done": b.done, "of": b.of})
        }),
        "lag": view.lag(),
        "skipped": skipped(view),
        "stopped": stopped(view),
    })
}

/// Returns the number of events of unknown types that the view skipped.
fn skipped(view: &ViewStatus) -> u64 {
    view.partitions.iter().map(|p| p.skipped).sum()
}

fn stopped(view: &ViewStatus) -> Vec<&str> {
    let reasons = view.partitions.iter();
    reasons.filter_map(|p| p.stopped.as_deref()).collect()
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
