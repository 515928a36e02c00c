//! `patron up`: runs engines, API, workers and the simulated vendor in one process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context, bail};
use api::{ApiConfig, LocalLink};
use clap::Args;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vendor::VendorConfig;
use workers::VendorAt;

use crate::assistant::AssistantOptions;
use crate::console::ConsoleOptions;
use crate::contacts::ContactOptions;
use crate::delivery::DeliveryOptions;
use crate::deployment::{Deployment, DeploymentOptions};
use crate::import_files::ImportFileOptions;
use crate::limits::LimitOptions;
use crate::output::say;
use crate::readiness::ReadinessOptions;
use crate::serve::{config, listen, serve};
use crate::settings::Settings;
use crate::sign_in::{SignInOptions, default_public_url};
use crate::signals::stop_token;
use crate::{key, work};
use engines::{EngineOptions, Engines};

/// Options of `patron up`.
#[derive(Args)]
pub(crate) struct UpArgs {
    /// Address of the API; port 0 selects a free port
    #[arg(long, env = "PATRON_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Address of the simulated vendor; port 0 selects a free port
    #[arg(long, env = "PATRON_VENDOR_LISTEN", default_value = "127.0.0.1:8090")]
    vendor_listen: SocketAddr,

    /// API key of an admin, at least 16 characters; without it one is generated and kept in the
    /// data directory
    #[arg(long, env = "PATRON_BOOTSTRAP_KEY", hide_env_values = true)]
    bootstrap_key: Option<String>,

    #[command(flatten)]
    engines: EngineOptions,

    #[command(flatten)]
    deployment: DeploymentOptions,

    #[command(flatten)]
    delivery: DeliveryOptions,

    #[command(flatten)]
    sign_in: SignInOptions,

    #[command(flatten)]
    limits: LimitOptions,

    #[command(flatten)]
    readiness: ReadinessOptions,

    #[command(flatten)]
    import_files: ImportFileOptions,

    #[command(flatten)]
    assistant: AssistantOptions,

    #[command(flatten)]
    contacts: ContactOptions,

    #[command(flatten)]
    console: ConsoleOptions,
}

pub(crate) async fn run(args: UpArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    let stop = stop_token()?;
    let key = key::from_option(args.bootstrap_key.as_ref())?;
    let starting = Engines::start(&args.engines);
    let engines = match stop.run_until_cancelled(starting).await {
        Some(started) => started?,
        None => return Ok(ExitCode::SUCCESS),
    };
    let ended = run_on(&engines, &args, settings, key, &stop).await;
    engines.stop().await;
    say("Patron has stopped.");
    ended.map(|()| ExitCode::SUCCESS)
}

/// Runs API, vendor and workers on these engines until `stop` is cancelled or one of them ends.
async fn run_on(
    engines: &Engines,
    args: &UpArgs,
    mut settings: Settings,
    key: Option<String>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let options = args.deployment.keyed(&args.engines.data_dir)?;
    let deployment = Deployment::open(&engines.redis_url, &engines.mongodb_uri, &options).await?;
    let key = match key {
        Some(key) => key,
        None => {
            key::bootstrap_key(&args.engines.data_dir).context("cannot store the bootstrap key")?
        }
    };
    let api = listen(args.listen).await?;
    let vendor = listen(args.vendor_listen).await?;
    let secret = key::vendor_secret(&args.engines.data_dir)?;
    let mut config = config(Some(key.clone()), secret.parse()?)?;
    config.limits = args.limits.limits();
    config.ready_lag = args.readiness.lag();
    let import_dir = args.engines.data_dir.join("imports");
    config.imports = args.import_files.config(Some(&import_dir));
    args.assistant.apply(&mut config)?;
    config.contacts = args.contacts.rules();
    config.soft_bounces = args.contacts.soft_bounces;
    config.console = args.console.is_on();
    let link = sign_in(args, api.local_addr()?, &mut config)?;
    let public_url = default_public_url(api.local_addr()?);
    settings.set_default("PATRON_PUBLIC_URL", &public_url);
    set_defaults(&mut settings, args, engines);
    config.settings = settings.in_deployment(&deployment);
    announce(&deployment, args, (&api, &vendor), &key, link.as_deref())?;
    let vendor_at = VendorAt::new(
        &local_url(vendor.local_addr()?),
        &local_url(api.local_addr()?),
    )?;
    let delivery = args.delivery.settings(Some(vendor_at));

    // Each part has a token of its own, because they stop one after the other: the vendor last,
    // so that the workers still get its answers for messages in flight.
    let (api_stop, worker_stop) = (CancellationToken::new(), CancellationToken::new());
    let vendor_stop = CancellationToken::new();
    let mut api = tokio::spawn({
        let (deployment, stop) = (deployment.clone(), api_stop.clone());
        async move { serve(api, &deployment, config, stop).await }
    });
    let mut vendor = spawn_vendor(vendor, args, &secret, vendor_stop.clone())?;
    let name = work::unique_name();
    let Deployment {
        commands, store, ..
    } = deployment;
    let mut workers = tokio::spawn({
        let stop = worker_stop.clone();
        async move {
            workers::run(commands, store, delivery, name, stop).await;
            Ok(())
        }
    });

    let ended = tokio::select! {
        // In this order: when `stop` is cancelled the parts end too, which is not a failure.
        biased;
        () = stop.cancelled() => Ok(()),
        message = engines.exited() => Err(anyhow::anyhow!(message)),
        ended = &mut api => ended_early("the API", ended),
        ended = &mut vendor => ended_early("the vendor", ended),
        ended = &mut workers => ended_early("the workers", ended),
    };
    say("Patron is stopping: it answers open requests and finishes work in progress.");
    api_stop.cancel();
    finish("the API", api).await;
    worker_stop.cancel();
    finish("the workers", workers).await;
    vendor_stop.cancel();
    finish("the vendor", vendor).await;
    ended
}

/// Sets the settings that `up` chooses itself if they are not set.
fn set_defaults(settings: &mut Settings, args: &UpArgs, engines: &Engines) {
    let bin_dir = args.engines.data_dir.join("bin");
    let bin_dir = bin_dir.to_string_lossy();
    let import_dir = args.engines.data_dir.join("imports");
    let import_dir = import_dir.to_string_lossy();
    for (name, value) in [
        ("REDIS_URL", engines.redis_url.as_str()),
        ("MONGODB_URI", engines.mongodb_uri.as_str()),
        ("PATRON_BIN_DIR", bin_dir.as_ref()),
        ("PATRON_IMPORT_DIR", import_dir.as_ref()),
        // These are generated and kept. The values of secrets are not shown.
        ("PATRON_ADDRESS_KEY", ""),
        ("PATRON_BOOTSTRAP_KEY", ""),
        ("PATRON_SESSION_KEYS", ""),
    ] {
        settings.set_default(name, value);
    }
}

/// Configures sign-in. Without a provider, and if only this machine can connect, returns a
/// one-time link that signs in an admin.
fn sign_in(
    args: &UpArgs,
    listens: SocketAddr,
    config: &mut ApiConfig,
) -> anyhow::Result<Option<String>> {
    let options = &args.sign_in;
    let keys = match options.session_keys() {
        Some(keys) => keys,
        None => key::session_key(&args.engines.data_dir).context("cannot store the session key")?,
    };
    // Anyone who can read this terminal is an admin with the link, so it exists only where no
    // other machine can connect.
    let is_local = listens.ip().is_loopback() && options.public_url(listens)?.is_here();
    if options.has_provider() || !is_local {
        options.apply(config, listens, Some(&keys), None)?;
        return Ok(None);
    }
    let (link, token) = LocalLink::new();
    options.apply(config, listens, Some(&keys), Some(link))?;
    let page = options.public_url(listens)?.join("/api/auth/local");
    Ok(Some(format!("{page}?token={token}")))
}

/// Returns the URL at which programs on this machine reach a listener.
fn local_url(mut listens: SocketAddr) -> String {
    if listens.ip().is_unspecified() {
        listens.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    format!("http://{listens}")
}

/// Returns the error for a part that ended before it was stopped, which is a failure even if it
/// ended without an error.
fn ended_early(
    part: &str,
    ended: Result<anyhow::Result<()>, tokio::task::JoinError>,
) -> anyhow::Result<()> {
    ended?.with_context(|| format!("{part} ended"))?;
    bail!("{part} ended unexpectedly")
}

fn spawn_vendor(
    listener: TcpListener,
    args: &UpArgs,
    secret: &str,
    stop: CancellationToken,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let dir = args.engines.data_dir.join("vendor");
    let config = VendorConfig::new(dir, secret.parse()?);
    Ok(tokio::spawn(async move {
        Ok(vendor::serve(listener, config, stop).await?)
    }))
}

async fn finish(part: &str, task: JoinHandle<anyhow::Result<()>>) {
    if task.is_finished() {
        return;
    }
    match task.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(part, %error, "a part of Patron failed while stopping"),
        Err(error) => tracing::error!(part, %error, "a part of Patron panicked while stopping"),
    }
}

fn announce(
    deployment: &Deployment,
    args: &UpArgs,
    (api, vendor): (&TcpListener, &TcpListener),
    key: &str,
    link: Option<&str>,
) -> anyhow::Result<()> {
    let currency = deployment.commands.currency();
    let url = format!("http://{}", api.local_addr()?);
    let vendor = vendor.local_addr()?;
    let dir = args.engines.data_dir.display();
    let link = link.map(|link| format!("\n  sign in {link} (once, as an admin)"));
    let link = link.unwrap_or_default();
    // At the URL that sign-in redirects to, since a cookie is for one host name.
    let console = match args.console.is_on() {
        true => {
            let page = args.sign_in.public_url(api.local_addr()?)?.join("/");
            format!("\n  console {page}")
        }
        false => String::new(),
    };
    say(format_args!(
        "Patron is up. Press Ctrl-C to stop it. Its data is in {dir}.\n\
         {console}\
         \n  API     {url} (documentation at {url}/docs)\
         \n  vendor  http://{vendor} (simulated)\
         \n  key     {key}\
         {link}\n\
         \nTry:\n\
         \n  curl {url}/api/data/orders -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\
         \n    -d '{{\"order_id\":\"o-1\",\"customer_id\":\"c-1\",\"amount\":1999,\"currency\":\"{currency}\",\"placed_at\":\"2026-01-02T03:04:05Z\"}}'\
         \n  curl {url}/api/customers/c-1 -H 'Authorization: Bearer {key}'\n",
    ));
    Ok(())
}
