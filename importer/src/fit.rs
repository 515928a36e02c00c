//! How well a table fits what is told about it: columns that are missing, unused, or read as text
//! although they look like numbers.

use std::io;

use super::mapping::Mapping;
use super::options::Pair;
use super::table::Table;
use super::texts::Texts;

/// Number of rows in which a column of numbers is recognized.
const SAMPLE: usize = 100;

/// What an import leaves aside, or may read in another way than meant. Nothing of this is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// Fields of the preset that are left out, since the file lacks their columns.
    pub left_out: Vec<Pair>,
    /// Columns that fill no field.
    pub unused: Vec<String>,
    /// Fields with free keys that are sent as text, although the first rows have numbers alone.
    pub numbers: Vec<String>,
}

/// Returns how well the table fits its mapping. Reads the first rows.
pub(super) fn fit(table: &mut Table, mapping: &Mapping) -> io::Result<Fit> {
    let used = mapping.columns();
    let names = table.columns().iter().enumerate();
    let unused = names.filter(|(index, name)| !used.contains(index) && !name.is_empty());
    let unused = unused.map(|(_, name)| name.clone()).collect();
    let mut candidates: Vec<_> = mapping.free_texts().map(|field| (field, 0)).collect();
    let mut texts = Texts::default();
    for _ in 0..SAMPLE {
        let Some((place, row)) = table.next()? else {
            break;
        };
        let Ok(cells) = row else {
            continue;
        };
        mapping.read(cells, place.line, &mut texts);
        candidates.retain_mut(|((number, _), count)| {
            let text = texts.get(*number).trim();
            *count += u32::from(!text.is_empty());
            text.is_empty() || is_number(text)
        });
    }
    let numbers = candidates.into_iter().filter(|(_, count)| *count > 0);
    Ok(Fit {
        left_out: Vec::new(),
        unused,
        numbers: numbers.map(|((_, name), _)| name).collect(),
    })
}

/// Returns true for a number such as `-12.5`. Digits after a zero, or very many of them, are codes
/// and ids.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_code = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let whole = digits.split('.').next().unwrap_or_default();
    let starts_with_digit = digits.starts_with(|first: char| first.is_ascii_digit());
    starts_with_digit && !is_code && whole.len() <= 9 && text.parse::<f64>().is_ok()
}
