//! The provider's metadata at `/.well-known/openid-configuration`.

use reqwest::Url;
use serde::Deserialize;

use super::error::OidcError;
use super::http::{Http, is_protected};

/// Fields of the provider metadata that are used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Discovered {
    issuer: String,
    /// Page where users sign in.
    pub(super) authorization_endpoint: Url,
    /// Endpoint that exchanges a code for an id token.
    pub(super) token_endpoint: Url,
    /// URL of the keys that sign id tokens.
    pub(super) jwks_uri: Url,
    /// Methods of client authentication; `client_secret_basic` if absent.
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

impl Discovered {
    /// Fetches and checks the metadata of `issuer`.
    pub(super) async fn fetch(http: &Http, issuer: &str) -> Result<Self, OidcError> {
        let base = issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let url = url
            .parse()
            .map_err(|_| invalid("the issuer is not a URL"))?;
        http.get::<Self>(&url).await?.checked(issuer)
    }

    /// Checks that the document is the issuer's own, and that all endpoints are
    /// encrypted.
    fn checked(self, issuer: &str) -> Result<Self, OidcError> {
        if self.issuer != issuer {
            return Err(invalid(&format!(
                "the document belongs to another issuer, {:?}",
                self.issuer
            )));
        }
        let endpoints = [
            &self.authorization_endpoint,
            &self.token_endpoint,
            &self.jwks_uri,
        ];
        if let Some(url) = endpoints.into_iter().find(|url| !is_protected(url)) {
            return Err(invalid(&format!("{url} is not https")));
        }
        Ok(self)
    }

    /// Returns whether the client secret is sent in the body instead of a header.
    pub(super) fn secret_in_body(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        let has = |name: &str| methods.iter().any(|method| method == name);
        has("client_secret_post") && !has("client_secret_basic")
    }
}

fn invalid(reason: &str) -> OidcError {
    OidcError::Invalid(format!("discovery: {reason}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://id.example.com";

    fn document(changes: Value) -> Result<Discovered, OidcError> {
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example.com/authorize",
            "token_endpoint": "https://id.example.com/token",
            "jwks_uri": "https://keys.example.com/jwks",
        });
        let members = document.as_object_mut().unwrap();
        members.extend(changes.as_object().unwrap().clone());
        let document: Discovered = serde_json::from_value(document).unwrap();
        document.checked(ISSUER)
    }

    #[test]
    fn the_document_must_be_of_the_expected_issuer() {
        assert!(document(json!({})).is_ok());
        for other in ["https://id.example.com/", "https://evil.example.com", ""] {
            assert!(document(json!({ "issuer": other })).is_err(), "{other}");
        }
    }

    #[test]
    fn endpoints_must_be_encrypted() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            assert!(document(json!({ name: "http://id.example.com/x" })).is_err());
            assert!(document(json!({ name: "http://localhost:7/x" })).is_ok());
        }
    }

    #[test]
    fn the_secret_is_sent_where_the_provider_expects_it() {
        let in_body = |methods: Value| {
            let changes = json!({ "token_endpoint_auth_methods_supported": methods });
            document(changes).unwrap().secret_in_body()
        };
        assert!(in_body(json!(["client_secret_post"])));
        assert!(!in_body(json!([
            "client_secret_post",
            "client_secret_basic"
        ])));
        assert!(!in_body(json!([])));
    }
}
