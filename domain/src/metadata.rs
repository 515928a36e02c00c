//! What every event says beside its content: who, when, and because of what.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// An event's metadata, as JSON in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// When it was recorded.
    pub at: Timestamp,
    /// On whose behalf: `key:bootstrap`.
    pub actor: String,
    /// The request that brought it; answers carry it as `X-Request-Id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The position of the event that caused it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The address that the request came from.
    #[serde(default, rename = "ip", skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_where_there_is_one() {
        let old = r#"{"at":"2026-01-01T00:00:00.000Z","actor":"key:bootstrap"}"#;
        let mut metadata: Metadata = serde_json::from_str(old).unwrap();
        assert_eq!(metadata.address, None);
        assert_eq!(serde_json::to_string(&metadata).unwrap(), old);
        for address in ["192.0.2.7", "2001:db8::7"] {
            metadata.address = address.parse().ok();
            let json = serde_json::to_string(&metadata).unwrap();
            let ip = format!(
                r#"{{"at":"2026-01-01T00:00:00.000Z","actor":"key:bootstrap","ip":"{address}"}}"#
            );
            assert_eq!(json, ip);
            assert_eq!(serde_json::from_str::<Metadata>(&json).unwrap(), metadata);
        }
    }
}
