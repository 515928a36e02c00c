//! Configuration of the model and its server.

use std::fmt;

use reqwest::Url;
use reqwest::header::{HeaderValue, InvalidHeaderValue};

/// Configuration of the model and its server.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// Base URL, without `/chat/completions`: `https://api.openai.com/v1`.
    pub base_url: String,
    /// API key for the model's server.
    pub api_key: ApiKey,
    /// Name of the model on the server.
    pub model: String,
}

/// API key for the model's server. Sent only to that server and never printed.
#[derive(Clone)]
pub struct ApiKey(Box<str>);

/// Error in the configuration of a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelConfigError {
    /// The base URL is not an HTTP URL, or contains a user.
    #[error("the model's URL must begin with http:// or https:// and contain no user")]
    Url,
    /// The model's name is empty.
    #[error("the model's name is empty")]
    Name,
    /// The key is empty or contains characters that a header cannot contain.
    #[error("the model's API key must consist of visible ASCII characters, at least one")]
    Key,
    /// The HTTP client cannot be built.
    #[error("the model's HTTP client cannot be built: {0}")]
    Client(reqwest::Error),
}

impl ModelConfig {
    /// Returns the URL of requests.
    pub(super) fn url(&self) -> Result<Url, ModelConfigError> {
        let mut url = Url::parse(self.base_url.trim()).map_err(|_| ModelConfigError::Url)?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !is_plain {
            return Err(ModelConfigError::Url);
        }
        url.path_segments_mut()
            .map_err(|()| ModelConfigError::Url)?
            .pop_if_empty()
            .extend(["chat", "completions"]);
        Ok(url)
    }
}

impl ApiKey {
    /// Returns the value of the header `Authorization`, marked as sensitive.
    pub(super) fn header(&self) -> Result<HeaderValue, ModelConfigError> {
        let is_key = !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_graphic());
        let value = HeaderValue::try_from(format!("Bearer {}", self.0));
        let mut value = value.map_err(|_: InvalidHeaderValue| ModelConfigError::Key)?;
        value.set_sensitive(true);
        is_key.then_some(value).ok_or(ModelConfigError::Key)
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self(key.trim().into())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(base_url: &str, key: &str) -> ModelConfig {
        ModelConfig {
            base_url: base_url.to_owned(),
            api_key: ApiKey::from(key.to_owned()),
            model: "m".to_owned(),
        }
    }

    #[test]
    fn the_path_is_appended_to_the_base_url() {
        for (base, url) in [
            ("http://h/v1", "http://h/v1/chat/completions"),
            ("http://h/v1/", "http://h/v1/chat/completions"),
            ("https://h:1", "https://h:1/chat/completions"),
            ("https://h/a?v=1", "https://h/a/chat/completions?v=1"),
        ] {
            assert_eq!(config(base, "k").url().unwrap().as_str(), url);
        }
        for base in ["", "h/v1", "ftp://h", "http://u:p@h/v1", "file:///etc"] {
            assert!(config(base, "k").url().is_err(), "{base}");
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        let config = config("http://h", "sk-secret\n");
        assert!(!format!("{config:?}").contains("sk-secret"));
        let header = config.api_key.header().unwrap();
        assert_eq!(header, "Bearer sk-secret");
        assert!(!format!("{header:?}").contains("sk-secret"));
        for odd in ["", " ", "a b", "ключ", "a\nb"] {
            let error = ApiKey::from(odd.to_owned()).header().unwrap_err();
            assert!(matches!(error, ModelConfigError::Key), "{odd:?}");
        }
    }
}
