//! Where a script may hide that it could not read.

use super::lexer::{Token, TokenKind, tokens};

/// Where `script` first says that an error is not to be told, in bytes.
pub(in crate::checklist) fn silenced(script: &str) -> Option<usize> {
    let (tokens, _) = tokens(script);
    let hides = |place: &usize| {
        let before = place.checked_sub(1).and_then(|before| tokens.get(before));
        tokens.get(*place).is_some_and(|token| hides(token, before, tokens.get(place + 1)))
    };
    (0..tokens.len()).find(hides).and_then(|place| Some(tokens.get(place)?.at))
}

fn hides(token: &Token<'_>, before: Option<&Token<'_>>, after: Option<&Token<'_>>) -> bool {
    let said = after.map_or("", |after| after.text);
    let name = token.text.to_ascii_lowercase();
    match token.kind {
        // What goes on with an error (`Continue`) has told it.
        TokenKind::Parameter => is_error_action(&name) && !tells(said),
        TokenKind::Variable => name.ends_with("erroractionpreference"),
        TokenKind::Command => matches!(name.as_str(), "catch" | "trap"),
        TokenKind::Text => name == "catch" && before.is_some_and(|before| before.text == "}"),
        TokenKind::Operator => name == ">" && said != "&" && before.is_some_and(|before| before.text == "2"),
        _ => false,
    }
}

/// `-ErrorAction`, shortened as PowerShell allows, or by its other name.
fn is_error_action(name: &str) -> bool {
    name == "-ea" || (name.len() >= "-errora".len() && "-erroraction".starts_with(name))
}

fn tells(value: &str) -> bool {
    let value = value.trim_matches([':', '\'', '"']);
    ["stop", "continue", "1", "2"].iter().any(|known| value.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_an_error_is_found() {
        for script in [
            "Get-WmiObject X -ErrorAction SilentlyContinue",
            "Get-WmiObject X -ErrorAction:SilentlyContinue",
            "gwmi X -ea 0",
            "gwmi X -EA 'silentlycontinue' | % { $_.Name }",
            "gwmi X -errora $how",
            "$ErrorActionPreference = 'SilentlyContinue'; gwmi X",
            "$script:errorActionPreference = 0",
            "try { gwmi X } catch { }",
            "trap { continue } gwmi X",
            "\"$(gwmi X -ea SilentlyContinue)\"",
            "vssadmin list writers 2>$null",
        ] {
            assert!(silenced(script).is_some(), "{script}");
        }
        for script in [
            "Get-WmiObject X | % { $_.Name }",
            "Get-WmiObject X -ErrorAction Stop",
            "gwmi X -ea Continue -ErrorVariable told",
            "vssadmin list writers 2>&1",
            "'-ErrorAction SilentlyContinue'; 2 + 2",
            "netsh winhttp show proxy > $null",
        ] {
            assert_eq!(silenced(script), None, "{script}");
        }
        assert_eq!(silenced("gwmi A\ngwmi B -ea 0"), Some(14));
    }
}
