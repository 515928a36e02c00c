//! Names of options in messages: as flags, or as members of a JSON object.

use std::borrow::Cow;

/// Options that messages name, as flags of the command line.
const FLAGS: [&str; 18] = [
    "--amount-unit",
    "--clear-empty",
    "--date-format",
    "--decimal",
    "--delimiter",
    "--empty",
    "--encoding",
    "--fallback",
    "--first-row",
    "--id",
    "--last-wins",
    "--map",
    "--no-word",
    "--set",
    "--status",
    "--tag-separator",
    "--time-zone",
    "--yes-word",
];

/// How messages name the options of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OptionNames {
    /// As flags of the command line: `--time-zone`.
    #[default]
    Flags,
    /// As members of the options in JSON: `time_zone`.
    Members,
}

impl OptionNames {
    /// Returns a message, in which options are named as flags, with these names.
    pub fn in_message(self, message: &str) -> Cow<'_, str> {
        if self == Self::Flags || !message.contains("--") {
            return message.into();
        }
        let mut named = String::with_capacity(message.len());
        let mut rest = message;
        while let Some(at) = rest.find("--") {
            let (before, from) = rest.split_at(at);
            named.push_str(before);
            let end = from.find(|c: char| !c.is_ascii_lowercase() && c != '-');
            let (word, after) = from.split_at(end.unwrap_or(from.len()));
            match FLAGS.contains(&word) {
                true => {
                    named.push('`');
                    named.push_str(&member(word));
                    named.push('`');
                }
                false => named.push_str(word),
            }
            rest = after;
        }
        named.push_str(rest);
        named.into()
    }
}

/// Returns the JSON pointer within the options to what a message is about, if the message
/// begins with an option: `/map/customer_id`.
pub fn option_pointer(message: &str) -> Option<String> {
    let flag = FLAGS.iter().find(|flag| {
        let after = message.strip_prefix(**flag);
        after.is_some_and(|after| after.starts_with([' ', ':']))
    })?;
    let mut pointer = format!("/{}", member(flag));
    // Of `--map FIELD=COLUMN: …`, the field.
    let entry = message[flag.len()..].strip_prefix(' ');
    if let Some((field, _)) = entry.and_then(|entry| entry.split_once('='))
        && !field.contains([' ', ':'])
    {
        pointer = format!("{pointer}/{}", field.replace('~', "~0").replace('/', "~1"));
    }
    Some(pointer)
}

fn member(flag: &str) -> String {
    flag.trim_start_matches('-').replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_options_as_their_reader_writes_them() {
        let message = "is a local time; pass --time-zone, such as --time-zone Europe/Berlin";
        assert_eq!(OptionNames::Flags.in_message(message), message);
        let members = OptionNames::Members.in_message(message);
        let expected = "is a local time; pass `time_zone`, such as `time_zone` Europe/Berlin";
        assert_eq!(members, expected);
        // A value of the file is no option.
        let values = "line 7 is \"--- a --time-zones --map\"";
        let expected = "line 7 is \"--- a --time-zones `map`\"";
        assert_eq!(OptionNames::Members.in_message(values), expected);
    }

    #[test]
    fn a_message_about_an_option_has_a_pointer() {
        let pointer = |message| option_pointer(message);
        let map = "--map customer_id=Id: the file has no column Id";
        assert_eq!(pointer(map).as_deref(), Some("/map/customer_id"));
        let word = "--yes-word: must not be empty";
        assert_eq!(pointer(word).as_deref(), Some("/yes_word"));
        let row = "--first-row name: no column fills this field";
        assert_eq!(pointer(row).as_deref(), Some("/first_row"));
        assert_eq!(pointer("--mapping a=b: x"), None);
        assert_eq!(pointer("the file has no column --map"), None);
    }
}
