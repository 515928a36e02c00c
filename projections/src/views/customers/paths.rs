//! Fields of the rules in a customer's document.

use domain::rules::{Field, ListedField};

/// Presence of a field in customers' documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Every document has the field.
    Always,
    /// A customer may lack the field.
    Optional,
    /// A document without the field means 0.
    ZeroIfAbsent,
}

/// Returns the path of a field in a customer's document, with steps joined by
/// dots.
pub fn path(field: &Field) -> String {
    match field {
        Field::Listed(field) => listed(*field).0.to_owned(),
        Field::Attribute(path) => format!("attributes.{path}"),
        Field::ActivityCount(name) => format!("events.{}.count", name.as_folded()),
        Field::ActivityLastAt(name) => format!("events.{}.last_at", name.as_folded()),
    }
}

/// Returns the presence of a field in customers' documents.
pub(crate) fn presence(field: &Field) -> Presence {
    match field {
        Field::Listed(field) => listed(*field).1,
        // A document has a count only after the first such activity.
        Field::ActivityCount(_) => Presence::ZeroIfAbsent,
        Field::Attribute(_) | Field::ActivityLastAt(_) => Presence::Optional,
    }
}

/// Returns the path and the presence of a field with a fixed name.
fn listed(field: ListedField) -> (&'static str, Presence) {
    use Presence::{Always, Optional, ZeroIfAbsent};
    match field {
        ListedField::Name => ("name", Optional),
        ListedField::Email => ("email", Optional),
        ListedField::Phone => ("phone", Optional),
        ListedField::City => ("city", Optional),
        ListedField::Country => ("country", Optional),
        ListedField::Tags => ("tags", Optional),
        ListedField::RegisteredAt | ListedField::DaysSinceRegistered => ("registered_at", Optional),
        ListedField::Unsubscribed => ("unsubscribed", Always),
        ListedField::TotalSpend => ("total_spend", Always),
        ListedField::OrderCount => ("order_count", Always),
        ListedField::AverageOrderValue => ("average_order_value", Optional),
        ListedField::FirstOrderAt => ("first_order_at", Optional),
        ListedField::LastOrderAt | ListedField::DaysSinceLastOrder => ("last_order_at", Optional),
        ListedField::Visits => ("events.visit.count", ZeroIfAbsent),
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, DateTime, Document};
    use domain::AttributeValue;
    use domain::rules::{CustomerFacts, Value};

    use super::*;
    use crate::views::customers::{CustomerDocument, EventFacts};

    fn every_field() -> impl Iterator<Item = Field> {
        let names =
            Field::names().map(|name| name.replace("<key>", "size").replace("<name>", "visit"));
        names.map(|name| Field::named(&name).unwrap())
    }

    /// Returns the value at a path, as MongoDB finds it.
    fn at<'a>(document: &'a Document, path: &str) -> Option<&'a Bson> {
        let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
        let parents = parents.split('.').filter(|step| !step.is_empty());
        let mut parent = document;
        for step in parents {
            parent = parent.get_document(step).ok()?;
        }
        parent.get(last)
    }

    #[test]
    fn a_complete_document_has_every_field() {
        let text = || Some("x".to_owned());
        let time = Some(DateTime::from_millis(1_000));
        let visits = EventFacts {
            count: 3,
            last_at: time,
            ..EventFacts::default()
        };
        let complete = CustomerDocument {
            name: text(),
            email: text(),
            phone: text(),
            city: text(),
            country: text(),
            tags: vec!["vip".to_owned()],
            attributes: [("size".to_owned(), AttributeValue::Integer(42))].into(),
            registered_at: time,
            average_order_value: Some(100),
            first_order_at: time,
            last_order_at: time,
            events: [("visit".to_owned(), visits)].into(),
            ..CustomerDocument::default()
        };
        let complete = bson::serialize_to_document(&complete).unwrap();
        for field in every_field() {
            assert!(at(&complete, &path(&field)).is_some(), "{field}");
        }
    }

    #[test]
    fn presence_agrees_with_the_document_and_with_the_value_of_a_new_customer() {
        let facts = CustomerFacts::default();
        let new = bson::serialize_to_document(&CustomerDocument::default()).unwrap();
        for field in every_field() {
            let is_optional = field.value(&facts) == Value::Absent;
            // Every document has a list of tags, which may be empty.
            let is_always = !is_optional && at(&new, &path(&field)).is_some();
            let expected = match (is_always, is_optional) {
                (true, _) => Presence::Always,
                (false, true) => Presence::Optional,
                (false, false) => Presence::ZeroIfAbsent,
            };
            assert_eq!(presence(&field), expected, "{field}");
        }
    }
}
