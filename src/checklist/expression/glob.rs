//! `Dell*`: a pattern of shells, without regular expressions and their costs.

use serde::{Serialize, Serializer};

/// A pattern: `*` stands for any text, `?` for one character; upper and lower case are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    source: String,
    pattern: Vec<char>,
}

impl Glob {
    /// The pattern `source`.
    pub fn new(source: &str) -> Self {
        Self { source: source.to_owned(), pattern: folded(source) }
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the whole of `text` fits; at most pattern times text steps.
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (&self.pattern, folded(text));
        let (mut p, mut t) = (0, 0);
        // Where the last star stands, and how much of the text it has taken so far.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some('?') => (p, t) = (p + 1, t + 1),
                Some(c) if text.get(t) == Some(c) => (p, t) = (p + 1, t + 1),
                _ => match star {
                    None => return false,
                    Some((at, taken)) => {
                        star = Some((at, taken + 1));
                        (p, t) = (at + 1, taken + 1);
                    }
                },
            }
        }
        pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
    }
}

fn folded(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

impl Serialize for Glob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_marks() {
        for (pattern, text) in
            [("*", ""), ("a*c", "abbc"), ("a*c", "ac"), ("*b*", "abc"), ("HPQ*", "hpqilo"), ("?", "è"), ("", "")]
        {
            assert!(Glob::new(pattern).matches(text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*c", "abcd"), ("?", ""), ("*b", "abc"), ("", "a")] {
            assert!(!Glob::new(pattern).matches(text), "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_pattern_times_text() {
        let began = std::time::Instant::now();
        assert!(!Glob::new(&"*a".repeat(200)).matches(&format!("{}b", "a".repeat(4000))));
        assert!(began.elapsed().as_secs() < 5);
    }
}
