//! The tokens of PowerShell, as far as a reader needs them who only wants to know what is called.
//!
//! Code inside double quotes (`"$(…)"`) is code. Where the reader is in doubt whether a word begins
//! a command, it says that it does: the rules then refuse what they do not know.

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// Where it is in the script, in bytes.
    pub(super) at: usize,
    pub(super) text: &'a str,
    pub(super) kind: TokenKind,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A word that begins a command, or a keyword; also `&` and `.`, which call something.
    Command,
    /// A name after `.` or `::`.
    Member,
    /// A type in square brackets, without them.
    Type,
    /// `-eq`, `=`, `>`, `&&`, `|` and the like.
    Operator,
    /// `-Name` of a command.
    Parameter,
    /// A variable, with its `$`.
    Variable,
    /// A comment.
    Comment,
    /// A string, a number, or a word that is an argument.
    Text,
    /// Brackets, commas, ends of statements.
    Other,
}

const OPERATORS: &[&str] = &[
    "eq",
    "ne",
    "gt",
    "ge",
    "lt",
    "le",
    "like",
    "notlike",
    "match",
    "notmatch",
    "contains",
    "notcontains",
    "replace",
    "split",
    "join",
    "and",
    "or",
    "xor",
    "not",
    "is",
    "isnot",
    "as",
    "f",
    "band",
    "bor",
    "bxor",
    "bnot",
    "in",
    "notin",
    "shl",
    "shr",
];

/// The tokens of `script`, and where a quote or comment has no end.
pub(super) fn tokens(script: &str) -> (Vec<Token<'_>>, Option<usize>) {
    let mut lexer = Lexer { script, at: 0, tokens: Vec::new(), begins: true, braces: Vec::new(), unclosed: None };
    lexer.run(false);
    (lexer.tokens, lexer.unclosed)
}

struct Lexer<'a> {
    script: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
    /// Whether a word here begins a command.
    begins: bool,
    /// For each open bracket, whether it is that of a table (`@{`).
    braces: Vec<bool>,
    unclosed: Option<usize>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.script.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, length: usize, kind: TokenKind) {
        let text = self.script.get(self.at..self.at + length).unwrap_or_default();
        self.tokens.push(Token { at: self.at, text, kind });
        self.at += length;
        self.begins = false;
    }

    /// Reads to the end, or to the bracket that closes the code inside a string.
    fn run(&mut self, inside: bool) {
        let depth = self.braces.len();
        while let Some(c) = self.rest().chars().next() {
            if inside && c == ')' && self.braces.len() == depth {
                return;
            }
            match c {
                '\n' | ';' => {
                    self.push(1, TokenKind::Other);
                    self.begins = true;
                }
                // A backtick joins the next line to this one.
                '`' => self.at += 1 + self.rest().chars().nth(1).map_or(0, char::len_utf8),
                c if c.is_whitespace() => self.at += c.len_utf8(),
                '#' => self.comment(self.rest().find('\n').unwrap_or(self.rest().len())),
                '<' if self.rest().starts_with("<#") => {
                    let length = self.closed(self.rest().find("#>").map(|end| end + 2));
                    self.comment(length);
                }
                '\'' => self.single(),
                '"' => self.double(),
                '@' if self.rest().starts_with("@'") || self.rest().starts_with("@\"") => self.here_string(),
                '$' => self.dollar(),
                '[' => self.bracket(),
                '{' | '(' | '@' => self.open(c),
                '}' | ')' | ']' => {
                    self.braces.pop();
                    self.push(1, TokenKind::Other);
                }
                '-' => self.dash(),
                '.' | ':' => self.dot(),
                '=' | '|' | '&' | '>' | '<' | '+' | '*' | '/' | '!' | '%' | '?' | ',' => self.sign(c),
                _ => self.word(),
            }
        }
        if inside {
            self.unclosed.get_or_insert(self.at);
        }
    }

    fn comment(&mut self, length: usize) {
        let begins = self.begins;
        self.push(length, TokenKind::Comment);
        self.begins = begins;
    }

    /// The length of something that must have an end.
    fn closed(&mut self, length: Option<usize>) -> usize {
        if length.is_none() {
            self.unclosed.get_or_insert(self.at);
        }
        length.unwrap_or(self.rest().len())
    }

    fn single(&mut self) {
        let mut end = 1;
        loop {
            let Some(quote) = self.rest().get(end..).and_then(|rest| rest.find('\'')) else {
                let length = self.closed(None);
                return self.push(length, TokenKind::Text);
            };
            end += quote + 1;
            if !self.rest().get(end..).is_some_and(|rest| rest.starts_with('\'')) {
                return self.push(end, TokenKind::Text);
            }
            end += 1;
        }
    }

    /// A string with code in it: the string comes before what it calls.
    fn double(&mut self) {
        let start = self.at;
        let place = self.tokens.len();
        self.push(1, TokenKind::Text);
        self.expanding(|rest| rest.starts_with('"') && !rest.starts_with("\"\""), 1, start);
        self.whole(place, start);
    }

    fn here_string(&mut self) {
        let start = self.at;
        if self.rest().starts_with("@'") {
            let length = self.closed(self.rest().find("\n'@").map(|end| end + 3));
            return self.push(length, TokenKind::Text);
        }
        let place = self.tokens.len();
        self.push(2, TokenKind::Text);
        self.expanding(|rest| rest.starts_with("\n\"@"), 3, start);
        self.whole(place, start);
    }

    /// Goes on to the end of a string, through the code in it.
    fn expanding(&mut self, ends: impl Fn(&str) -> bool, end: usize, start: usize) {
        while let Some(c) = self.rest().chars().next() {
            if ends(self.rest()) {
                self.at += end;
                return;
            }
            if self.rest().starts_with("$(") {
                self.at += 2;
                self.begins = true;
                self.run(true);
                self.at = (self.at + 1).min(self.script.len());
            } else if c == '`' || self.rest().starts_with("\"\"") {
                self.at += 1 + self.rest().chars().nth(1).map_or(0, char::len_utf8);
            } else {
                self.at += c.len_utf8();
            }
        }
        self.unclosed.get_or_insert(start);
    }

    /// Gives the string's token its whole text.
    fn whole(&mut self, place: usize, start: usize) {
        let text = self.script.get(start..self.at).unwrap_or_default();
        if let Some(token) = self.tokens.get_mut(place) {
            token.text = text;
        }
        self.begins = false;
    }

    fn dollar(&mut self) {
        let rest = self.rest();
        if rest.starts_with("$(") {
            return self.open('$');
        }
        if rest.starts_with("${") {
            let length = self.closed(rest.find('}').map(|end| end + 1));
            return self.push(length, TokenKind::Variable);
        }
        let name = |c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '?';
        let tail = rest.get(1..).unwrap_or_default();
        let mut length = tail.find(|c| !name(c)).unwrap_or(tail.len());
        // `$a::b` is a member of what is in `$a`.
        if let Some(colons) = tail.get(..length).and_then(|tail| tail.find("::")) {
            length = colons;
        }
        if length == 0 {
            length = tail.chars().next().filter(|c| matches!(c, '$' | '^')).map_or(0, char::len_utf8);
        }
        self.push(1 + length, TokenKind::Variable);
    }

    /// `[` of a type, or of an index.
    fn bracket(&mut self) {
        let attached = self.follows_directly();
        let inner = self.rest().get(1..).unwrap_or_default();
        let named = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '[' | ']' | ',' | ' ' | '`' | '+');
        let end =
            inner.find(|c| !named(c) || c == ']').filter(|end| inner.get(*end..).is_some_and(|r| r.starts_with(']')));
        match end {
            Some(end) if !attached && inner.starts_with(char::is_alphabetic) => {
                let begins = self.begins;
                self.at += 1;
                self.push(end, TokenKind::Type);
                self.at += 1;
                while self.rest().starts_with(']') {
                    self.at += 1;
                }
                self.begins = begins;
            }
            _ => {
                self.braces.push(false);
                self.push(1, TokenKind::Other);
            }
        }
    }

    /// Whether a value ends right before here.
    fn follows_directly(&self) -> bool {
        let before = self.script.get(..self.at).and_then(|before| before.chars().next_back());
        before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '}' | '\'' | '"'))
    }

    fn open(&mut self, c: char) {
        let table = self.rest().starts_with("@{");
        let length = if matches!(c, '$' | '@') && self.rest().get(1..).is_some_and(|r| r.starts_with(['(', '{'])) {
            2
        } else {
            1
        };
        if c != '@' || length == 2 {
            self.braces.push(table);
        }
        self.push(length, TokenKind::Other);
        self.begins = length == 2 || c != '@';
    }

    fn dash(&mut self) {
        let tail = self.rest().get(1..).unwrap_or_default();
        let length = tail.find(|c: char| !c.is_alphanumeric()).unwrap_or(tail.len());
        let name = tail.get(..length).unwrap_or_default().to_ascii_lowercase();
        let plain = name.strip_prefix(['c', 'i']).unwrap_or(&name);
        if !name.starts_with(char::is_alphabetic) {
            return self.push(1, TokenKind::Operator);
        }
        let operator = OPERATORS.contains(&name.as_str()) || OPERATORS.contains(&plain);
        self.push(1 + length, if operator { TokenKind::Operator } else { TokenKind::Parameter });
    }

    /// `.name`, `::name`, `..`, or `.` that runs a file.
    fn dot(&mut self) {
        let (signs, attached) = (if self.rest().starts_with("::") { 2 } else { 1 }, self.follows_directly());
        let tail = self.rest().get(signs..).unwrap_or_default();
        let length = tail.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tail.len());
        if self.rest().starts_with("..") {
            self.push(2, TokenKind::Operator);
        } else if attached && length > 0 && !self.in_word() {
            self.at += signs;
            self.push(length, TokenKind::Member);
        } else if attached && self.in_word() {
            self.word();
        } else if self.begins && signs == 1 {
            self.push(1, TokenKind::Command);
        } else if attached {
            // A member whose name is computed.
            self.push(signs, TokenKind::Operator);
        } else {
            self.word();
        }
    }

    /// Whether the token right before here is a word, which goes on.
    fn in_word(&self) -> bool {
        let last = self.tokens.last();
        last.is_some_and(|last| {
            let touches = last.at + last.text.len() == self.at;
            let quoted = last.text.ends_with(['\'', '"']);
            touches && !quoted && matches!(last.kind, TokenKind::Text | TokenKind::Command | TokenKind::Parameter)
        })
    }

    fn sign(&mut self, c: char) {
        if c == '/' && self.is_switch() {
            return self.word();
        }
        if self.begins && matches!(c, '%' | '?') {
            return self.push(1, TokenKind::Command);
        }
        let double = ["&&", "||", ">>", "??", "?."].iter().any(|two| self.rest().starts_with(two));
        if c == '&' && !double && self.begins {
            return self.push(1, TokenKind::Command);
        }
        self.push(if double { 2 } else { 1 }, TokenKind::Operator);
        self.begins = matches!(c, '=' | '|' | '&');
    }

    /// Whether the slash here begins a switch of a program.
    fn is_switch(&self) -> bool {
        let before = self.script.get(..self.at).and_then(|before| before.chars().next_back());
        let after = self.rest().chars().nth(1);
        before.is_some_and(char::is_whitespace) && after.is_some_and(char::is_alphabetic)
    }

    fn word(&mut self) {
        let rest = self.rest();
        let ends = |c: char| c.is_whitespace() || "(){};|&,'\"=<>`".contains(c) || (self.begins && c == '[');
        let first = rest.chars().next().map_or(0, char::len_utf8);
        // The bracket of an index closes what was opened before the word.
        let mut open = 0_usize;
        let closes = |c: char| {
            open += usize::from(c == '[');
            let closes = c == ']' && open == 0;
            open -= usize::from(c == ']' && open > 0);
            closes || ends(c)
        };
        let length = rest.find(closes).unwrap_or(rest.len()).max(first);
        let key = self.braces.last() == Some(&true)
            && rest.get(length..).is_some_and(|after| after.trim_start_matches([' ', '\t']).starts_with('='));
        let text = rest.get(..length).unwrap_or_default();
        let number = text.starts_with(|c: char| c.is_ascii_digit());
        let kind = if self.begins && !key && !number { TokenKind::Command } else { TokenKind::Text };
        self.push(length, kind);
        let goes_on = ["return", "in", "else", "do", "try", "finally", "throw", "begin", "process", "end", "exit"];
        self.begins = goes_on.iter().any(|word| text.eq_ignore_ascii_case(word));
    }
}
