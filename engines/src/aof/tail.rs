//! Classification of the bytes after the last intact command of an append-only file: either an
//! interrupted write, or other damage.

/// Explanation of a broken end of file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TailVerdict {
    /// The beginning of a command or transaction, and nothing after it.
    Interrupted,
    /// Other damage, with its description.
    Damaged(&'static str),
}

/// Reason why reading a command stopped.
enum Stop {
    /// The bytes ended.
    End,
    /// The bytes do not have the form of a command.
    Malformed,
    /// A length reaches beyond the end, over what looks like further commands.
    Swallowed,
}

/// Classifies the bytes from the first incomplete command on, or from the `MULTI` of the first
/// incomplete transaction.
pub(super) fn classify(bytes: &[u8]) -> TailVerdict {
    // After a power failure a file system may leave NULs at the very end: the file has its new
    // length, but the data was not written.
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    let mut rest = &bytes[..end];
    let mut in_transaction = false;
    loop {
        match command(&mut rest) {
            Ok(name) if !in_transaction && name.eq_ignore_ascii_case(b"MULTI") => {
                in_transaction = true;
            }
            Ok(name) if in_transaction && !name.eq_ignore_ascii_case(b"EXEC") => {}
            Ok(_) => return TailVerdict::Damaged("complete commands follow a broken one"),
            Err(Stop::End) => return TailVerdict::Interrupted,
            Err(Stop::Malformed) => {
                return TailVerdict::Damaged("the next bytes are not a command");
            }
            Err(Stop::Swallowed) => {
                return TailVerdict::Damaged("a wrong length, or commands inside a value");
            }
        }
    }
}

/// Reads `*<count>\r\n` and that many values `$<length>\r\n<bytes>\r\n`. Returns the first value,
/// the command's name.
fn command<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Stop> {
    let count = number(rest, b'*')?;
    let mut name = None;
    for _ in 0..count {
        let length = number(rest, b'$')?;
        let value = bulk(rest, length)?;
        name.get_or_insert(value);
    }
    name.ok_or(Stop::Malformed)
}

fn number(rest: &mut &[u8], prefix: u8) -> Result<usize, Stop> {
    let (first, digits) = rest.split_first().ok_or(Stop::End)?;
    if *first != prefix {
        return Err(Stop::Malformed);
    }
    let length = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, after) = digits.split_at(length);
    *rest = after;
    newline(rest)?;
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or(Stop::Malformed)
}

fn bulk<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Stop> {
    let Some((value, after)) = rest.split_at_checked(length) else {
        return Err(if looks_like_commands(rest) {
            Stop::Swallowed
        } else {
            Stop::End
        });
    };
    *rest = after;
    newline(rest)?;
    Ok(value)
}

fn newline(rest: &mut &[u8]) -> Result<(), Stop> {
    match *rest {
        [b'\r', b'\n', after @ ..] => {
            *rest = after;
            Ok(())
        }
        [] | [b'\r'] => Err(Stop::End),
        _ => Err(Stop::Malformed),
    }
}

/// Returns true if the bytes contain a line break and the beginning of a command. Values in the
/// log are JSON, in which line breaks are escaped, so this cannot be part of a value.
fn looks_like_commands(bytes: &[u8]) -> bool {
    bytes
        .windows(4)
        .any(|part| part.starts_with(b"\r\n*") && part[3].is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &[u8] = b"*3\r\n$3\r\nset\r\n$2\r\nk1\r\n$12\r\nabcdefghijkl\r\n";
    const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
    const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

    #[test]
    fn any_beginning_of_a_command_is_an_interrupted_write() {
        for cut in 0..SET.len() {
            assert_eq!(
                classify(&SET[..cut]),
                TailVerdict::Interrupted,
                "{cut} bytes"
            );
            let zeroed = [&SET[..cut], &[0; 9]].concat();
            assert_eq!(
                classify(&zeroed),
                TailVerdict::Interrupted,
                "{cut} bytes and NULs"
            );
        }
    }

    #[test]
    fn any_beginning_of_a_transaction_is_an_interrupted_write() {
        let whole = [MULTI, SET, SET, EXEC].concat();
        for cut in 0..whole.len() {
            assert_eq!(
                classify(&whole[..cut]),
                TailVerdict::Interrupted,
                "{cut} bytes"
            );
        }
        assert!(matches!(classify(&whole), TailVerdict::Damaged(_)));
    }

    #[test]
    fn damage_before_other_commands_is_not() {
        let with = |from: &[u8], to: &[u8]| {
            let text = String::from_utf8([SET, SET].concat()).unwrap();
            let (from, to) = (str::from_utf8(from).unwrap(), str::from_utf8(to).unwrap());
            classify(text.replacen(from, to, 1).as_bytes())
        };
        for (from, to) in [
            ("*3", "X3"),
            ("$3", "#3"),
            ("$2", "$7"),
            ("$2", "$20000"),
            ("*3", "*9"),
        ] {
            let verdict = with(from.as_bytes(), to.as_bytes());
            assert!(matches!(verdict, TailVerdict::Damaged(_)), "{from} → {to}");
        }
        assert!(matches!(classify(SET), TailVerdict::Damaged(_)));
    }
}
