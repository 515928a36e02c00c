//! Whether what follows the last whole command of an append-only file is explained by a write
//! that was interrupted.

/// What the end of the file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The beginning of a command or transaction, and nothing after it.
    Interrupted,
    /// Something else; what.
    Damaged(&'static str),
}

/// Why reading a command stopped.
enum Stop {
    /// The bytes ended.
    End,
    /// They do not have the form of a command.
    Malformed,
    /// A length reaches beyond the end, over what looks like further commands.
    Swallowed,
}

/// Judges the bytes from the first command that is not whole, or from the `MULTI` of the
/// transaction that is not.
///
/// NULs at the very end are what a file system leaves of a write that a power cut interrupted.
pub(super) fn judge(bytes: &[u8]) -> Verdict {
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
            Ok(_) => return Verdict::Damaged("whole commands follow a broken one"),
            Err(Stop::End) => return Verdict::Interrupted,
            Err(Stop::Malformed) => {
                return Verdict::Damaged("what follows has not the form of a command");
            }
            Err(Stop::Swallowed) => {
                return Verdict::Damaged("a wrong length, or commands inside a value");
            }
        }
    }
}

/// Reads `*<count>\r\n` and that many `$<length>\r\n<bytes>\r\n`; returns the first of them.
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

/// Values in the log are JSON, in which a line break is always escaped; a line break and the
/// head of a command can therefore only be a command.
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
            assert_eq!(judge(&SET[..cut]), Verdict::Interrupted, "{cut} bytes");
            let zeroed = [&SET[..cut], &[0; 9]].concat();
            assert_eq!(judge(&zeroed), Verdict::Interrupted, "{cut} bytes and NULs");
        }
    }

    #[test]
    fn any_beginning_of_a_transaction_is_an_interrupted_write() {
        let whole = [MULTI, SET, SET, EXEC].concat();
        for cut in 0..whole.len() {
            assert_eq!(judge(&whole[..cut]), Verdict::Interrupted, "{cut} bytes");
        }
        assert!(matches!(judge(&whole), Verdict::Damaged(_)));
    }

    #[test]
    fn damage_before_other_commands_is_not() {
        let with = |from: &[u8], to: &[u8]| {
            let text = String::from_utf8([SET, SET].concat()).unwrap();
            let (from, to) = (str::from_utf8(from).unwrap(), str::from_utf8(to).unwrap());
            judge(text.replacen(from, to, 1).as_bytes())
        };
        for (from, to) in [
            ("*3", "X3"),
            ("$3", "#3"),
            ("$2", "$7"),
            ("$2", "$20000"),
            ("*3", "*9"),
        ] {
            let verdict = with(from.as_bytes(), to.as_bytes());
            assert!(matches!(verdict, Verdict::Damaged(_)), "{from} → {to}");
        }
        assert!(matches!(judge(SET), Verdict::Damaged(_)));
    }
}
