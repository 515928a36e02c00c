//! Options of sign-in.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use api::{
    Admission, AllowedOrigins, ApiConfig, LocalLink, Provider, PublicUrl, SessionKeys, SignInConfig,
};
use clap::Args;

/// OpenID provider, admitted users, session keys, and the URL that browsers use.
#[derive(Args)]
pub(crate) struct SignInOptions {
    /// URL at which browsers find the API: https://crm.example.com [default:
    /// http://localhost:PORT]
    #[arg(long, env = "PATRON_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,

    /// Origins of frontends that may use the API from a browser: https://app.example.com; exact,
    /// of the same site as the public URL, and separated by commas
    #[arg(long, env = "PATRON_ALLOWED_ORIGINS", value_name = "ORIGINS")]
    allowed_origins: Option<String>,

    /// URL of the OpenID provider
    #[arg(long, env = "PATRON_OIDC_ISSUER", value_name = "URL", default_value = Provider::GOOGLE)]
    oidc_issuer: String,

    /// Client id of Patron at the provider; without it users cannot sign in there
    #[arg(long, env = "GOOGLE_CLIENT_ID", value_name = "ID")]
    google_client_id: Option<String>,

    /// Client secret of Patron at the provider
    #[arg(
        long,
        env = "GOOGLE_CLIENT_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    google_client_secret: Option<String>,

    /// Email addresses of admins, separated by commas
    #[arg(long, env = "PATRON_ADMIN_EMAILS", value_name = "EMAILS")]
    admin_emails: Option<String>,

    /// Domains whose users are viewers until an admin gives them another role: example.com;
    /// several are separated by commas
    #[arg(long, env = "PATRON_ALLOWED_DOMAINS", value_name = "DOMAINS")]
    allowed_domains: Option<String>,

    /// Key that signs sessions, the base64 of at least 32 bytes; several, separated by commas and
    /// the newest first, while rotating
    #[arg(
        long,
        env = "PATRON_SESSION_KEYS",
        hide_env_values = true,
        value_name = "KEYS"
    )]
    session_keys: Option<String>,

    /// Proxies whose X-Forwarded-For counts: 10.0.0.0/8; several are separated by commas
    #[arg(long, env = "PATRON_TRUSTED_PROXIES", value_name = "NETWORKS")]
    trusted_proxies: Option<String>,
}

impl SignInOptions {
    /// Returns true if an OpenID provider is configured.
    pub(crate) fn has_provider(&self) -> bool {
        non_empty(&self.google_client_id).is_some()
    }

    /// Returns the configured session keys, separated by commas.
    pub(crate) fn session_keys(&self) -> Option<String> {
        non_empty(&self.session_keys).map(str::to_owned)
    }

    /// Configures sign-in of an API that listens on `listens`. Without session keys, sign-in
    /// stays off.
    ///
    /// # Errors
    /// Returns an error if an option is invalid or options contradict each other.
    pub(crate) fn apply(
        &self,
        config: &mut ApiConfig,
        listens: SocketAddr,
        session_keys: Option<&str>,
        local: Option<LocalLink>,
    ) -> anyhow::Result<()> {
        config.trusted_proxies = text(&self.trusted_proxies)
            .parse()
            .context("PATRON_TRUSTED_PROXIES")?;
        let public_url = self.public_url(listens)?;
        let origins = AllowedOrigins::parse(text(&self.allowed_origins), &public_url);
        config.allowed_origins = origins.context("PATRON_ALLOWED_ORIGINS")?;
        let provider = self.provider()?;
        let admission = Admission::new(text(&self.admin_emails), text(&self.allowed_domains))?;
        let Some(keys) = session_keys else {
            ensure!(
                provider.is_none(),
                "GOOGLE_CLIENT_ID also needs PATRON_SESSION_KEYS, such as the output of `openssl rand -base64 32`"
            );
            return Ok(());
        };
        if provider.is_some() && admission.is_empty() {
            tracing::warn!(
                "PATRON_ADMIN_EMAILS and PATRON_ALLOWED_DOMAINS are empty: no new user can sign in"
            );
        }
        let session_keys: SessionKeys = keys.parse().context("PATRON_SESSION_KEYS")?;
        config.sign_in = Some(SignInConfig {
            session_keys,
            public_url,
            provider,
            admission,
            local,
        });
        Ok(())
    }

    /// Returns the URL at which browsers find an API that listens on `listens`.
    pub(crate) fn public_url(&self, listens: SocketAddr) -> anyhow::Result<PublicUrl> {
        let here = default_public_url(listens);
        let url = non_empty(&self.public_url).unwrap_or(&here);
        url.parse().context("PATRON_PUBLIC_URL")
    }

    fn provider(&self) -> anyhow::Result<Option<Provider>> {
        let Some(id) = non_empty(&self.google_client_id) else {
            return Ok(None);
        };
        let secret = non_empty(&self.google_client_secret);
        let secret = secret.context("GOOGLE_CLIENT_ID also needs GOOGLE_CLIENT_SECRET")?;
        let provider = Provider::new(&self.oidc_issuer, id.to_owned(), secret.to_owned());
        Ok(Some(provider.context("PATRON_OIDC_ISSUER")?))
    }
}

/// Returns the URL at which browsers on this machine find an API that listens on `listens`.
pub(crate) fn default_public_url(listens: SocketAddr) -> String {
    format!("http://localhost:{}", listens.port())
}

/// Returns an option's text; `None` if it is unset or blank.
fn non_empty(option: &Option<String>) -> Option<&str> {
    option.as_deref().filter(|text| !text.trim().is_empty())
}

fn text(option: &Option<String>) -> &str {
    non_empty(option).unwrap_or_default()
}
