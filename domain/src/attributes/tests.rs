use serde_json::json;

use super::*;

fn value(json: serde_json::Value) -> Result<AttributeValue, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

fn properties(json: &str) -> Result<serde_json::Value, String> {
    let properties: Result<Properties, _> = serde_json::from_str(json);
    properties
        .map(|properties| json!(properties))
        .map_err(|error| error.to_string())
}

#[test]
fn objects_keep_their_shape() {
    let address = json!({"city": "Rome", "geo": {"lat": 41.9, "exact": true}, "zip": 184});
    let read = value(address.clone()).unwrap();
    assert_eq!(json!(read), address);
    assert_eq!(read.leaf_count(), 4);
}

#[test]
fn an_attribute_must_not_be_empty() {
    for empty in [
        json!(""),
        json!({}),
        json!({"city": "", "zip": null}),
        json!({"a": {}}),
    ] {
        let refused = value(empty.clone()).unwrap_err();
        assert!(refused.contains("must not be empty"), "{empty}: {refused}");
    }
    for other in [json!(null), json!([]), json!([1])] {
        let refused = value(other).unwrap_err();
        assert!(refused.contains("expected a boolean"), "{refused}");
    }
}

#[test]
fn empty_properties_are_left_out() {
    let read =
        properties(r#"{"a": "", "b": null, "c": {}, "d": {"e": {"f": ""}}, "g": 0, "h": false}"#);
    assert_eq!(read, Ok(json!({"g": 0, "h": false})));
    assert_eq!(properties("{}"), Ok(json!({})));
}

#[test]
fn three_names_are_the_deepest() {
    let deep = r#"{"a": {"b": {"c": 1}}}"#;
    assert_eq!(properties(deep), Ok(serde_json::from_str(deep).unwrap()));
    let refused = properties(r#"{"a": {"b": {"c": {"d": 1}}}}"#).unwrap_err();
    assert!(refused.contains("at most 3 names deep"), "{refused}");
    assert!(value(json!({"b": {"c": 1}})).is_ok());
    assert!(value(json!({"b": {"c": {"d": 1}}})).is_err());
}

#[test]
fn values_of_any_number_type_are_read() {
    for (json, expected) in [
        (json!(-3), AttributeValue::Integer(-3)),
        (json!(39.0), AttributeValue::Number(39.0)),
        (json!(u64::MAX), AttributeValue::Number(u64::MAX as f64)),
    ] {
        assert_eq!(value(json), Ok(expected));
    }
}

#[test]
fn a_path_finds_a_value_within_objects() {
    let address = value(json!({"city": "Rome", "geo": {"lat": 41.9}})).unwrap();
    let attributes = BTreeMap::from([
        ("address".to_owned(), address.clone()),
        ("size".to_owned(), AttributeValue::Integer(39)),
    ]);
    let find = |path: &str| {
        let path = AttributePath::try_from(path).unwrap();
        path.find(&attributes).map(|value| json!(value))
    };
    assert_eq!(find("size"), Some(json!(39)));
    assert_eq!(find("address.city"), Some(json!("Rome")));
    assert_eq!(find("address.geo.lat"), Some(json!(41.9)));
    assert_eq!(find("address"), Some(json!(address)));
    for absent in ["city", "size.city", "address.zip", "address.city.name"] {
        assert_eq!(find(absent), None, "{absent}");
    }
}

#[test]
fn a_path_has_one_to_three_names() {
    for path in ["size", "address.city", "a.b.c", "größe.0"] {
        let read = AttributePath::try_from(path).map(|path| path.to_string());
        assert_eq!(read.as_deref(), Ok(path));
    }
    for (path, reason) in [
        ("", AttributePathError::Part(String::new())),
        ("a.", AttributePathError::Part(String::new())),
        ("a.b c", AttributePathError::Part("b c".to_owned())),
        ("a.b.c.d", AttributePathError::TooDeep(4)),
    ] {
        assert_eq!(AttributePath::try_from(path), Err(reason), "{path}");
    }
}
