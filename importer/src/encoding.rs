//! Encodings of text files: which one a file has, and decoding of single lines.

use std::borrow::Cow;
use std::str::FromStr;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const UTF_8_MARK: &[u8] = b"\xEF\xBB\xBF";
const UTF_16LE_MARK: &[u8] = b"\xFF\xFE";
const UTF_16BE_MARK: &[u8] = b"\xFE\xFF";
const UTF_32LE_MARK: &[u8] = b"\xFF\xFE\0\0";

/// Number of bytes at the start of a file that are searched for signs of another format.
const HEAD: usize = 4 << 10;

/// Encoding of a text file.
///
/// Its text form is a label of the WHATWG encoding standard in any case, such as `windows-1252`,
/// `utf-16le` or `shift_jis`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextEncoding(&'static Encoding);

/// What is known about a file's encoding before its mark is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct EncodingChoice {
    stated: Option<TextEncoding>,
    of_other_lines: Option<TextEncoding>,
}

impl EncodingChoice {
    /// All lines have this encoding; UTF-8 by default.
    pub(super) fn stated(stated: Option<TextEncoding>) -> Self {
        Self {
            stated,
            of_other_lines: None,
        }
    }

    /// Lines that are not UTF-8 have this encoding.
    pub(super) fn of_other_lines(encoding: Option<TextEncoding>) -> Self {
        // Text in the other encodings may be valid UTF-8 with another meaning.
        match encoding {
            Some(TextEncoding(encoding)) if encoding.is_ascii_compatible() => Self {
                stated: None,
                of_other_lines: Some(TextEncoding(encoding)),
            },
            stated => Self::stated(stated),
        }
    }
}

/// Encoding of the lines of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineEncoding {
    text: TextEncoding,
    /// Encoding of the lines that do not fit `text`.
    of_other_lines: Option<TextEncoding>,
}

impl LineEncoding {
    /// Returns the encoding of a file that begins with these bytes, and the length of its
    /// byte-order mark, as [`TextEncoding::of_file`].
    pub(super) fn of_file(
        head: &[u8],
        choice: EncodingChoice,
    ) -> Result<(Self, usize), &'static str> {
        let (text, mark) = TextEncoding::of_file(head, choice.stated)?;
        let of_other_lines = choice.of_other_lines.filter(|_| text.is_utf8());
        let encoding = Self {
            text,
            of_other_lines,
        };
        Ok((encoding, mark))
    }

    /// Returns the encoding of most lines.
    pub(super) fn text(self) -> TextEncoding {
        self.text
    }

    /// Decodes whole characters, as in a line. Returns `None` if the bytes do not fit.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        self.text
            .decode(bytes)
            .or_else(|| self.of_other_lines?.decode(bytes))
    }

    /// Decodes the bytes with a replacement character for everything that does not fit.
    pub(super) fn decode_lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        if self.of_other_lines.is_none() {
            return self.text.decode_lossy(bytes);
        }
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').map(|line| {
            self.decode(line)
                .unwrap_or_else(|| self.text.decode_lossy(line))
        });
        Cow::Owned(lines.collect())
    }
}

impl TextEncoding {
    /// Returns the encoding of a file that begins with these bytes, and the length of its
    /// byte-order mark. The mark outranks `stated`; without either, the file is UTF-8.
    ///
    /// # Errors
    /// Returns a sentence about the file if it is not text, or is UTF-16 without a mark.
    pub(super) fn of_file(
        head: &[u8],
        stated: Option<Self>,
    ) -> Result<(Self, usize), &'static str> {
        let head = &head[..head.len().min(HEAD)];
        if head.starts_with(UTF_32LE_MARK) {
            return Err("the file is UTF-32; save it as UTF-8");
        }
        let marks = [
            (UTF_8_MARK, UTF_8),
            (UTF_16LE_MARK, UTF_16LE),
            (UTF_16BE_MARK, UTF_16BE),
        ];
        if let Some((mark, encoding)) = marks.iter().find(|(mark, _)| head.starts_with(mark)) {
            return Ok((Self(encoding), mark.len()));
        }
        match stated {
            Some(encoding) if encoding.is_utf16() => return Ok((encoding, 0)),
            _ => refuse_binary(head)?,
        }
        Ok((stated.unwrap_or_default(), 0))
    }

    pub(super) fn is_utf8(self) -> bool {
        self.0 == UTF_8
    }

    pub(super) fn is_utf16(self) -> bool {
        self.0 == UTF_16LE || self.0 == UTF_16BE
    }

    /// Returns the number of bytes of a line end's character.
    pub(super) fn unit(self) -> usize {
        if self.is_utf16() { 2 } else { 1 }
    }

    /// Returns the code of a unit of this encoding.
    pub(super) fn code(self, unit: &[u8]) -> u16 {
        match *unit {
            [first, second] if self.0 == UTF_16BE => u16::from_be_bytes([first, second]),
            [first, second] => u16::from_le_bytes([first, second]),
            [byte] => byte.into(),
            // Half a character at the end of the file is no line end.
            _ => u16::MAX,
        }
    }

    /// Decodes whole characters, as in a line. Returns `None` if the bytes do not fit.
    fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        self.0
            .decode_without_bom_handling_and_without_replacement(bytes)
    }

    /// Decodes the bytes with a replacement character for everything that does not fit.
    fn decode_lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        self.0.decode_without_bom_handling(bytes).0
    }

    /// Returns the reason why a line with these bytes, which do not fit, is refused.
    pub(super) fn misfit(self, bytes: &[u8]) -> String {
        let name = self.0.name();
        let Err(error) = str::from_utf8(bytes) else {
            return format!("the line is not {name}; pass --encoding utf-8");
        };
        if !self.is_utf8() {
            return format!("the line is not {name}; --encoding must name the file's encoding");
        }
        let byte = bytes[error.valid_up_to()];
        let remedy = if is_likely_windows_1252(bytes) {
            "it looks like Windows-1252: pass --encoding windows-1252"
        } else {
            "pass --encoding with the file's encoding, such as windows-1252 or shift_jis"
        };
        format!("the line is not UTF-8 (byte \"{byte:02X}\"); {remedy}")
    }
}

impl Default for TextEncoding {
    fn default() -> Self {
        Self(UTF_8)
    }
}

impl FromStr for TextEncoding {
    type Err = String;

    fn from_str(label: &str) -> Result<Self, String> {
        Encoding::for_label_no_replacement(label.as_bytes())
            .map(Self)
            .ok_or_else(|| {
                "must be an encoding such as utf-8, windows-1252, iso-8859-2 or utf-16le".into()
            })
    }
}

impl Serialize for TextEncoding {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.0.name().to_ascii_lowercase())
    }
}

impl<'de> Deserialize<'de> for TextEncoding {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let label = String::deserialize(from)?;
        label.parse().map_err(serde::de::Error::custom)
    }
}

/// Returns the reason why a file that begins with these bytes is not text in any encoding; `None`
/// if it may be text.
pub fn binary_format(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"PK\x03\x04") {
        return Some(
            "the file is an Excel workbook or a ZIP archive, not text; open it and save it as \
             CSV (UTF-8)",
        );
    }
    let is_gzip = head.starts_with(b"\x1F\x8B");
    is_gzip.then_some("the file is compressed with gzip; decompress it first")
}

fn refuse_binary(head: &[u8]) -> Result<(), &'static str> {
    if let Some(reason) = binary_format(head) {
        return Err(reason);
    }
    let nuls = |first: usize| {
        let units = head.iter().skip(first).step_by(2);
        units.filter(|byte| **byte == 0).count()
    };
    // Western text in UTF-16 has a NUL in almost every character; some languages have them only in
    // blanks, digits and separators.
    let (even, odd) = (nuls(0), nuls(1));
    if (even + odd) * 16 < head.len().max(16) {
        return Ok(());
    }
    Err(if odd > even * 4 {
        "the file looks like UTF-16 without a byte-order mark; pass --encoding utf-16le, or save \
         it as UTF-8"
    } else if even > odd * 4 {
        "the file looks like UTF-16 without a byte-order mark; pass --encoding utf-16be, or save \
         it as UTF-8"
    } else {
        "the file is not text: it has NUL bytes"
    })
}

/// Returns true if the bytes beyond ASCII are letters and signs of Western European texts, at most
/// two in a row. Other alphabets and multi-byte encodings have longer runs.
fn is_likely_windows_1252(bytes: &[u8]) -> bool {
    let is_western = |byte: &u8| {
        matches!(byte,
            0x80 | 0x82 | 0x84 | 0x85 | 0x8A | 0x8C | 0x8E | 0x91..=0x97 | 0x99 | 0x9A | 0x9C
            | 0x9E..=0xA1 | 0xA3 | 0xA7 | 0xA9..=0xAB | 0xAE | 0xB0 | 0xB2..=0xB5 | 0xB7
            | 0xBA..=0xBF | 0xC0..=0xD6 | 0xD8..=0xF6 | 0xF8..=0xFF)
    };
    bytes
        .split(u8::is_ascii)
        .all(|run| run.len() <= 2 && run.iter().all(is_western))
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
