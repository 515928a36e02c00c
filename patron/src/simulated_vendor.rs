//! `patron vendor`: runs the simulated messaging vendor alone.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use vendor::VendorConfig;

use crate::output::say;
use crate::signals::stop_token;

/// Options of `patron vendor`.
#[derive(Args)]
pub(crate) struct VendorArgs {
    /// Address to listen on; port 0 selects a free port, which is printed
    #[arg(long, env = "PATRON_VENDOR_LISTEN", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,

    #[command(flatten)]
    config: VendorConfig,
}

pub(crate) async fn run(args: VendorArgs) -> anyhow::Result<ExitCode> {
    let stop = stop_token()?;
    let listener = TcpListener::bind(args.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", args.listen))?;
    say(format_args!(
        "listening on http://{}",
        listener.local_addr()?
    ));
    vendor::serve(listener, args.config, stop).await?;
    Ok(ExitCode::SUCCESS)
}
