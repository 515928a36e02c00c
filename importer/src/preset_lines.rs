//! Lines of a preset's text, for messages about what stands there.

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::bindings::require_unique;
use super::effects::check_first_row;
use super::fields::Resource;
use super::options::{ImportOptions, Pair};
use super::statuses::Statuses;

/// Returns the place of the first key that is not an option, or whose value is not one of the
/// option: `line 7: mop`. `within` are the keys above: none, or `when` and a number.
pub(super) fn of_options(text: &str, within: &[&str], options: &Map<String, Value>) -> String {
    let is_wrong = |key: &&String| {
        let alone = Map::from_iter([((*key).clone(), options[*key].clone())]);
        serde_json::from_value::<ImportOptions>(Value::Object(alone)).is_err()
    };
    match options.keys().find(is_wrong) {
        Some(key) => place(text, within, &[key]),
        None => String::new(),
    }
}

/// Returns the place of the first field or status that is wrong by itself: `line 9: map.amout`.
pub(super) fn of_fields(
    text: &str,
    within: &[&str],
    resource: Resource,
    options: &ImportOptions,
) -> String {
    let tables = [
        ("map", &options.map),
        ("fallback", &options.fallback),
        ("set", &options.set),
        ("status", &options.status),
    ];
    for (table, pairs) in tables {
        let is_wrong = |pair: &&Pair| {
            let alone = vec![(*pair).clone()];
            match table {
                "status" => Statuses::new(&alone).is_err(),
                _ => {
                    let alone = ImportOptions {
                        map: alone,
                        ..ImportOptions::default()
                    };
                    require_unique(resource, &alone).is_err()
                }
            }
        };
        if let Some(pair) = pairs.iter().find(is_wrong) {
            return place(text, within, &[table, &pair.field]);
        }
    }
    match check_first_row(resource, &options.first_row) {
        Err(_) => place(text, within, &["first_row"]),
        Ok(()) => String::new(),
    }
}

/// Returns `line 7: map.amount: `, or nothing if there is no such key.
fn place(text: &str, within: &[&str], keys: &[&str]) -> String {
    let path: Vec<_> = within.iter().chain(keys).copied().collect();
    match line_of(text, &path) {
        Some(line) => format!("line {line}: {}: ", keys.join(".")),
        None => String::new(),
    }
}

/// Returns the number of the line with this key.
fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut found: Option<(usize, &DeValue)> = None;
    for key in path {
        let array = found.and_then(|(_, value)| value.as_array());
        if let (Some(array), Ok(index)) = (array, key.parse::<usize>()) {
            let item = array.get(index)?;
            found = Some((item.span().start, item.get_ref()));
        } else {
            let mut entries = table.iter();
            let (name, value) = entries.find(|(name, _)| name.get_ref() == key)?;
            found = Some((name.span().start, value.get_ref()));
        }
        if let Some(inner) = found.and_then(|(_, value)| value.as_table()) {
            table = inner;
        }
    }
    let (start, _) = found?;
    let before = text.get(..start)?;
    Some(before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_lines_also_in_additions() {
        let text = "title = \"x\"\n\n[map]\na = \"b\"\n\n[[when]]\ncolumn = \"R\"\n\n[[when]]\n\
                    column = \"S\"\nmap = { c = \"S\" }\n";
        assert_eq!(line_of(text, &["map", "a"]), Some(4));
        assert_eq!(line_of(text, &["when", "1", "map", "c"]), Some(11));
        assert_eq!(line_of(text, &["map", "z"]), None);
    }
}
