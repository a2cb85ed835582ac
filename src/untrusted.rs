//! Text of another's making (a file, an option, a host), made harmless for where it lands.

/// Whether a character would act on a terminal, or hide or reorder text, instead of being shown.
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `text` for a terminal: what is unprintable is shown as an escape.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// What a host said, for a message: its first 500 characters as words on one line, without what is unprintable.
pub fn one_line(said: &[u8]) -> String {
    const LIMIT: usize = 500;
    let text = String::from_utf8_lossy(said);
    let words: String = text.chars().map(|c| if is_unprintable(c) { ' ' } else { c }).take(LIMIT).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` as one word of a POSIX shell, whatever is in it.
pub fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `text` as one string of PowerShell, whatever is in it: it takes typographic quotes for its own, too.
pub fn powershell_quoted(text: &str) -> String {
    let quote = |c: char| matches!(c, '\'' | '\u{2018}'..='\u{201b}');
    let doubled = text.chars().flat_map(|c| std::iter::repeat_n(c, if quote(c) { 2 } else { 1 }));
    format!("'{}'", doubled.collect::<String>())
}

/// `text` as character data or an attribute of XML 1.0, which has no control characters at all.
pub fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => safe.push(c),
        }
    }
    safe
}

/// `text` within a line of Markdown, a cell of a table among them: nothing of it is markup or HTML.
pub fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // An escape inside a table's cell would end it for some readers.
            '|' => safe.push_str("&#124;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' | '$' => safe.extend(['\\', c]),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(printable("è\u{1b}[2J\n\u{202e}\u{feff}"), r"è\u{1b}[2J\n\u{202e}\u{feff}");
    }

    #[test]
    fn what_a_host_said_fits_on_a_line() {
        assert_eq!(one_line(b"  no such\r\n\x1b[31mfile \xff"), "no such [31mfile \u{fffd}");
        assert_eq!(one_line(&[b'a'; 1000]).len(), 500);
    }

    #[test]
    fn a_word_of_a_shell_stays_one_word() {
        assert_eq!(shell_quoted("it's; rm -rf /"), r"'it'\''s; rm -rf /'");
    }

    #[test]
    fn a_string_of_powershell_stays_one_string() {
        assert_eq!(powershell_quoted("it's $(x) `n \u{2019}; rm"), "'it''s $(x) `n \u{2019}\u{2019}; rm'");
    }

    #[test]
    fn nothing_is_markup_in_markdown() {
        let hostile = "a|b <img src=x> [c](javascript:d) `e` **f** \n# g \u{202e}&amp;";
        let safe = r"a&#124;b &lt;img src=x&gt; \[c\](javascript:d) \`e\` \*\*f\*\* \\n\# g \\u{202e}&amp;amp;";
        assert_eq!(markdown(hostile), safe);
    }

    #[test]
    fn nothing_breaks_out_of_an_attribute_of_xml() {
        assert_eq!(xml("a<b>&\"c\"\n\u{1b}[2J\u{0}\u{ffff}è"), "a&lt;b&gt;&amp;&quot;c&quot;&#10;[2Jè");
    }
}
