//! `patron-vendor`: the simulated messaging vendor as a separate program.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use vendor::VendorConfig;

/// Simulated messaging vendor: accepts messages over HTTP and posts signed receipts later. Every
/// flag is also an environment variable.
#[derive(Parser)]
#[command(name = "patron-vendor", version)]
struct Arguments {
    /// Address to listen on; port 0 takes any free port, which is printed.
    #[arg(long, env = "PATRON_VENDOR_LISTEN", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,

    #[command(flatten)]
    config: VendorConfig,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("PATRON_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let listener = TcpListener::bind(arguments.listen).await?;
    writeln!(
        std::io::stdout(),
        "listening on http://{}",
        listener.local_addr()?
    )?;
    let shutdown = CancellationToken::new();
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let signaled = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        signaled.cancel();
    });
    vendor::serve(listener, arguments.config, shutdown).await?;
    Ok(())
}
