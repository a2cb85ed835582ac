//! Cells of spreadsheets: text never becomes a formula.

/// `text` for a cell. A spreadsheet takes what begins with `=`, `+`, `-`, `@`, a tab or a carriage
/// return for a formula; an apostrophe makes it text. Other control characters become spaces.
pub fn text(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let visible = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    if formula { std::iter::once('\'').chain(visible).collect() } else { visible.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_a_formula() {
        for (found, expected) in [
            ("=1+1", "'=1+1"),
            ("+39 041", "'+39 041"),
            ("-", "'-"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "' =1"),
            ("\r=1", "' =1"),
            ("＝1", "'＝1"),
            ("Fino a 5", "Fino a 5"),
            ("a\nb", "a b"),
            ("", ""),
        ] {
            assert_eq!(text(found), expected);
        }
    }
}
