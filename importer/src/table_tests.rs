use std::io::Write;

use super::*;

type Row = (u64, Result<Vec<String>, String>);

fn rows(text: &[u8], delimiter: &str, header: bool) -> (Vec<String>, Vec<Row>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    let delimiter = (!delimiter.is_empty()).then(|| delimiter.parse().unwrap());
    let mut table = Table::open(file.path(), EncodingChoice::default(), delimiter, header).unwrap();
    let mut rows = Vec::new();
    while let Some((place, row)) = table.next().unwrap() {
        let cells = |cells: &Cells| {
            (0..cells.count())
                .map(|index| cells.get(index).into())
                .collect()
        };
        rows.push((place.line, row.map(cells).map_err(|reason| reason.text)));
    }
    (table.columns().to_vec(), rows)
}

fn good(line: u64, cells: &[&str]) -> Row {
    (
        line,
        Ok(cells.iter().map(|cell| (*cell).to_owned()).collect()),
    )
}

#[test]
fn runs_of_whitespace_separate_columns() {
    let (columns, rows) = rows(
        b" id  date \r\n 1\t 2 \r\n\r\n  \r\n 3  4",
        "whitespace",
        true,
    );
    assert_eq!(columns, ["id", "date"]);
    assert_eq!(rows, [good(2, &["1", "2"]), good(5, &["3", "4"])]);
}

#[test]
fn csv_is_unquoted_and_a_row_has_the_number_of_its_first_line() {
    let text = b"\xEF\xBB\xBFid;name\r\n1;\"a;\"\"b\"\"\r\nc\"\r\n\r\n2;\xC3\xA9\r\n3;\"x\"";
    let (columns, rows) = rows(text, ";", true);
    assert_eq!(columns, ["id", "name"]);
    assert_eq!(
        rows,
        [
            good(2, &["1", "a;\"b\"\r\nc"]),
            good(5, &["2", "é"]),
            good(6, &["3", "x"])
        ]
    );
}

#[test]
fn without_a_header_columns_have_numbers() {
    let (columns, rows) = rows(b"1\t2\n3\t\n", "tab", false);
    assert_eq!(columns, ["1", "2"]);
    assert_eq!(rows, [good(1, &["1", "2"]), good(2, &["3", ""])]);
}

#[test]
fn an_unclosed_quote_refuses_only_its_own_line() {
    let (_, rows) = rows(b"a,b\n1,2\n3,\"4\n5,6\n7,8\n", ",", true);
    assert_eq!(
        rows,
        [
            good(2, &["1", "2"]),
            (3, Err(OPEN_QUOTE.into())),
            good(4, &["5", "6"]),
            good(5, &["7", "8"])
        ]
    );
}

#[test]
fn an_unclosed_quote_that_another_cell_closes_refuses_only_its_own_line() {
    let text = b"id,name,city\n1,\"Ann,Rome\n2,Bob,Oslo\n3,\"Cy\",Bern\n4,Di,Kiel\n";
    let (_, found) = rows(text, ",", true);
    assert_eq!(
        found,
        [
            (2, Err(OPEN_QUOTE.into())),
            good(3, &["2", "Bob", "Oslo"]),
            good(4, &["3", "Cy", "Bern"]),
            good(5, &["4", "Di", "Kiel"])
        ]
    );
    let (_, found) = rows(b"a;b\r\n\"x \"\"y\"\"\r\n\";2\r\n3;\"z\n\"", ";", true);
    assert_eq!(
        found,
        [good(2, &["x \"y\"\r\n", "2"]), good(4, &["3", "z\n"])]
    );
}

#[test]
fn rows_with_another_number_of_columns_are_refused() {
    let (_, rows) = rows(b"a,b\n1\n1,2,3\n1,2\r3,4\n5,6\n", ",", true);
    let message = |found| Err(format!("the line has {found} columns, the table has 2"));
    assert_eq!(
        rows,
        [
            (2, message(1)),
            (3, message(3)),
            (4, Err(LONE_RETURN.into())),
            good(5, &["5", "6"])
        ]
    );
}

#[test]
fn rows_with_a_thousand_columns_are_read() {
    let wide = vec!["x"; 1000].join(",");
    let (columns, rows) = rows(format!("{wide}\n{wide}\n").as_bytes(), ",", true);
    assert_eq!(columns.len(), 1000);
    assert_eq!(rows, [good(2, &["x"; 1000])]);
}

#[test]
fn a_line_that_is_too_long_is_refused_and_skipped() {
    let long = "x".repeat(crate::lines::MAX_RECORD + 1);
    let (_, rows) = rows(format!("a,b\n{long}\n1,2\n").as_bytes(), ",", true);
    assert_eq!(
        rows,
        [
            (2, Err("the line is longer than 4 MiB".into())),
            good(3, &["1", "2"])
        ]
    );
}

#[test]
fn a_separator_line_sets_the_delimiter_and_is_skipped() {
    for first in ["sep=;", "SEP=;", "\"sep=;\"", "sep=;;;;"] {
        let text = format!("{first}\r\nid;name\r\n1;a,b\r\n");
        let (columns, rows) = rows(text.as_bytes(), "", true);
        assert_eq!(columns, ["id", "name"], "{first}");
        assert_eq!(rows, [good(3, &["1", "a,b"])]);
    }
    let (columns, _) = rows(b"sep=\t\nid\tname\n", "", true);
    assert_eq!(columns, ["id", "name"]);
    let (columns, _) = rows(b"sep=;\nid,name\n", ",", true);
    assert_eq!(
        columns,
        ["id", "name"],
        "a stated delimiter outranks the line"
    );
    let (columns, _) = rows(b"sep=long,name\n", "", true);
    assert_eq!(columns, ["sep=long", "name"]);
}

#[test]
fn rows_of_empty_cells_are_no_lines() {
    let text = b"id,name\n1,a\n,\n , \n,,,\n\"\",\"\"\n   \n\n2,b\n";
    let (_, rows) = rows(text, ",", true);
    assert_eq!(rows, [good(2, &["1", "a"]), good(9, &["2", "b"])]);
}

#[test]
fn a_row_that_does_not_fit_the_encoding_is_refused_alone() {
    let text = b"id,name\n1,J\xFCrgen\n2,\"a\nB\xE4r\"\n3,c\n\"4,J\xFCrgen\n5,e\n";
    let (_, rows) = rows(text, ",", true);
    let lines: Vec<_> = rows
        .iter()
        .map(|(line, row)| (*line, row.is_ok()))
        .collect();
    assert_eq!(
        lines,
        [(2, false), (3, false), (5, true), (6, false), (7, true)]
    );
    for (line, row) in rows.iter().filter(|(_, row)| row.is_err()) {
        let reason = row.as_ref().unwrap_err();
        assert!(
            reason.contains("--encoding windows-1252"),
            "{line}: {reason}"
        );
    }
}

#[test]
fn old_line_ends_and_utf16_are_read() {
    let (columns, found) = rows(b"id,name\r1,\"a\rb\"\r\r2,c", ",", true);
    assert_eq!(columns, ["id", "name"]);
    assert_eq!(found, [good(2, &["1", "a\rb"]), good(5, &["2", "c"])]);
    let text: Vec<u8> = "\u{FEFF}id\tname\r\nl:1\t\u{c9}va\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let (columns, found) = rows(&text, "tab", true);
    assert_eq!(columns, ["id", "name"]);
    assert_eq!(found, [good(2, &["l:1", "Éva"])]);
}
