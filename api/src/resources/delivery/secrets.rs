//! Secrets that the vendor signs its receipts with.

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderMap;
use standardwebhooks::Webhook;

use crate::http::problem::{Problem, ProblemKind};

/// Secrets that the vendor signs receipts with. Several are allowed, so that a secret
/// can be rotated. Without any, every receipt is rejected.
#[derive(Default)]
pub struct VendorSecrets(Vec<Webhook>);

/// Error of a text that is not a list of [`VendorSecrets`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a vendor's secret is `whsec_` followed by the base64 of at least 24 bytes; several are \
     separated by commas"
)]
pub struct VendorSecretError;

impl VendorSecrets {
    const PREFIX: &str = "whsec_";

    /// Minimum length of a secret: the base64 of 24 bytes, the minimum of Standard
    /// Webhooks.
    const SHORTEST: usize = 32;

    /// Verifies the vendor's signature of the body, whose timestamp may differ from this
    /// clock by at most five minutes.
    ///
    /// # Errors
    /// 401 with the reason of the last secret that was tried.
    pub(super) fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
        let verified = |secret: &Webhook| secret.verify(body, headers);
        let mut refusal = None;
        for secret in &self.0 {
            match verified(secret) {
                Ok(()) => return Ok(()),
                Err(error) => refusal = Some(error),
            }
        }
        let detail = match refusal {
            Some(error) => error.to_string(),
            None => "the server has no vendor secret".to_owned(),
        };
        Err(Problem::new(ProblemKind::BadSignature, detail))
    }
}

impl fmt::Debug for VendorSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl FromStr for VendorSecrets {
    type Err = VendorSecretError;

    /// Parses a list such as `whsec_…,whsec_…`. An empty text is an empty list.
    fn from_str(text: &str) -> Result<Self, VendorSecretError> {
        let secret = |text: &str| {
            let base64 = text.trim().strip_prefix(Self::PREFIX);
            let base64 = base64.filter(|base64| base64.len() >= Self::SHORTEST);
            let base64 = base64.ok_or(VendorSecretError)?;
            Webhook::new(base64).map_err(|_| VendorSecretError)
        };
        match text.trim() {
            "" => Ok(Self::default()),
            text => text
                .split(',')
                .map(secret)
                .collect::<Result<_, _>>()
                .map(Self),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use chrono::Utc;
    use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};

    use super::*;

    const ONE: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn signed(secret: &str, body: &[u8], seconds_ago: i64) -> HeaderMap {
        let at = Utc::now().timestamp() - seconds_ago;
        let signature = Webhook::new(secret).unwrap().sign("rcpt_1", at, body);
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        HeaderMap::from_iter([
            (HEADER_WEBHOOK_ID.parse().unwrap(), value("rcpt_1")),
            (
                HEADER_WEBHOOK_TIMESTAMP.parse().unwrap(),
                value(&at.to_string()),
            ),
            (
                HEADER_WEBHOOK_SIGNATURE.parse().unwrap(),
                value(&signature.unwrap()),
            ),
        ])
    }

    fn is_accepted(secrets: &str, headers: &HeaderMap) -> bool {
        let secrets: VendorSecrets = secrets.parse().unwrap();
        secrets.verify(headers, b"{}").is_ok()
    }

    #[test]
    fn a_signature_with_any_of_the_secrets_is_accepted() {
        let both = format!("{ONE}, {OTHER}");
        for secret in [ONE, OTHER] {
            assert!(is_accepted(&both, &signed(secret, b"{}", 0)));
        }
        assert!(!is_accepted(ONE, &signed(OTHER, b"{}", 0)));
        assert!(!is_accepted("", &signed(ONE, b"{}", 0)));
    }

    #[test]
    fn a_signature_covers_the_body_and_the_time() {
        assert!(is_accepted(ONE, &signed(ONE, b"{}", 280)));
        assert!(!is_accepted(ONE, &signed(ONE, b"{}", 320)));
        assert!(!is_accepted(ONE, &signed(ONE, b"{}", -320)));
        assert!(!is_accepted(ONE, &signed(ONE, b"{ }", 0)));
        assert!(!is_accepted(ONE, &HeaderMap::new()));
    }

    #[test]
    fn a_short_or_malformed_secret_is_rejected() {
        for odd in [
            "whsec_",
            "whsec_c2hvcnQ=",
            "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        ] {
            assert!(odd.parse::<VendorSecrets>().is_err(), "{odd}");
        }
        assert!(format!("{ONE},").parse::<VendorSecrets>().is_err());
    }
}
