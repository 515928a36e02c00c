//! `patron serve`: the API alone.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use api::{Api, ApiConfig, VendorSecrets};
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::assistant::AssistantOptions;
use crate::console::ConsoleOptions;
use crate::contacts::ContactOptions;
use crate::deployment::{Deployment, Remote};
use crate::import_files::ImportFileOptions;
use crate::key;
use crate::limits::LimitOptions;
use crate::output::say;
use crate::readiness::ReadinessOptions;
use crate::settings::Settings;
use crate::sign_in::{SignInOptions, default_public_url};
use crate::signals::stop_token;

/// Options of `patron serve`.
#[derive(Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    remote: Remote,

    /// Address to listen on; port 0 selects a free port
    #[arg(long, env = "PATRON_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// API key of an admin, at least 16 characters; without it only recorded keys and sessions
    /// are valid
    #[arg(long, env = "PATRON_BOOTSTRAP_KEY", hide_env_values = true)]
    bootstrap_key: Option<String>,

    /// Secret with which the vendor signs receipts, `whsec_` and base64; several, separated by
    /// commas, while rotating; without one every receipt is refused
    #[arg(long, env = "PATRON_VENDOR_SECRET", hide_env_values = true)]
    vendor_secret: Option<String>,

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

pub(crate) async fn run(args: ServeArgs, mut settings: Settings) -> anyhow::Result<ExitCode> {
    let stop = stop_token()?;
    let key = key::from_option(args.bootstrap_key.as_ref())?;
    let secrets: VendorSecrets = args.vendor_secret.as_deref().unwrap_or_default().parse()?;
    let deployment = args.remote.open().await?;
    let listener = listen(args.listen).await?;
    let mut config = config(key, secrets)?;
    config.limits = args.limits.limits();
    config.ready_lag = args.readiness.lag();
    config.imports = args.import_files.config(None);
    args.assistant.apply(&mut config)?;
    config.contacts = args.contacts.rules();
    config.soft_bounces = args.contacts.soft_bounces;
    config.console = args.console.is_on();
    let session_keys = args.sign_in.session_keys();
    let listens = listener.local_addr()?;
    args.sign_in
        .apply(&mut config, listens, session_keys.as_deref(), None)?;
    settings.set_default("PATRON_PUBLIC_URL", &default_public_url(listens));
    config.settings = settings.in_deployment(&deployment);
    say(format_args!(
        "listening on http://{}",
        listener.local_addr()?
    ));
    let (folded, log) = (
        deployment.store.folded().clone(),
        deployment.commands.log().clone(),
    );
    // The workers fold in other processes. Their notices wake the reads here that wait for a
    // position.
    let listening = tokio::spawn(async move { folded.listen(&log).await });
    let _listening = AbortOnDropHandle::new(listening);
    serve(listener, &deployment, config, stop).await?;
    Ok(ExitCode::SUCCESS)
}

/// Binds a listener to the address.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// Returns the API's configuration with this key and these secrets, and defaults for the rest.
/// Must be called once per process, since it installs the process's metrics recorder.
pub(crate) fn config(
    bootstrap_key: Option<String>,
    vendor_secrets: VendorSecrets,
) -> anyhow::Result<ApiConfig> {
    let mut config = ApiConfig::new(api::prometheus()?.install_recorder()?);
    config.bootstrap_key = bootstrap_key;
    config.vendor_secrets = vendor_secrets;
    Ok(config)
}

/// Serves the API until `stop` is cancelled and all requests are answered.
pub(crate) async fn serve(
    listener: TcpListener,
    deployment: &Deployment,
    config: ApiConfig,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let api = Api::new(
        deployment.commands.clone(),
        deployment.store.clone(),
        config,
    );
    api::serve(listener, api, stop).await?;
    Ok(())
}
