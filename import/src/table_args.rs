//! Options of tables. Their doc comments are part of the manual of `patron import`.

use clap::{Args, ValueEnum};
use importer::{AmountUnit, DecimalSign, Delimiter, ImportOptions, Pair, TextEncoding, TimeZone};

/// Conversion of a table's rows to objects. Of these options only --encoding and --last-wins apply to NDJSON.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Tables (CSV)")]
pub(super) struct TableArgs {
    /// Encoding of the file, such as windows-1252. A byte-order mark outranks it. Applies to NDJSON
    /// too [default: utf-8]
    #[arg(long, value_name = "NAME")]
    pub(super) encoding: Option<TextEncoding>,

    /// Separator of columns: one ASCII character, 'tab', or 'whitespace' (runs of spaces and
    /// tabs, those at the start of a line ignored, no quoting) [default: that of a first line such
    /// as 'sep=;', else ,]
    #[arg(long, value_name = "CHARACTER")]
    pub(super) delimiter: Option<Delimiter>,

    /// Read the first line as data; the columns are then named 1, 2, …
    #[arg(long)]
    pub(super) no_header: bool,

    /// Fill a field from a column; repeatable. '!COLUMN' is the contrary of a yes or no,
    /// 'COLUMN#2' the second of the columns of that name, '{COLUMN} {COLUMN}' a text made of
    /// several. Without any --map, columns with the name of a field fill it
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub(super) map: Vec<Pair>,

    /// Fill a field from another column where the first one is empty; repeatable
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub(super) fallback: Vec<Pair>,

    /// Fill a field with the same value on every line; repeatable
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(super) set: Vec<Pair>,

    /// Build the id from the line number, as in 'cdnow-{line}'; the first line of the file is 1
    #[arg(long, value_name = "TEMPLATE")]
    pub(super) id: Option<String>,

    /// What the statuses of the file mean: placed, cancelled, refunded, or skip for orders that are
    /// left out; as in paid=placed,voided=cancelled,failed=skip. A status that ends in * stands for
    /// all with this beginning
    #[arg(long, value_name = "STATUS=MEANING", value_delimiter = ',')]
    pub(super) status: Vec<Pair>,

    /// Field of an order whose first value counts if its rows differ; repeatable
    #[arg(long, value_name = "FIELD")]
    pub(super) first_row: Vec<String>,

    /// Of rows with one id and other content, send all, so that the last one counts, instead of
    /// refusing those after the first. Applies to NDJSON too
    #[arg(long)]
    pub(super) last_wins: bool,

    /// Unit of amounts: decimals of the currency (11.77), or its minor units (1177)
    /// [default: major]
    #[arg(long, value_enum)]
    pub(super) amount_unit: Option<UnitArg>,

    /// Decimal sign of amounts that are written for people. Thousands separators, a currency sign
    /// or code, and parentheses for a negative amount are then read too: 1,234.50, $12.50 or (5.00)
    /// with 'point'; 1.234,50, 1 234,50 or 12,50 € with 'comma' [default: plain numbers only]
    #[arg(long, value_enum)]
    pub(super) decimal: Option<DecimalArg>,

    /// Format of times, as in strftime: '%Y%m%d', '%d/%m/%Y %H:%M', '%s'; repeatable, the first
    /// that fits is used. %z is an offset; %Z an abbreviation with one meaning, such as UTC, CEST
    /// or PDT [default: RFC 3339, or YYYY-MM-DD]
    #[arg(long, value_name = "FORMAT")]
    pub(super) date_format: Vec<String>,

    /// Time zone of times without an offset, and of dates, such as Europe/Berlin. Without it, times
    /// in a --date-format are UTC, and dates are days in the time zone of the server
    #[arg(long, value_name = "ZONE")]
    pub(super) time_zone: Option<TimeZone>,

    /// Character between the tags in a cell. Tags in double quotes may contain it [default: ;]
    #[arg(long, value_name = "CHARACTER", value_parser = one_character)]
    pub(super) tag_separator: Option<char>,

    /// Word of yes in columns of flags, such as 'ja', in any case; repeatable. Adds to true, yes, y,
    /// t, on and 1
    #[arg(long, value_name = "WORD")]
    pub(super) yes_word: Vec<String>,

    /// Word of no in columns of flags, such as 'nein', in any case; repeatable. Adds to false, no,
    /// n, f, off and 0
    #[arg(long, value_name = "WORD")]
    pub(super) no_word: Vec<String>,

    /// Text that stands for an empty cell, such as 'n/a', in any case and any column; repeatable
    #[arg(long, value_name = "TEXT")]
    pub(super) empty: Vec<String>,

    /// Clear this field of a customer where its cell is empty, instead of leaving it as it is;
    /// repeatable. 'all' stands for all fields that a column fills
    #[arg(long, value_name = "FIELD")]
    pub(super) clear_empty: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DecimalArg {
    Point,
    Comma,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum UnitArg {
    Major,
    Minor,
}

fn one_character(text: &str) -> Result<char, &'static str> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) => Ok(one),
        _ => Err("must be one character, such as , or |"),
    }
}

impl TableArgs {
    pub(super) fn options(&self) -> ImportOptions {
        ImportOptions {
            delimiter: self.delimiter,
            no_header: self.no_header,
            map: self.map.clone(),
            fallback: self.fallback.clone(),
            set: self.set.clone(),
            id: self.id.clone(),
            amount_unit: self.amount_unit.map(|unit| match unit {
                UnitArg::Major => AmountUnit::Major,
                UnitArg::Minor => AmountUnit::Minor,
            }),
            encoding: self.encoding,
            decimal: self.decimal.map(|sign| match sign {
                DecimalArg::Point => DecimalSign::Point,
                DecimalArg::Comma => DecimalSign::Comma,
            }),
            date_format: self.date_format.clone(),
            time_zone: self.time_zone,
            tag_separator: self.tag_separator,
            yes_word: self.yes_word.clone(),
            no_word: self.no_word.clone(),
            empty: self.empty.clone(),
            clear_empty: self.clear_empty.clone(),
            status: self.status.clone(),
            first_row: self.first_row.clone(),
            last_wins: self.last_wins,
        }
    }
}
