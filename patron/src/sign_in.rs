//! How people sign in, as options say it.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use api::{Admission, ApiConfig, LocalLink, Provider, PublicUrl, SessionKeys, SignIn};
use clap::Args;

/// Who may sign in, and where.
#[derive(Args)]
pub(crate) struct SignInOptions {
    /// Where browsers find the API: https://crm.example.com [default: http://localhost:PORT]
    #[arg(long, env = "PATRON_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,

    /// The OpenID provider that people sign in at
    #[arg(long, env = "PATRON_OIDC_ISSUER", value_name = "URL", default_value = Provider::GOOGLE)]
    oidc_issuer: String,

    /// What the provider knows Patron by; without it nobody can sign in there
    #[arg(long, env = "GOOGLE_CLIENT_ID", value_name = "ID")]
    google_client_id: Option<String>,

    /// The secret that belongs to it
    #[arg(
        long,
        env = "GOOGLE_CLIENT_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    google_client_secret: Option<String>,

    /// Who is an admin, by e-mail address; several are separated by commas
    #[arg(long, env = "PATRON_ADMIN_EMAILS", value_name = "EMAILS")]
    admin_emails: Option<String>,

    /// Whose people may read, until an admin gives them another role: example.com; several are
    /// separated by commas
    #[arg(long, env = "PATRON_ALLOWED_DOMAINS", value_name = "DOMAINS")]
    allowed_domains: Option<String>,

    /// What sessions are signed with, the base64 of at least 32 bytes; several, separated by
    /// commas and the newest first, while one follows another
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
    /// Whether people sign in at a provider.
    pub(crate) fn has_provider(&self) -> bool {
        given(&self.google_client_id).is_some()
    }

    /// The session keys that are given.
    pub(crate) fn session_keys(&self) -> Option<String> {
        given(&self.session_keys).map(str::to_owned)
    }

    /// Sets the API up for this, when it listens there; without session keys
    /// nobody signs in.
    ///
    /// # Errors
    /// For options that contradict each other or are not what they should be.
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
        let provider = self.provider()?;
        let admission = Admission::new(text(&self.admin_emails), text(&self.allowed_domains))?;
        let Some(keys) = session_keys else {
            ensure!(
                provider.is_none(),
                "GOOGLE_CLIENT_ID also needs PATRON_SESSION_KEYS, such as `openssl rand -base64 32` makes"
            );
            return Ok(());
        };
        if provider.is_some() && admission.is_empty() {
            tracing::warn!(
                "neither PATRON_ADMIN_EMAILS nor PATRON_ALLOWED_DOMAINS lets anybody sign in"
            );
        }
        let session_keys: SessionKeys = keys.parse().context("PATRON_SESSION_KEYS")?;
        config.sign_in = Some(SignIn {
            session_keys,
            public_url: self.public_url(listens)?,
            provider,
            admission,
            local,
        });
        Ok(())
    }

    /// Where browsers find an API that listens there.
    pub(crate) fn public_url(&self, listens: SocketAddr) -> anyhow::Result<PublicUrl> {
        let here = format!("http://localhost:{}", listens.port());
        let url = given(&self.public_url).unwrap_or(&here);
        url.parse().context("PATRON_PUBLIC_URL")
    }

    fn provider(&self) -> anyhow::Result<Option<Provider>> {
        let Some(id) = given(&self.google_client_id) else {
            return Ok(None);
        };
        let secret = given(&self.google_client_secret);
        let secret = secret.context("GOOGLE_CLIENT_ID also needs GOOGLE_CLIENT_SECRET")?;
        let provider = Provider::new(&self.oidc_issuer, id.to_owned(), secret.to_owned());
        Ok(Some(provider.context("PATRON_OIDC_ISSUER")?))
    }
}

/// An option's text; an empty one counts as not given.
fn given(option: &Option<String>) -> Option<&str> {
    option.as_deref().filter(|text| !text.trim().is_empty())
}

fn text(option: &Option<String>) -> &str {
    given(option).unwrap_or_default()
}
