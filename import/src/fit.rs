//! How a file fits what is told about it, in lines for people.

use importer::{Fit, Pair};

use super::report::printable;

/// Number of columns that are named.
const NAMED: usize = 20;

/// Returns a line about the fields of the preset whose columns the file lacks.
pub(super) fn left_out_fields(fit: &Fit) -> String {
    let fields = fit.left_out.iter();
    let fields = fields.map(|Pair { field, value }| match &**field {
        "amount" => format!("{field} ({value}), which becomes the sum of the line items"),
        _ => format!("{field} ({value})"),
    });
    let fields: Vec<_> = fields.collect();
    match fields.is_empty() {
        true => String::new(),
        false => format!(
            "the file lacks columns of the preset; left out: {}\n",
            fields.join("; ")
        ),
    }
}

/// Returns a line about the columns that fill no field.
pub(super) fn unused_columns(fit: &Fit) -> String {
    let names = fit.unused.iter().take(NAMED);
    let names: Vec<_> = names.map(|name| printable(name)).collect();
    let more = match fit.unused.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match names.is_empty() {
        true => String::new(),
        false => format!("columns not used: {}{more}\n", names.join(", ")),
    }
}

/// Returns a line about the fields that are sent as text, but look like numbers.
pub(super) fn numbers_as_text(fit: &Fit) -> String {
    let mut text = String::new();
    for name in &fit.numbers {
        text += &format!(
            "{name} looks like a number and is sent as text; --map {name}:number=COLUMN sends it \
             as a number\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_unused_columns_are_shortened_to_one_line() {
        let unused = (1..=23).map(|number| format!("c{number}"));
        let fit = Fit {
            unused: unused.collect(),
            ..Fit::default()
        };
        let line = unused_columns(&fit);
        assert!(line.starts_with("columns not used: c1, c2, "), "{line}");
        assert!(line.ends_with("c20 and 3 more\n"), "{line}");
        assert_eq!(unused_columns(&Fit::default()), "");
    }
}
