//! OpenID Connect client: authorization code flow with PKCE, state, and nonce.
//!
//! `discovery` and `keys` parse the provider's metadata and signing keys, `cached` caches
//! them, `http` limits what is fetched, and `id_token` validates id tokens. The crates
//! `oauth2` and `jsonwebtoken` implement the protocol and the signatures; ADR 30 compares
//! them with `openidconnect`.

mod cached;
mod discovery;
mod error;
mod http;
mod id_token;
mod keys;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use oauth2::basic::{BasicErrorResponseType, BasicTokenType};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, ExtraTokenFields, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, StandardErrorResponse, StandardRevocableToken,
    StandardTokenIntrospectionResponse, StandardTokenResponse, TokenUrl,
};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use self::cached::Cached;
use self::discovery::Discovered;
pub(crate) use self::error::OidcError;
use self::http::Http;
pub(crate) use self::http::{is_loopback, is_protected};
use self::id_token::Expected;
pub(crate) use self::id_token::{Person, TokenError};
use self::keys::{JwkSet, Keys};

/// Issuer in some of Google's tokens, without the scheme.
const GOOGLE_BARE: &str = "accounts.google.com";

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.issuer)
    }
}

/// State of a sign-in that its browser has to bring back from the provider.
#[derive(Serialize, Deserialize)]
pub(crate) struct SignInAttempt {
    /// Random value that the provider returns with the code.
    pub(crate) state: String,
    /// Random value that the provider returns in the id token.
    nonce: String,
    /// PKCE verifier: proves to the provider that the code is redeemed by the
    /// client that requested it.
    verifier: String,
}

/// Field of a token response that OpenID Connect adds to OAuth's.
#[derive(Debug, Serialize, Deserialize)]
struct IdToken {
    id_token: Option<String>,
}

impl ExtraTokenFields for IdToken {}

type TokenResponse = StandardTokenResponse<IdToken, BasicTokenType>;

type OauthClient = Client<
    StandardErrorResponse<BasicErrorResponseType>,
    TokenResponse,
    StandardTokenIntrospectionResponse<IdToken, BasicTokenType>,
    StandardRevocableToken,
    oauth2::basic::BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// OpenID provider, with its cached metadata and keys.
pub struct Provider {
    issuer: String,
    client_id: String,
    client_secret: ClientSecret,
    http: Http,
    discovered: Cached<Discovered>,
    keys: Cached<Keys>,
}

/// Error of configuring a provider.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The issuer's URL is invalid or unencrypted.
    #[error("{0:?} is not an issuer: it must be an https URL, or an http URL of this machine")]
    Issuer(String),
    /// The HTTP client cannot be built, since TLS is not available.
    #[error("HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

impl Provider {
    /// Google's issuer.
    pub const GOOGLE: &str = "https://accounts.google.com";

    /// Creates a client of the provider. `issuer` must be exactly as the provider
    /// states it; `client_id` and `client_secret` are our registration there.
    /// Nothing is fetched before the first sign-in.
    ///
    /// # Errors
    /// [`ProviderError`] if the issuer is not a protected URL, or the HTTP client cannot
    /// be built.
    pub fn new(
        issuer: &str,
        client_id: String,
        client_secret: String,
    ) -> Result<Self, ProviderError> {
        let is_protected = issuer.parse().is_ok_and(|url: Url| is_protected(&url));
        if !is_protected {
            return Err(ProviderError::Issuer(issuer.to_owned()));
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            client_id,
            client_secret: ClientSecret::new(client_secret),
            http: Http::new()?,
            discovered: Cached::new(),
            keys: Cached::new(),
        })
    }

    /// Returns the provider's issuer, which identifies it.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns whether the provider is Google, whose claim `hd` names the domain
    /// that manages an account.
    pub(super) fn is_google(&self) -> bool {
        self.issuer == Self::GOOGLE
    }

    /// Returns whether `issuer` is the provider's issuer, in any spelling.
    pub(super) fn is_named(&self, issuer: &str) -> bool {
        self.issuers().contains(&issuer)
    }

    fn issuers(&self) -> Vec<&str> {
        match self.is_google() {
            true => vec![&self.issuer, GOOGLE_BARE],
            false => vec![&self.issuer],
        }
    }

    /// Begins a sign-in. Returns the URL to send the browser to, and the state
    /// that it has to bring back to `callback`.
    pub(crate) async fn begin(&self, callback: &Url) -> Result<(Url, SignInAttempt), OidcError> {
        let discovered = self.discovered().await?;
        let client = self.client(&discovered, callback);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = CsrfToken::new_random().into_secret();
        let (url, state) = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(["openid", "email", "profile"].map(|scope| Scope::new(scope.to_owned())))
            .add_extra_param("nonce", nonce.clone())
            .set_pkce_challenge(challenge)
            .url();
        let attempt = SignInAttempt {
            state: state.into_secret(),
            nonce,
            verifier: verifier.into_secret(),
        };
        Ok((url, attempt))
    }

    /// Exchanges a code for an id token, and returns the person it identifies.
    pub(crate) async fn complete(
        &self,
        callback: &Url,
        code: String,
        attempt: SignInAttempt,
    ) -> Result<Person, OidcError> {
        let discovered = self.discovered().await?;
        let verifier = PkceCodeVerifier::new(attempt.verifier);
        let client = self.client(&discovered, callback);
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(verifier)
            .request_async(&self.http)
            .await;
        let token = match answer {
            Ok(answer) => answer.extra_fields().id_token.clone(),
            Err(RequestTokenError::Request(error)) => return Err(error.into()),
            Err(RequestTokenError::ServerResponse(error)) => {
                return Err(OidcError::Refused(error.error().to_string()));
            }
            // The error is dropped: it quotes the response, which may hold a token.
            Err(_) => None,
        };
        let token = token.ok_or_else(|| OidcError::Invalid("there is no id token".to_owned()))?;
        self.person(&token, &attempt.nonce).await
    }

    /// Validates an id token, and returns the person it identifies.
    async fn person(&self, token: &str, nonce: &str) -> Result<Person, OidcError> {
        let header = id_token::header(token)?;
        let kid = header.kid.as_deref();
        let mut keys = self.keys().await?;
        // The provider may have rotated its keys since they were fetched.
        if keys.find(kid).is_none() {
            let newer = self.keys.newer(Instant::now(), &keys, self.fetch_keys());
            keys = newer.await?;
        }
        let key = keys.find(kid).ok_or(TokenError::UnknownKey)?;
        let expected = Expected {
            issuers: &self.issuers(),
            client_id: &self.client_id,
            nonce,
        };
        Ok(id_token::check(token, &header, key, &expected)?)
    }

    async fn discovered(&self) -> Result<Arc<Discovered>, OidcError> {
        let fetch = Discovered::fetch(&self.http, &self.issuer);
        self.discovered.get(Instant::now(), fetch).await
    }

    async fn keys(&self) -> Result<Arc<Keys>, OidcError> {
        self.keys.get(Instant::now(), self.fetch_keys()).await
    }

    async fn fetch_keys(&self) -> Result<Keys, OidcError> {
        let discovered = self.discovered().await?;
        let set: JwkSet = self.http.get(&discovered.jwks_uri).await?;
        Ok(set.into())
    }

    fn client(&self, discovered: &Discovered, callback: &Url) -> OauthClient {
        let auth_type = match discovered.secret_in_body() {
            true => AuthType::RequestBody,
            false => AuthType::BasicAuth,
        };
        Client::new(ClientId::new(self.client_id.clone()))
            .set_client_secret(self.client_secret.clone())
            .set_auth_type(auth_type)
            .set_auth_uri(AuthUrl::from_url(discovered.authorization_endpoint.clone()))
            .set_token_uri(TokenUrl::from_url(discovered.token_endpoint.clone()))
            .set_redirect_uri(RedirectUrl::from_url(callback.clone()))
    }
}
