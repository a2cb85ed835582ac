//! Pages for the smallest terminal that people use: no line is longer than 80 characters.

/// Characters of a line.
pub(super) const COLUMNS: usize = 80;

/// `text` with every line broken at its spaces; what follows is set two characters further in than its line.
/// A word that is longer than a line stays whole: it may be a command that is copied.
pub(super) fn wrapped(text: &str) -> String {
    text.lines().flat_map(|line| broken(line).into_iter().map(|line| line + "\n")).collect()
}

fn broken(line: &str) -> Vec<String> {
    if line.chars().count() <= COLUMNS {
        return vec![line.to_owned()];
    }
    let indent = line.chars().take_while(|c| *c == ' ').count();
    let mut lines = vec![" ".repeat(indent)];
    let mut length = indent;
    let mut begins = true;
    for word in line.split_whitespace() {
        let word_length = word.chars().count();
        if !begins && length + 1 + word_length > COLUMNS {
            lines.push(" ".repeat(indent + 2));
            (length, begins) = (indent + 2, true);
        }
        let Some(last) = lines.last_mut() else { break };
        if !begins {
            last.push(' ');
            length += 1;
        }
        last.push_str(word);
        length += word_length;
        begins = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_hang() {
        let text = format!("  {}\nshort\n", ["word"; 20].join(" "));
        let page = wrapped(&text);
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.chars().count() <= COLUMNS), "{page}");
        assert!(lines[0].starts_with("  word") && lines[1].starts_with("    word"), "{page}");
        assert_eq!(page.split_whitespace().count(), 21, "no word is lost");
    }

    #[test]
    fn a_long_word_stays_whole() {
        let word = "x".repeat(90);
        assert_eq!(wrapped(&format!("a {word} b")), format!("a\n  {word}\n  b\n"));
    }
}
