//! `patron segment`: counts the customers that match rules, and shows some of them.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use domain::rules::{Moment, Rules};
use domain::{Currency, Timestamp};
use projections::LongRead;
use projections::customers::{CustomerDocument, NodeCount, Preview, preview_at};
use serde_json::{Value, json};

use crate::deployment::{Deployment, Target};
use crate::output::{grouped, say};

/// Options of `patron segment`.
#[derive(Args)]
pub(crate) struct SegmentArgs {
    /// Rules, such as 'total_spend > 100000 AND order_count < 3', or the JSON of react-querybuilder
    rules: String,

    /// Number of customers to show
    #[arg(long, default_value_t = 5)]
    sample: usize,

    /// Evaluate the rules at a past time, from the log: 2026-11-23 or 2026-11-23T01:02:03Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    as_of: Option<Timestamp>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    target: Target,
}

/// Parses a time, or the first instant of a date.
fn moment(text: &str) -> Result<Timestamp, String> {
    let moment = Moment::parse(text).ok_or("neither a date nor a time")?;
    Timestamp::from_millis(moment.first()).map_err(|error| error.to_string())
}

pub(crate) async fn run(args: SegmentArgs) -> anyhow::Result<ExitCode> {
    let json = match args.rules.trim_start().starts_with('{') {
        true => serde_json::from_str(&args.rules)?,
        false => Value::from(args.rules.as_str()),
    };
    let rules = Rules::from_json(&json).map_err(|errors| anyhow::anyhow!("rules: {errors}"))?;
    let now = Timestamp::from(chrono::Utc::now());
    if args.as_of.is_some_and(|as_of| as_of > now) {
        bail!("--as-of must not be in the future");
    }
    let opened = args.target.open().await?;
    let preview = preview(&opened.deployment, &rules, now, &args).await;
    let currency = opened.deployment.commands.currency();
    opened.close().await;
    let preview = preview?;
    if args.json {
        say(to_json(&preview, &rules, args.as_of.unwrap_or(now)));
    } else {
        print(&preview, currency);
    }
    Ok(ExitCode::SUCCESS)
}

async fn preview(
    deployment: &Deployment,
    rules: &Rules,
    now: Timestamp,
    args: &SegmentArgs,
) -> anyhow::Result<Preview> {
    Ok(match args.as_of {
        Some(as_of) => {
            let reading = LongRead::default();
            let Deployment { store, log, .. } = deployment;
            preview_at(store, log, rules, as_of, args.sample, &reading).await?
        }
        None => deployment.store.preview(rules, now, args.sample).await?,
    })
}

fn print(preview: &Preview, currency: Currency) {
    say(format_args!(
        "{} of {} customers, in {} ms",
        grouped(preview.count),
        grouped(preview.total),
        preview.took.as_millis()
    ));
    if preview.undetermined > 0 {
        let count = grouped(preview.undetermined);
        say(format_args!(
            "{count} have an event in quarantine: see `patron quarantine list`"
        ));
    }
    say("");
    // A group of one condition has the same count as the condition, so its line is left out.
    let is_single_condition = preview.nodes.len() == 2;
    preview
        .nodes
        .iter()
        .skip(usize::from(is_single_condition))
        .for_each(print_node);
    if !preview.sample.is_empty() {
        say("");
        print_sample(&preview.sample, currency);
    }
}

fn print_node(node: &NodeCount) {
    let indent = "  ".repeat(node.pointer.matches("/rules").count());
    let (count, text) = (grouped(node.count), &node.text);
    say(format_args!("{count:>12}  {indent}{text}"));
}

fn print_sample(sample: &[(String, CustomerDocument)], currency: Currency) {
    let spend = format!("spend {currency}");
    say(format_args!(
        "{:<24} {spend:>14} {:>7}  last order",
        "customer", "orders"
    ));
    for (id, customer) in sample {
        let spend = currency.major(customer.total_spend);
        let last = customer.last_order_at.map(|at| at.to_chrono());
        let last = last.map_or("-".to_owned(), |at| at.format("%Y-%m-%d").to_string());
        say(format_args!(
            "{id:<24} {spend:>14} {:>7}  {last}",
            customer.order_count
        ));
    }
}

fn to_json(preview: &Preview, rules: &Rules, as_of: Timestamp) -> Value {
    let sample = preview.sample.iter().map(|(id, customer)| {
        json!({
            "customer_id": id,
            "total_spend": customer.total_spend,
            "order_count": customer.order_count,
            "last_order_at": customer.last_order_at.map(|at| Timestamp::from(at.to_chrono())),
        })
    });
    json!({
        "count": preview.count,
        "total_customers": preview.total,
        "sample": sample.collect::<Vec<_>>(),
        "rules": preview.nodes.iter().map(node_json).collect::<Vec<_>>(),
        "text": rules.to_string(),
        "as_of": as_of,
        "took_ms": preview.took.as_millis() as u64,
    })
}

fn node_json(node: &NodeCount) -> Value {
    let mut json = json!({"pointer": node.pointer, "text": node.text, "count": node.count});
    if let Some(id) = &node.id {
        json["id"] = id.as_str().into();
    }
    json
}
