//! Ids of the shop in request bodies.

use std::fmt;
use std::marker::PhantomData;

use domain::ShopAssigned;
use serde::de::{Deserializer, Visitor};

/// Largest number that is taken as an id: up to it, every integer has a
/// representation of its own in the floating-point numbers of JavaScript.
pub(crate) const MAX_NUMBER: i64 = 1 << 53;

/// Reads an id from a text, or from an integer, which is the same as its digits.
/// Use it as `deserialize_with`.
///
/// # Errors
/// The reason why the value is not an id.
pub(crate) fn shop_id<'de, D: Deserializer<'de>, T: ShopAssigned>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(IdVisitor(PhantomData))
}

/// Reads an id like [`shop_id`], or `null` as none. Use it as `deserialize_with`.
///
/// # Errors
/// The reason why the value is not an id.
pub(crate) fn optional_shop_id<'de, D: Deserializer<'de>, T: ShopAssigned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    struct Given<T>(T);
    impl<'de, T: ShopAssigned> serde::Deserialize<'de> for Given<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            shop_id(deserializer).map(Self)
        }
    }
    let given: Option<Given<T>> = serde::Deserialize::deserialize(deserializer)?;
    Ok(given.map(|Given(id)| id))
}

struct IdVisitor<T>(PhantomData<T>);

impl<T> IdVisitor<T> {
    fn refuse_number<E: serde::de::Error>(number: impl fmt::Display) -> Result<T, E> {
        Err(E::custom(format!(
            "a number as an id is an integer from 0 to {MAX_NUMBER}, not {number}: programs round \
             larger and fractional numbers; send the id as a text"
        )))
    }
}

impl<T: ShopAssigned> Visitor<'_> for IdVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id as a text or an integer")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::from_shop(text.to_owned()).map_err(E::custom)
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<T, E> {
        T::from_shop(text).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        match number {
            0..=MAX_NUMBER => self.visit_string(number.to_string()),
            _ => Self::refuse_number(number),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => Self::refuse_number(number),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<T, E> {
        // Debug keeps the `.0` of a whole number.
        Self::refuse_number(format_args!("{number:?}"))
    }
}

#[cfg(test)]
mod tests {
    use domain::CustomerId;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(deserialize_with = "shop_id")]
        id: CustomerId,
    }

    fn read(id: &str) -> Result<String, String> {
        let body = serde_json::from_str::<Body>(&format!(r#"{{"id":{id}}}"#));
        let reason = |error: serde_json::Error| error.to_string();
        body.map(|body| body.id.into()).map_err(reason)
    }

    #[test]
    fn an_integer_is_its_digits() {
        assert_eq!(read("0").as_deref(), Ok("0"));
        assert_eq!(read("123").as_deref(), Ok("123"));
        assert_eq!(read("9007199254740992").as_deref(), Ok("9007199254740992"));
        assert_eq!(read("\"#1001\"").as_deref(), Ok("#1001"));
        assert_eq!(read("\"A\\u0308\"").as_deref(), Ok("Ä"));
    }

    #[test]
    fn a_number_that_programs_round_is_refused_with_the_reason() {
        for number in [
            "9007199254740993",
            "-1",
            "1.5",
            "1.0",
            "6.81012e12",
            "1e300",
        ] {
            let reason = read(number).unwrap_err();
            assert!(reason.contains("send the id as a text"), "{reason}");
        }
        for other in ["true", "null", "[1]", "{}"] {
            let reason = read(other).unwrap_err();
            assert!(reason.contains("an id as a text or an integer"), "{reason}");
        }
        assert!(read("\"null\"").unwrap_err().contains("missing value"));
        let shortened = read("\"6.81012E+12\"").unwrap_err();
        assert!(shortened.contains("spreadsheet"), "{shortened}");
    }
}
