//! `patron-bench import`: a file in the layout of Shopify's export of orders, from the disk to the
//! log, by `patron import` as a separate process.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::process::Command;

use super::api_process::{ApiProcess, KEY};
use super::deployment::BenchDeployment;
use super::process::{patron, peak_of};
use super::report::BenchReport;
use engines::Engines;

/// Columns of the layout. Most cells are empty, as in real files.
const HEADER: &str = "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,\
Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,\
Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,\
Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,\
Lineitem fulfillment status,Billing Name,Billing Street,Billing City,Billing Zip,\
Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping City,\
Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,\
Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Id,Tags,Risk Level,Source,\
Lineitem discount\n";

/// Interval between two readings of the importer's memory.
const SAMPLE: Duration = Duration::from_millis(20);

/// Options of `patron-bench import`.
#[derive(clap::Args)]
pub(crate) struct ImportArgs {
    /// Size of the file, in MB
    #[arg(long, default_value_t = 100)]
    megabytes: u64,

    /// Seed of the generated orders
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Generated file.
struct Export {
    orders: u64,
    rows: u64,
    bytes: u64,
}

/// Measured import.
struct Measured {
    seconds: f64,
    /// Peak of the importer's resident memory, in bytes.
    peak: u64,
}

pub(super) async fn run(
    args: &ImportArgs,
    engines: &Engines,
    dir: &Path,
) -> anyhow::Result<BenchReport> {
    let _deployment = BenchDeployment::open(engines).await?;
    let api = ApiProcess::start(engines).await?;
    let mut report = BenchReport::default();
    // The small file shows what memory the importer needs for any file.
    let bytes = args.megabytes * 1_000_000;
    let small = dir.join("small.csv");
    let small_export = write_export(&small, bytes / 10, "#A", args.seed)?;
    let small_import = import(&api.address, &small, &small_export).await?;
    let large = dir.join("large.csv");
    let export = write_export(&large, bytes, "#B", args.seed + 1)?;
    let measured = import(&api.address, &large, &export).await?;

    let per_second = |count: u64| count as f64 / measured.seconds;
    let mib = |bytes: u64| bytes as f64 / 1048576.0;
    report.figure("size of the file", export.bytes as f64 / 1e6, "MB");
    report.figure("orders in it", export.orders as f64, "orders");
    report.figure("import, durable", per_second(export.rows), "rows/s");
    report.figure("import, durable", per_second(export.orders), "orders/s");
    report.figure("import, durable", per_second(export.bytes) / 1e6, "MB/s");
    report.figure(
        "importer's peak memory, a tenth of the file",
        mib(small_import.peak),
        "MiB",
    );
    report.figure(
        "importer's peak memory, the whole file",
        mib(measured.peak),
        "MiB",
    );
    let growth = measured.peak.saturating_sub(small_import.peak) as f64;
    report.figure(
        "importer's memory per further order",
        growth / (export.orders - small_export.orders) as f64,
        "bytes",
    );
    Ok(report)
}

/// Imports a file that is accepted whole.
async fn import(address: &str, file: &Path, export: &Export) -> anyhow::Result<Measured> {
    let start = Instant::now();
    let mut child = Command::new(patron()?)
        .args(["import", "orders", "--preset", "shopify-orders", "--url"])
        .arg(format!("http://{address}"))
        .arg(file)
        .env("PATRON_KEY", KEY)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().context("the process has a pid")?;
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        // The process may end between the two readings.
        peak = peak.max(peak_of(pid).unwrap_or(peak));
        tokio::time::sleep(SAMPLE).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    let ended = child.wait_with_output().await?;
    let summary = String::from_utf8_lossy(&ended.stdout).replace(',', "");
    ensure!(
        ended.status.success() && summary.contains(&format!("{} created", export.orders)),
        "the import ended with {}: {summary}",
        ended.status
    );
    Ok(Measured { seconds, peak })
}

/// Writes a file of about this size. Ids begin with the prefix.
fn write_export(path: &Path, bytes: u64, prefix: &str, seed: u64) -> anyhow::Result<Export> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(HEADER.as_bytes())?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut export = Export {
        orders: 0,
        rows: 0,
        bytes: HEADER.len() as u64,
    };
    while export.bytes < bytes {
        let order = order_rows(&mut random, prefix, export.orders);
        for row in &order {
            file.write_all(row.as_bytes())?;
            export.bytes += row.len() as u64;
        }
        export.rows += order.len() as u64;
        export.orders += 1;
    }
    file.flush()?;
    Ok(export)
}

/// Returns the rows of one order with one to four items.
fn order_rows(random: &mut StdRng, prefix: &str, number: u64) -> Vec<String> {
    let customer = random.random_range(0..=number / 3);
    let items: Vec<(u32, u32)> = (0..random.random_range(1..=4))
        .map(|_| (random.random_range(1..=3), random.random_range(500..20_000)))
        .collect();
    let total: u32 = items.iter().map(|(quantity, cents)| quantity * cents).sum();
    let money = |cents: u32| format!("{}.{:02}", cents / 100, cents % 100);
    let day = format!("2026-{:02}-{:02}", number / 28 % 12 + 1, number % 28 + 1);
    let created = format!("{day} 10:12:44 -0400");
    let item_row = |index: usize, (quantity, cents): &(u32, u32)| {
        let first = index == 0;
        let status = if first { "paid" } else { "" };
        let amounts = match first {
            true => format!("USD,{0},0.00,0.00,{0}", money(total)),
            false => ",,,,".into(),
        };
        let address = match first {
            true => "Ada Example,1 Example Street,Albany,12207,NY,US,+15185550101",
            false => ",,,,,,",
        };
        let (refunded, id) = match first {
            true => ("0.00", (6_200_000_000_000 + number).to_string()),
            false => ("", String::new()),
        };
        format!(
            "{prefix}{number},c{customer}@example.com,{status},,,,,{amounts},,,,{created},\
             {quantity},\"Article {cents}, blue\",{},,SKU-{cents},true,true,pending,{address},\
             {address},,,,,,{refunded},Example & Co,{id},,,web,0.00\n",
            money(*cents)
        )
    };
    let numbered = items.iter().enumerate();
    numbered
        .map(|(index, item)| item_row(index, item))
        .collect()
}
