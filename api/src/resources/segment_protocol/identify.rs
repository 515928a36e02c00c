//! `identify`: traits as changes of a customer.

use commands::CustomerRecord;
use domain::{
    Change, ConsentRecord, ContactRules, CustomerChanges, CustomerId, Email, Phone, ProfileChanges,
    Text, check_consent_at,
};
use serde_json::{Map, Value as Json};

use super::call::{Call, invalid};
use super::time::{self, Receipt};
use super::values;
use super::warning::{Warnings, is_empty, member};
use crate::http::problem::Problem;

/// Pointer to the traits of a call.
const TRAITS: &str = "/traits";

/// Maps a call to changes of its customer. Traits without a value change nothing.
///
/// # Errors
/// A problem if the traits are not an object.
pub(super) fn record(
    call: Call,
    customer: CustomerId,
    contacts: ContactRules,
    receipt: Receipt,
    warnings: &mut Warnings,
) -> Result<CustomerRecord, Problem> {
    let traits = match call.traits {
        Json::Null => Map::new(),
        Json::Object(traits) => traits,
        _ => return Err(invalid(TRAITS, "must be an object".to_owned())),
    };
    let mut traits = Traits { traits, warnings };
    let unsubscribed = traits.unsubscribed();
    let changes = CustomerChanges {
        consent: match unsubscribed {
            Change::Set(_) => Some(traits.consent(receipt)),
            Change::Keep | Change::Clear => None,
        },
        unsubscribed,
        city: traits.of_address("city"),
        country: traits.of_address("country"),
        registered_at: traits.registered_at(receipt),
        profile: ProfileChanges {
            name: traits.name(),
            email: traits.take_as(&["email"], |text| {
                Email::from_shop(text, contacts.email_domains)
            }),
            phone: traits.take_as(&["phone"], |text| Phone::from_shop(&text, contacts.country)),
            // All other traits, so this comes last.
            attributes: traits.attributes(),
        },
        ..CustomerChanges::default()
    };
    Ok(CustomerRecord { customer, changes })
}

/// Traits that are not mapped yet.
struct Traits<'w> {
    traits: Map<String, Json>,
    warnings: &'w mut Warnings,
}

impl Traits<'_> {
    /// Takes the first of these traits that has a value.
    fn take<T: TryFrom<String, Error: ToString>>(&mut self, names: &[&str]) -> Change<T> {
        self.take_as(names, T::try_from)
    }

    /// Takes the first of these traits that has a value, and parses it.
    fn take_as<T, E: ToString>(
        &mut self,
        names: &[&str],
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Change<T> {
        let mut taken = names.iter().filter_map(|name| {
            let value = self.traits.remove(*name)?;
            Some((member(TRAITS, name), value))
        });
        let Some((pointer, value)) = taken.find(|(_, value)| !is_empty(value)) else {
            return Change::Keep;
        };
        self.read(&value, &pointer, parse)
    }

    fn of_address(&mut self, name: &str) -> Change<Text<128>> {
        let Some(Json::Object(address)) = self.traits.get_mut("address") else {
            return Change::Keep;
        };
        match address.remove(name) {
            Some(value) if !is_empty(&value) => self.read(
                &value,
                &member(&member(TRAITS, "address"), name),
                Text::try_from,
            ),
            _ => Change::Keep,
        }
    }

    /// Returns the full name: the trait, or else the first and the last name, which stay
    /// among the attributes.
    fn name(&mut self) -> Change<Text<256>> {
        if let set @ Change::Set(_) = self.take(&["name"]) {
            return set;
        }
        let part = |names: [&str; 2]| {
            let mut values = names.into_iter().filter_map(|name| self.traits.get(name));
            values.find_map(|value| {
                value
                    .as_str()
                    .map(str::trim)
                    .filter(|text| !text.is_empty())
            })
        };
        let parts = [
            part(["firstName", "first_name"]),
            part(["lastName", "last_name"]),
        ];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        match Text::try_from(parts.join(" ")) {
            Ok(name) => Change::Set(name),
            // Without names there is none. The attributes tell of names that are too long.
            Err(_) => Change::Keep,
        }
    }

    fn registered_at(&mut self, receipt: Receipt) -> Change<domain::Timestamp> {
        match self.take_time(["createdAt", "created_at"], receipt) {
            Some((_, at)) => Change::Set(at),
            None => Change::Keep,
        }
    }

    /// Takes the first of these traits that has a value, with its pointer, if it is a time.
    fn take_time(
        &mut self,
        names: [&str; 2],
        receipt: Receipt,
    ) -> Option<(String, domain::Timestamp)> {
        let taken = names.map(|name| (name, self.traits.remove(name)));
        let mut given = taken
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let (name, value) = given.find(|(_, value)| !is_empty(value))?;
        let pointer = member(TRAITS, name);
        let at = time::parse(&value, receipt.zone);
        if at.is_none() {
            self.warnings.left_out(&pointer, time::NOT_A_TIME);
        }
        at.map(|at| (pointer, at))
    }

    fn unsubscribed(&mut self) -> Change<bool> {
        match self.traits.remove("unsubscribed") {
            Some(Json::Bool(unsubscribed)) => Change::Set(unsubscribed),
            Some(value) if !is_empty(&value) => {
                let pointer = member(TRAITS, "unsubscribed");
                self.warnings.left_out(&pointer, "must be true or false");
                Change::Keep
            }
            _ => Change::Keep,
        }
    }

    /// Returns the source and the time of the consent or the opt-out that the traits have.
    fn consent(&mut self, receipt: Receipt) -> ConsentRecord {
        let given = self.take_time(["consentAt", "consent_at"], receipt);
        let at = given.and_then(|(pointer, at)| {
            let checked = check_consent_at(at, receipt.received_at);
            let checked = checked.map_err(|error| {
                self.warnings.left_out(&pointer, error.to_string());
            });
            checked.ok().map(|()| at)
        });
        ConsentRecord {
            source: Text::cut("segment"),
            wording: None,
            at,
        }
    }

    /// Reads a text, or a whole number as its digits.
    fn read<T, E: ToString>(
        &mut self,
        value: &Json,
        pointer: &str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Change<T> {
        let text = match value {
            Json::String(text) => Ok(text.trim().to_owned()),
            Json::Number(number) if !number.is_f64() => Ok(number.to_string()),
            _ => Err("must be a string".to_owned()),
        };
        let read = text.and_then(|text| parse(text).map_err(|error| error.to_string()));
        match read {
            Ok(value) => Change::Set(value),
            Err(reason) => {
                self.warnings.left_out(pointer, reason);
                Change::Keep
            }
        }
    }

    fn attributes(&mut self) -> Change<domain::AttributeChanges> {
        let values = values::attributes(&self.traits, TRAITS, self.warnings);
        match values.is_empty() {
            true => Change::Keep,
            false => Change::Set(
                values
                    .into_iter()
                    .map(|(key, value)| (key, Change::Set(value)))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(traits: Json) -> (Json, Vec<String>) {
        let call = Call {
            traits,
            ..Call::default()
        };
        let customer = CustomerId::try_from("c-1").unwrap();
        let mut warnings = Warnings::default();
        let contacts = ContactRules {
            country: "GB".parse().ok(),
            ..ContactRules::default()
        };
        let receipt = Receipt {
            sent_at: None,
            received_at: "2026-11-23T12:00:00Z".try_into().unwrap(),
            zone: chrono_tz::Tz::UTC,
        };
        let record = record(call, customer, contacts, receipt, &mut warnings).unwrap();
        let pointers = warnings.0.into_iter().map(|warning| warning.pointer);
        (json!(record.changes), pointers.collect())
    }

    #[test]
    fn reserved_traits_become_fields_and_others_attributes() {
        let traits = json!({
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "phone": 442079460958_u64,
            "createdAt": "2026-01-02T03:04:05Z",
            "address": {"city": "London", "country": "GB", "street": "St James's Square"},
            "plan": "gold",
            "company": {"name": "Analytical", "employees": 2},
            "unsubscribed": true,
        });
        let expected = json!({
            "profile": {
                "name": "Ada Lovelace",
                "email": "ada@example.com",
                "phone": "+442079460958",
                "attributes": {
                    "address": {"street": "St James's Square"},
                    "company": {"employees": 2, "name": "Analytical"},
                    "plan": "gold",
                },
            },
            "city": "London",
            "country": "GB",
            "registered_at": "2026-01-02T03:04:05.000Z",
            "unsubscribed": true,
            "consent": {"source": "segment"},
        });
        assert_eq!(changes(traits), (expected, vec![]));
    }

    #[test]
    fn a_first_and_a_last_name_make_a_name() {
        for (traits, name) in [
            (
                json!({"firstName": "Ada", "lastName": "Lovelace"}),
                "Ada Lovelace",
            ),
            (json!({"first_name": " Ada ", "last_name": null}), "Ada"),
            (json!({"name": "", "lastName": "Lovelace"}), "Lovelace"),
            (json!({"name": "A. L.", "firstName": "Ada"}), "A. L."),
        ] {
            let (changes, warnings) = changes(traits.clone());
            assert_eq!(changes["profile"]["name"], name, "{traits}");
            assert!(warnings.is_empty());
        }
        let (changes, _) = changes(json!({"firstName": "Ada", "lastName": "Lovelace"}));
        let attributes = json!({"firstName": "Ada", "lastName": "Lovelace"});
        assert_eq!(changes["profile"]["attributes"], attributes);
    }

    #[test]
    fn traits_without_a_value_change_nothing() {
        let empty =
            json!({"email": null, "name": "", "plan": null, "address": {"city": ""}, "a": {}});
        for traits in [Json::Null, json!({}), empty] {
            assert_eq!(changes(traits), (json!({}), vec![]));
        }
    }

    #[test]
    fn consent_has_its_source_and_its_time() {
        let at = "2026-11-22T08:00:00.000Z";
        let untimed = json!({"source": "segment"});
        let timed = json!({"source": "segment", "at": at});
        for (traits, expected, warnings) in [
            (
                json!({"unsubscribed": true}),
                json!({"unsubscribed": true, "consent": untimed}),
                vec![],
            ),
            (
                json!({"unsubscribed": false, "consentAt": at}),
                json!({"unsubscribed": false, "consent": timed}),
                vec![],
            ),
            (
                json!({"unsubscribed": false, "consent_at": "2099-01-01T00:00:00Z"}),
                json!({"unsubscribed": false, "consent": untimed}),
                vec!["/traits/consent_at"],
            ),
            (
                json!({"unsubscribed": true, "consent_at": "soon"}),
                json!({"unsubscribed": true, "consent": untimed}),
                vec!["/traits/consent_at"],
            ),
            (
                json!({"unsubscribed": "no"}),
                json!({}),
                vec!["/traits/unsubscribed"],
            ),
            (json!({"unsubscribed": null}), json!({}), vec![]),
        ] {
            let warnings = warnings.into_iter().map(str::to_owned).collect();
            assert_eq!(changes(traits), (expected, warnings));
        }
    }

    #[test]
    fn traits_that_cannot_be_kept_are_left_out() {
        let (changes, warnings) = changes(json!({
            "email": "nobody",
            "phone": "0".repeat(33),
            "createdAt": 1_700_000_000,
            "address": {"city": ["London"]},
            "tags": ["vip"],
            "plan": "gold",
        }));
        assert_eq!(
            changes,
            json!({"profile": {"attributes": {"plan": "gold"}}})
        );
        let mut warnings = warnings;
        warnings.sort();
        assert_eq!(
            warnings,
            [
                "/traits/address/city",
                "/traits/createdAt",
                "/traits/email",
                "/traits/phone",
                "/traits/tags",
            ]
        );
    }
}
