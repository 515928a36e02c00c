//! What the provider says of itself at `/.well-known/openid-configuration`.

use reqwest::Url;
use serde::Deserialize;

use super::error::OidcError;
use super::http::{Http, is_private};

/// Where to ask the provider what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Discovered {
    issuer: String,
    /// Where people sign in.
    pub(super) authorization_endpoint: Url,
    /// Where a code becomes an id token.
    pub(super) token_endpoint: Url,
    /// The keys that id tokens are signed with.
    pub(super) jwks_uri: Url,
    /// How a client may say who it is; `client_secret_basic` where this is
    /// absent.
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

impl Discovered {
    /// Asks the provider that `issuer` names.
    pub(super) async fn fetch(http: &Http, issuer: &str) -> Result<Self, OidcError> {
        let base = issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let url = url.parse().map_err(|_| odd("the issuer is no URL"))?;
        http.get::<Self>(&url).await?.checked(issuer)
    }

    /// That it is the document of this issuer, and leads nowhere that others
    /// could read.
    fn checked(self, issuer: &str) -> Result<Self, OidcError> {
        if self.issuer != issuer {
            return Err(odd(&format!("it is the document of {:?}", self.issuer)));
        }
        let endpoints = [
            &self.authorization_endpoint,
            &self.token_endpoint,
            &self.jwks_uri,
        ];
        if let Some(url) = endpoints.into_iter().find(|url| !is_private(url)) {
            return Err(odd(&format!("{url} is not https")));
        }
        Ok(self)
    }

    /// Whether the client's secret goes into the body, and not into a header.
    pub(super) fn secret_in_body(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        let has = |name: &str| methods.iter().any(|method| method == name);
        has("client_secret_post") && !has("client_secret_basic")
    }
}

fn odd(why: &str) -> OidcError {
    OidcError::Odd(format!("discovery: {why}"))
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
    fn it_is_of_the_issuer_that_was_asked() {
        assert!(document(json!({})).is_ok());
        for other in ["https://id.example.com/", "https://evil.example.com", ""] {
            assert!(document(json!({ "issuer": other })).is_err(), "{other}");
        }
    }

    #[test]
    fn no_endpoint_is_in_the_clear() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            assert!(document(json!({ name: "http://id.example.com/x" })).is_err());
            assert!(document(json!({ name: "http://localhost:7/x" })).is_ok());
        }
    }

    #[test]
    fn the_secret_goes_where_the_provider_takes_it() {
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
