//! `multipart/encrypted` with `HTTP-SPNEGO-session-encrypted` (MS-WSMV 2.2.9.1): how sealed messages
//! lie in the body of an HTTP request or answer.
//!
//! The only type that the client sends over plain HTTP is [`Body`], and only a sealed message makes
//! one: nothing can go out in clear by mistake.

use super::seal::{SIGNATURE, Sealed};

/// The boundary that Windows itself uses, with its space.
const BOUNDARY: &str = "Encrypted Boundary";
/// How the parts are sealed.
const PROTOCOL: &str = "application/HTTP-SPNEGO-session-encrypted";
/// Most parts that we take from one answer.
const MOST_PARTS: usize = 64;
/// Longest head of a part.
const LONGEST_HEAD: usize = 1 << 10;

/// The body of a request over plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body(Vec<u8>);

impl Body {
    /// The type for the header `Content-Type`.
    pub(super) fn content_type() -> String {
        format!("multipart/encrypted;protocol=\"{PROTOCOL}\";boundary=\"{BOUNDARY}\"")
    }

    /// The body that carries `sealed`.
    pub(super) fn of(sealed: &Sealed) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\n\tContent-Type: {PROTOCOL}\r\n\tOriginalContent: \
             type=application/soap+xml;charset=UTF-8;Length={}\r\n--{BOUNDARY}\r\n\tContent-Type: \
             application/octet-stream\r\n",
            sealed.bytes.len()
        );
        let mut body = head.into_bytes();
        body.extend([SIGNATURE as u8, 0, 0, 0]);
        body.extend(sealed.signature);
        body.extend(&sealed.bytes);
        body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
        Self(body)
    }

    /// Its bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Why the body of an answer cannot be unsealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is not sealed at all.
    #[error("the answer is not sealed (it is {0})")]
    Clear(String),
    /// It is sealed by another method.
    #[error("the answer is sealed in a way that we do not know ({0})")]
    Method(String),
    /// It does not lie as it should.
    #[error("the sealed answer is broken ({0})")]
    Broken(&'static str),
}

/// The sealed messages in the body of an answer, in their order.
///
/// # Errors
/// It is not sealed, not by our method, or not in the form of it.
pub(super) fn sealed(content_type: &str, body: &[u8]) -> Result<Vec<Sealed>, EnvelopeError> {
    let boundary = boundary(content_type)?;
    let mut rest = body;
    let mut found = Vec::new();
    loop {
        let (sealed, after) = part(rest, &boundary)?;
        found.push(sealed);
        if after.starts_with(b"--") {
            return Ok(found);
        }
        if found.len() == MOST_PARTS {
            return Err(EnvelopeError::Broken("it has too many parts"));
        }
        // What follows is the end of a boundary: the next part begins with a whole one.
        rest = rest.get(rest.len() - after.len() - boundary.len()..).unwrap_or_default();
    }
}

/// The boundary, as the parts begin with it.
fn boundary(content_type: &str) -> Result<Vec<u8>, EnvelopeError> {
    let mut words = content_type.split(';').map(str::trim);
    let kind = words.next().unwrap_or_default();
    let known = ["multipart/encrypted", "multipart/x-multi-encrypted"];
    if !known.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        let shown = if kind.is_empty() { "nothing" } else { kind };
        return Err(EnvelopeError::Clear(shown.chars().take(80).collect()));
    }
    let (mut boundary, mut protocol) = (None, None);
    for (name, value) in words.filter_map(|word| word.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "boundary" => boundary = Some(value),
            "protocol" => protocol = Some(value),
            _ => {}
        }
    }
    if let Some(other) = protocol.filter(|protocol| !protocol.eq_ignore_ascii_case(PROTOCOL)) {
        return Err(EnvelopeError::Method(other.chars().take(80).collect()));
    }
    let boundary = boundary.filter(|boundary| !boundary.is_empty());
    let boundary = boundary.ok_or(EnvelopeError::Broken("its type names no boundary"))?;
    Ok([b"--", boundary.as_bytes()].concat())
}

/// One sealed message, and what follows the boundary after it.
fn part<'a>(body: &'a [u8], boundary: &[u8]) -> Result<(Sealed, &'a [u8]), EnvelopeError> {
    let broken = EnvelopeError::Broken;
    let after = body.strip_prefix(boundary).ok_or(broken("it does not begin with its boundary"))?;
    let (head, after) = until(after, boundary).ok_or(broken("its description has no end"))?;
    let length = original_length(head).ok_or(broken("its description tells no length"))?;
    let (_, after) = until(after, b"application/octet-stream\r\n").ok_or(broken("the sealed part is missing"))?;
    // By its lengths alone: a boundary among sealed bytes is chance.
    let (size, after) = after.split_first_chunk::<4>().ok_or(broken("it is cut off"))?;
    if u32::from_le_bytes(*size) != SIGNATURE as u32 {
        return Err(broken("its signature has a strange length"));
    }
    let (signature, after) = after.split_first_chunk::<SIGNATURE>().ok_or(broken("it is cut off"))?;
    let (bytes, after) = after.split_at_checked(length).ok_or(broken("it is cut off"))?;
    let after = after.strip_prefix(boundary).ok_or(broken("it is not as long as it says"))?;
    Ok((Sealed { signature: *signature, bytes: bytes.to_vec() }, after))
}

/// What stands before and after `mark`, which is looked for in the head of a part only.
fn until<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let searched = bytes.get(..LONGEST_HEAD.min(bytes.len()))?;
    let at = searched.windows(mark.len()).position(|window| window == mark)?;
    Some((bytes.get(..at)?, bytes.get(at + mark.len()..)?))
}

fn original_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    let (_, after) = head.split_once("Length=")?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example(bytes: &[u8]) -> Sealed {
        Sealed { signature: *b"0123456789abcdef", bytes: bytes.to_vec() }
    }

    #[test]
    fn the_body_lies_as_windows_has_it() {
        let body = Body::of(&example(b"\x01\x02")).into_bytes();
        let expected = b"--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\
            \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=2\r\n--Encrypted Boundary\r\n\
            \tContent-Type: application/octet-stream\r\n\x10\0\0\x000123456789abcdef\x01\x02--Encrypted Boundary--\r\n";
        assert_eq!(body, expected);
    }

    #[test]
    fn an_answer_in_clear_or_by_another_method_is_none() {
        let clear = sealed("application/soap+xml;charset=UTF-8", b"<s:Envelope/>").unwrap_err();
        assert_eq!(clear.to_string(), "the answer is not sealed (it is application/soap+xml)");
        let other = "multipart/encrypted;protocol=\"application/HTTP-Kerberos-session-encrypted\";boundary=\"B\"";
        assert!(matches!(sealed(other, b""), Err(EnvelopeError::Method(_))));
        let cut = Body::of(&example(b"abc")).into_bytes();
        for length in 0..cut.len() - 4 {
            assert!(sealed(&Body::content_type(), &cut[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn an_answer_may_have_several_parts() {
        let one = Body::of(&example(b"one")).into_bytes();
        let two = Body::of(&example(b"--Encrypted Boundary--")).into_bytes();
        let joined = [&one[..one.len() - 24], &two].concat();
        let found = sealed(&Body::content_type(), &joined).unwrap();
        assert_eq!(found, [example(b"one"), example(b"--Encrypted Boundary--")]);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let packed = Body::of(&example(&bytes)).into_bytes();
            prop_assert_eq!(sealed(&Body::content_type(), &packed).unwrap(), vec![example(&bytes)]);
        }

        #[test]
        fn no_body_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in "\\PC{0,60}") {
            let _ = sealed(&Body::content_type(), &bytes);
            let _ = sealed(&kind, &bytes);
        }

        #[test]
        fn no_damaged_body_panics(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
            let mut packed = Body::of(&example(b"some bytes")).into_bytes();
            let at = at.index(packed.len());
            packed[at] = byte;
            let _ = sealed(&Body::content_type(), &packed);
        }
    }
}
