//! `patron work`: runs the workers alone.

use std::process::ExitCode;

use clap::Args;

use crate::delivery::{DeliveryOptions, VendorOptions};
use crate::deployment::{Deployment, Remote};
use crate::output::say;
use crate::signals::stop_token;

/// Options of `patron work`.
#[derive(Args)]
pub(crate) struct WorkArgs {
    #[command(flatten)]
    remote: Remote,

    #[command(flatten)]
    vendor: VendorOptions,

    #[command(flatten)]
    delivery: DeliveryOptions,
}

pub(crate) async fn run(args: WorkArgs) -> anyhow::Result<ExitCode> {
    let stop = stop_token()?;
    let delivery = args.delivery.settings(args.vendor.addresses()?);
    let Deployment {
        commands, store, ..
    } = args.remote.open().await?;
    let name = unique_name();
    say(format_args!("working as {name}"));
    workers::run(commands, store, delivery, name, stop).await;
    Ok(ExitCode::SUCCESS)
}

/// Returns a name that no other worker has.
pub(crate) fn unique_name() -> String {
    uuid::Uuid::now_v7().to_string()
}
