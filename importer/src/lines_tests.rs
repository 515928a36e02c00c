use std::io::Write;

use proptest::prelude::*;

use super::*;

/// Returns the lines of a file with these bytes, with the position after each.
fn lines(bytes: &[u8], encoding: Option<&str>) -> Vec<(String, FilePosition)> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let stated = encoding.map(|label| label.parse().unwrap());
    let mut lines = Lines::open(file.path(), EncodingChoice::stated(stated)).unwrap();
    let mut read = Vec::new();
    let mut line = Vec::new();
    while lines.read(&mut line).unwrap() == LineRead::Whole {
        read.push((String::from_utf8(line.clone()).unwrap(), lines.at()));
        line.clear();
    }
    read
}

fn texts(bytes: &[u8], encoding: Option<&str>) -> Vec<String> {
    let lines = lines(bytes, encoding);
    lines.into_iter().map(|(line, _)| line).collect()
}

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    let bytes = |unit: u16| match big_endian {
        true => unit.to_be_bytes(),
        false => unit.to_le_bytes(),
    };
    let marked = std::iter::once(0xFEFF).chain(text.encode_utf16());
    marked.flat_map(bytes).collect()
}

#[test]
fn utf16_with_a_mark_is_decoded() {
    for big_endian in [false, true] {
        // U+0A0D and U+0D0A have the bytes of line ends.
        let bytes = utf16("a\u{a0d},\u{d0a}\r\n😀\n\nb", big_endian);
        assert_eq!(
            texts(&bytes, None),
            ["a\u{a0d},\u{d0a}\r\n", "😀\n", "\n", "b"]
        );
    }
}

#[test]
fn a_stated_encoding_is_decoded() {
    assert_eq!(
        texts(b"J\xFCrgen;\x80\r\nx", Some("windows-1252")),
        ["Jürgen;€\r\n", "x"]
    );
    assert_eq!(texts(b"i\0\n\0j\0", Some("utf-16le")), ["i\n", "j"]);
}

#[test]
fn cr_alone_ends_lines_if_it_ends_the_first() {
    assert_eq!(
        texts(b"a,b\r1,2\r\n3,4\n5,6", None),
        ["a,b\r", "1,2\r\n", "3,4\n", "5,6"]
    );
    assert_eq!(texts(b"a,b\n1,2\r3,4\n", None), ["a,b\n", "1,2\r3,4\n"]);
    assert_eq!(
        texts(b"\"a\nx\",b\r1,2\r", None),
        ["\"a\n", "x\",b\r", "1,2\r"],
        "the line end within quotes does not decide"
    );
    assert_eq!(texts(&utf16("a\rb\r", true), None), ["a\r", "b\r"]);
}

#[test]
fn a_line_that_does_not_fit_has_a_reason_until_the_next_record_starts() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"J\xFCrgen\nAda\n").unwrap();
    let mut lines = Lines::open(file.path(), EncodingChoice::default()).unwrap();
    let mut line = Vec::new();
    lines.start();
    lines.read(&mut line).unwrap();
    assert_eq!(str::from_utf8(&line).unwrap(), "J\u{FFFD}rgen\n");
    assert!(
        lines
            .take_misfit()
            .unwrap()
            .contains("--encoding windows-1252")
    );
    lines.start();
    lines.read(&mut line).unwrap();
    assert_eq!(lines.take_misfit(), None);
}

#[test]
fn the_text_of_a_place_is_decoded() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"J\xFCrgen\r\nAda\n").unwrap();
    let stated = EncodingChoice::stated(Some("latin1".parse().unwrap()));
    let (encoding, _) = LineEncoding::of_file(b"", stated).unwrap();
    let place = Place {
        line: 1,
        offset: 0,
        length: 8,
    };
    assert_eq!(place.text(file.as_file(), encoding).unwrap(), "Jürgen");
}

proptest! {
    /// Reading from every position gives the rest of the lines, for all encodings and line ends.
    #[test]
    fn positions_can_be_resumed_from(
        rows in prop::collection::vec("[a-z,;éß€ ]{0,9}", 1..6),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        label in prop::sample::select(vec!["utf-8", "windows-1252", "utf-16le", "utf-16be"]),
    ) {
        let text: String = rows.iter().map(|row| format!("{row}{end}")).collect();
        let bytes = match label {
            "utf-16le" => utf16(&text, false),
            "utf-16be" => utf16(&text, true),
            _ => {
                let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
                encoding.encode(&text).0.into_owned()
            }
        };
        let all = lines(&bytes, Some(label));
        prop_assert_eq!(all.len(), rows.len());
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        for (index, (line, after)) in all.iter().enumerate() {
            prop_assert_eq!(line, &format!("{}{end}", rows[index]));
            prop_assert_eq!(after.line, index as u64 + 1);
            let mut lines = Lines::open(file.path(), EncodingChoice::stated(Some(label.parse().unwrap()))).unwrap();
            lines.seek(*after).unwrap();
            let mut next = Vec::new();
            lines.read(&mut next).unwrap();
            let wanted = all.get(index + 1).map(|(line, _)| line.as_str()).unwrap_or_default();
            prop_assert_eq!(String::from_utf8(next).unwrap(), wanted);
        }
    }
}
