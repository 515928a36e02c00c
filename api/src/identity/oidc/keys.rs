//! The keys that sign the provider's id tokens.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;

/// Keys of a JSON Web Key Set that can verify signatures.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Keys(Vec<Jwk>);

/// JSON Web Key Set as the provider serves it. Each key is parsed on its own, so
/// that a key of an unknown kind does not make the others unusable.
#[derive(Deserialize)]
pub(super) struct JwkSet {
    keys: Vec<Value>,
}

impl From<JwkSet> for Keys {
    fn from(set: JwkSet) -> Self {
        let keys = set.keys.into_iter();
        let keys = keys.filter_map(|key| serde_json::from_value(key).ok());
        Self(keys.filter(verifies).collect())
    }
}

impl Keys {
    /// Returns the key with this id. For a token without one, returns the only
    /// key of the set, if there is exactly one.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&Jwk> {
        let named = |key: &&Jwk| key.common.key_id.as_deref() == kid;
        match (kid, self.0.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(_), keys) => keys.iter().find(named),
        }
    }
}

/// Returns whether a key is an asymmetric signature key. A symmetric key in a
/// public document is not a secret, so anybody could sign with it.
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
        let set: JwkSet = serde_json::from_value(json!({ "keys": keys })).unwrap();
        set.into()
    }

    fn rsa(kid: &str) -> Value {
        json!({"kty": "RSA", "kid": kid, "n": "AQAB", "e": "AQAB", "alg": "RS256"})
    }

    #[test]
    fn a_key_is_found_by_its_id() {
        let keys = keys(json!([rsa("a"), rsa("b")]));
        let found = keys.find(Some("b")).unwrap();
        assert_eq!(found.common.key_id.as_deref(), Some("b"));
        assert!(keys.find(Some("c")).is_none());
        assert!(keys.find(None).is_none(), "there are two");
    }

    #[test]
    fn a_single_key_needs_no_id() {
        assert!(keys(json!([rsa("a")])).find(None).is_some());
        assert!(keys(json!([])).find(None).is_none());
    }

    #[test]
    fn keys_that_cannot_verify_are_left_out() {
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
