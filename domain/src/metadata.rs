//! Metadata of events: time, actor, request, and cause.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Metadata of an event, stored as JSON in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Time at which the event was recorded.
    pub at: Timestamp,
    /// Actor on whose behalf the event was recorded: `key:bootstrap`.
    pub actor: String,
    /// Id of the request; responses carry it as `X-Request-Id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Position of the event that caused this one, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Client address of the request.
    #[serde(default, rename = "ip", skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_serialized_only_if_present() {
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
