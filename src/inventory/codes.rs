//! Codes of public registers and of SSH keys, with their check digits and lengths.

use super::form::Form;
use super::form::scalars::{scalar, text_like};
use super::problem::{Complaint, quote};
use super::shape::Shape;

/// Codice fiscale of a body: 11 digits, the last a check digit.
pub fn tax_code() -> impl Form<Value = String> {
    let shape = Shape::Text { pattern: Some("^[0-9]{11}$"), example: Some("80008840276") };
    scalar(shape, |text| {
        if !digits(text, 11) {
            return Err(Complaint::new(format!("{} is not the codice fiscale of a body", quote(text)))
                .hint("write its 11 digits in quotes, leading zeros included"));
        }
        if !luhn_holds(text) {
            return Err(Complaint::new(format!("the check digit of {} does not fit", quote(text)))
                .hint("a digit is mistyped or two are exchanged; compare with the index of public administrations"));
        }
        Ok(text.to_owned())
    })
}

/// ISTAT code of a municipality: 6 digits.
pub fn istat() -> impl Form<Value = String> {
    text_like("^[0-9]{6}$", "027009", "an ISTAT code (6 digits, in quotes)", |text| digits(text, 6))
}

/// Cadastral code (Belfiore): a letter and three digits.
pub fn cadastral() -> impl Form<Value = String> {
    text_like("^[A-Z][0-9]{3}$", "C714", "a cadastral code (a capital letter and three digits)", |text| {
        text.strip_prefix(|first: char| first.is_ascii_uppercase()).is_some_and(|rest| digits(rest, 3))
    })
}

/// Code in the index of public administrations.
pub fn ipa() -> impl Form<Value = String> {
    text_like("^[a-z0-9_]{1,20}$", "c_c714", "a code of IndicePA (small letters, digits and `_`)", |text| {
        (1..=20).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

/// Postal code, or a range of them: `30121-30176`.
pub fn cap() -> impl Form<Value = String> {
    text_like("^[0-9]{5}(-[0-9]{5})?$", "30020", "a postal code (5 digits, in quotes)", |text| {
        match text.split_once('-') {
            Some((from, until)) => digits(from, 5) && digits(until, 5) && from < until,
            None => digits(text, 5),
        }
    })
}

/// A mail address.
pub fn mail() -> impl Form<Value = String> {
    text_like("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", "protocollo@pec.comune.example", "a mail address", |text| {
        text.split_once('@').is_some_and(|(user, domain)| {
            !user.is_empty()
                && domain.contains('.')
                && !domain.contains('@')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && !text.contains(char::is_whitespace)
        })
    })
}

/// A web address.
pub fn url() -> impl Form<Value = String> {
    text_like("^https?://[^\\s/]+.*$", "https://comune.example", "a web address (http:// or https://)", |text| {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        rest.is_some_and(|rest| {
            !rest.is_empty()
                && !rest.starts_with('/')
                && !rest.contains(|c: char| c.is_whitespace() || "\"'<>\\`".contains(c))
        })
    })
}

/// Fingerprint of a host key, as `ssh-keygen -l` prints it.
pub fn fingerprint() -> impl Form<Value = String> {
    const EXAMPLE: &str = "SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDd2QTo5fHDVp7bYqc";
    text_like("^SHA256:[A-Za-z0-9+/]{43}$", EXAMPLE, "a host key fingerprint (`SHA256:` and 43 characters)", |text| {
        text.strip_prefix("SHA256:").is_some_and(|rest| {
            rest.len() == 43 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
        })
    })
}

fn digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The mod-10 check of a codice fiscale or partita IVA of 11 digits (DM 23 December 1976): every
/// second digit counts double, minus 9 above 9.
fn luhn_holds(text: &str) -> bool {
    let weigh = |(index, byte): (usize, u8)| {
        let digit = u32::from(byte - b'0');
        let doubled = digit * 2;
        match (index % 2, doubled > 9) {
            (0, _) => digit,
            (_, true) => doubled - 9,
            (_, false) => doubled,
        }
    };
    text.bytes().enumerate().map(weigh).sum::<u32>() % 10 == 0
}
