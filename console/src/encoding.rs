//! Content negotiation by `Accept-Encoding` (RFC 9110, 12.5.3).

/// Encoding of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// Returns the name in `Content-Encoding`; `None` for a file as it is.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// Returns how much a client prefers the encoding, in thousandths; 0 if it does not accept it.
    pub(crate) fn weight(self, accepted: &str) -> u16 {
        let mut items = accepted.split(',').filter_map(item);
        let named = items
            .clone()
            .find(|(name, _)| name.eq_ignore_ascii_case(self.name().unwrap_or("identity")));
        let any = || items.find(|(name, _)| *name == "*");
        match (named.or_else(any), self) {
            (Some((_, weight)), _) => weight,
            // Accepted unless refused, after everything that is named.
            (None, Self::Identity) => 1,
            (None, _) => 0,
        }
    }
}

/// Parses one item: `br`, `gzip;q=0.5`.
fn item(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let weight = match weight {
        Some(weight) => weight.parse::<f32>().ok()?.clamp(0.0, 1.0),
        None => 1.0,
    };
    // A float converts to an integer by saturation, and this one is between 0 and 1000.
    Some((name, (weight * 1000.0) as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_header() {
        let weights = |accepted: &str| {
            [Encoding::Brotli, Encoding::Gzip, Encoding::Identity]
                .map(|encoding| encoding.weight(accepted))
        };
        assert_eq!(weights(""), [0, 0, 1]);
        assert_eq!(weights("gzip, deflate, br"), [1000, 1000, 1]);
        assert_eq!(weights("GZIP;q=0.5 , br; q=0.25"), [250, 500, 1]);
        assert_eq!(weights("br;q=0, *"), [0, 1000, 1000]);
        assert_eq!(weights("identity;q=0, gzip"), [0, 1000, 0]);
        assert_eq!(weights("br;q=many"), [0, 0, 1]);
    }
}
