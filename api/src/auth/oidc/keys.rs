//! The keys that the provider signs with.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;

/// A JSON Web Key Set, of which only what can verify signatures is kept.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Keys(Vec<Jwk>);

/// The set as it is served. Each key is read alone: one that is of a kind
/// unknown here does not make the others unusable.
#[derive(Deserialize)]
pub(super) struct Served {
    keys: Vec<Value>,
}

impl From<Served> for Keys {
    fn from(served: Served) -> Self {
        let keys = served.keys.into_iter();
        let keys = keys.filter_map(|key| serde_json::from_value(key).ok());
        Self(keys.filter(verifies).collect())
    }
}

impl Keys {
    /// The key of that name; where a token names none, the only one there is.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&Jwk> {
        let named = |key: &&Jwk| key.common.key_id.as_deref() == kid;
        match (kid, self.0.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(_), keys) => keys.iter().find(named),
        }
    }
}

/// Whether it is an asymmetric key for signatures. A symmetric one in a public
/// document is nobody's secret.
fn verifies(key: &Jwk) -> bool {
    let asymmetric = matches!(
        key.algorithm,
        AlgorithmParameters::RSA(_)
            | AlgorithmParameters::EllipticCurve(_)
            | AlgorithmParameters::OctetKeyPair(_)
    );
    let purpose = key.common.public_key_use.as_ref();
    asymmetric && purpose.is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys(keys: Value) -> Keys {
        let served: Served = serde_json::from_value(json!({ "keys": keys })).unwrap();
        served.into()
    }

    fn rsa(kid: &str) -> Value {
        json!({"kty": "RSA", "kid": kid, "n": "AQAB", "e": "AQAB", "alg": "RS256"})
    }

    #[test]
    fn a_key_is_found_by_its_name() {
        let keys = keys(json!([rsa("a"), rsa("b")]));
        let found = keys.find(Some("b")).unwrap();
        assert_eq!(found.common.key_id.as_deref(), Some("b"));
        assert!(keys.find(Some("c")).is_none());
        assert!(keys.find(None).is_none(), "there are two");
    }

    #[test]
    fn the_only_key_needs_no_name() {
        assert!(keys(json!([rsa("a")])).find(None).is_some());
        assert!(keys(json!([])).find(None).is_none());
    }

    #[test]
    fn what_cannot_verify_is_left_out() {
        let set = keys(json!([
            {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
            {"kty": "RSA", "kid": "enc", "use": "enc", "n": "AQAB", "e": "AQAB"},
            {"kty": "new", "kid": "odd"},
            {"kty": "EC", "kid": "curve", "crv": "secp256k1", "x": "AQAB", "y": "AQAB"},
            {"kty": "RSA", "kid": "alg", "alg": "XX999", "n": "AQAB", "e": "AQAB"},
            17,
            rsa("a"),
        ]));
        for kid in ["secret", "enc", "odd", "curve"] {
            assert!(set.find(Some(kid)).is_none(), "{kid}");
        }
        assert!(set.find(Some("a")).is_some());
    }
}
