//! Tags of one cell.

/// Splits a cell into tags, without blanks around them. A tag in quotes may contain the separator;
/// a quote within it is doubled.
///
/// # Errors
/// Returns the rest of a sentence that begins with the text, if a quote is not closed or something
/// follows it that is not the separator.
pub(super) fn split_tags(text: &str, separator: char) -> Result<Vec<String>, String> {
    let mut tags = Vec::new();
    let mut rest = text;
    loop {
        let tag;
        (tag, rest) = match rest.trim_start().strip_prefix('"') {
            Some(quoted) => quoted_tag(quoted)?,
            None => {
                let end = rest.find(separator).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        let tag = tag.trim();
        if !tag.is_empty() {
            tags.push(tag.to_owned());
        }
        rest = rest.trim_start_matches(|one: char| one.is_whitespace() && one != separator);
        let Some(next) = rest.chars().next() else {
            return Ok(tags);
        };
        if next != separator {
            return Err(format!(
                "has {next:?} after a quoted tag; if that separates tags, pass --tag-separator {}",
                if next.is_ascii() {
                    format!("'{next}'")
                } else {
                    next.to_string()
                }
            ));
        }
        rest = &rest[next.len_utf8()..];
    }
}

/// Returns the tag whose first quote was removed, and the text after its last quote.
fn quoted_tag(text: &str) -> Result<(String, &str), String> {
    let mut tag = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest
            .split_once('"')
            .ok_or("has a quoted tag that is not closed")?;
        tag += part;
        match after.strip_prefix('"') {
            Some(after) => {
                tag.push('"');
                rest = after;
            }
            None => return Ok((tag, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str, separator: char) -> Vec<String> {
        split_tags(text, separator).unwrap()
    }

    #[test]
    fn tags_are_trimmed_and_may_be_quoted() {
        assert_eq!(tags("retail, ag-exempt", ','), ["retail", "ag-exempt"]);
        assert_eq!(tags(" new ; vip;", ';'), ["new", "vip"]);
        assert_eq!(tags(r#""VIP","Blog""#, ','), ["VIP", "Blog"]);
        assert_eq!(
            tags(r#" "a, b" , "5"" pipe",c"#, ','),
            ["a, b", "5\" pipe", "c"]
        );
        assert_eq!(tags("5\" pipe;x", ';'), ["5\" pipe", "x"]);
        assert_eq!(tags("a\tb", '\t'), ["a", "b"]);
        assert_eq!(tags(" ", ','), [""; 0]);
    }

    #[test]
    fn quotes_that_do_not_fit_are_errors() {
        let message = split_tags(r#""VIP","Blog""#, ';').unwrap_err();
        assert!(message.ends_with("pass --tag-separator ','"), "{message}");
        assert!(split_tags("\"VIP", ',').unwrap_err().contains("not closed"));
    }
}
