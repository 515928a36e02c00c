use super::*;

fn of_file(head: &[u8]) -> Result<(&'static str, usize), &'static str> {
    TextEncoding::of_file(head, None).map(|(encoding, mark)| (encoding.0.name(), mark))
}

#[test]
fn a_byte_order_mark_outranks_the_stated_encoding() {
    assert_eq!(of_file(b"id,name"), Ok(("UTF-8", 0)));
    assert_eq!(of_file(b""), Ok(("UTF-8", 0)));
    assert_eq!(of_file(b"\xEF\xBB\xBFid"), Ok(("UTF-8", 3)));
    assert_eq!(of_file(b"\xFF\xFEi\0"), Ok(("UTF-16LE", 2)));
    assert_eq!(of_file(b"\xFE\xFF\0i"), Ok(("UTF-16BE", 2)));
    let stated = Some("Windows-1252".parse().unwrap());
    let found = |head: &[u8]| TextEncoding::of_file(head, stated).unwrap().0.0.name();
    assert_eq!(found(b"id"), "windows-1252");
    assert_eq!(found(b"\xFF\xFEi\0"), "UTF-16LE");
}

#[test]
fn files_that_are_not_text_are_refused_with_the_remedy() {
    let assert_refused = |head: &[u8], word: &str| {
        let message = of_file(head).unwrap_err();
        assert!(message.contains(word), "{message}");
    };
    assert_refused(b"i\0d\0,\0n\0\r\0\n\0", "UTF-16 without a byte-order mark");
    assert_refused(b"i\0d\0,\0n\0\r\0\n\0", "--encoding utf-16le");
    assert_refused(b"\0i\0d\0,\0n\0\r\0\n", "--encoding utf-16be");
    assert_refused(b"\xFF\xFE\0\0i\0\0\0", "UTF-32");
    assert_refused(b"PK\x03\x04\x14\0", "Excel");
    assert_refused(b"\x1F\x8B\x08", "gzip");
    assert_refused(&[0; 64], "NUL");
    assert!(of_file(b"one stray \0 in a long line of text does not matter").is_ok());
}

#[test]
fn a_misfit_names_the_likely_encoding() {
    let message = |bytes: &[u8]| TextEncoding::default().misfit(bytes);
    assert!(message(b"J\xFCrgen Gro\xDF, 5 \x80").ends_with("pass --encoding windows-1252"));
    assert!(message(b"J\xFCrgen").contains("(byte \"FC\")"));
    // Russian in windows-1251, and Japanese in Shift_JIS.
    assert!(message(b"\xC8\xE2\xE0\xED").contains("with the file's encoding"));
    assert!(message(b"\x93\xFA\x96\x7B\x8C\xEA").contains("with the file's encoding"));
}

#[test]
fn labels_are_those_of_the_web() {
    let name = |label: &str| {
        label
            .parse::<TextEncoding>()
            .map(|encoding| encoding.0.name())
    };
    assert_eq!(name("latin1").as_deref(), Ok("windows-1252"));
    assert_eq!(name("UTF-16").as_deref(), Ok("UTF-16LE"));
    assert!(name("ansi-ish").unwrap_err().contains("windows-1252"));
    let json = serde_json::to_string(&"UTF-8".parse::<TextEncoding>().unwrap()).unwrap();
    assert_eq!(json, "\"utf-8\"");
    assert_eq!(
        serde_json::from_str::<TextEncoding>("\"shift_jis\"")
            .unwrap()
            .0
            .name(),
        "Shift_JIS"
    );
}
