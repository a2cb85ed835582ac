//! The session: a cookie in memory, made again when it ends, and never shown.

use super::wire::calls::COOKIE;
use reqwest::header::HeaderValue;
use std::fmt;

/// The value of a session's cookie.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Cookie(String);

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(…)")
    }
}

impl Cookie {
    /// Finds it among the cookies of an answer.
    pub(super) fn read(cookies: &[HeaderValue]) -> Option<Self> {
        let value = |cookie: &HeaderValue| {
            let first = cookie.to_str().ok()?.split(';').next()?;
            let (name, value) = first.split_once('=')?;
            (name.trim() == COOKIE && !value.trim().is_empty()).then(|| Self(value.trim().to_owned()))
        };
        cookies.iter().find_map(value)
    }

    /// As a header, which nobody prints.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("{COOKIE}={}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Where we stand with the server.
#[derive(Debug)]
pub(super) enum State {
    /// Not logged in, or not any more.
    Out,
    /// Logged in.
    In(Cookie),
    /// The login was refused: another attempt might lock the account.
    Refused,
}

/// A session, and which one it is: a call that finds it ended ends no later one.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) generation: u64,
    pub(super) state: State,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_and_never_shown() {
        let header = |text| HeaderValue::from_static(text);
        let cookies = [header("other=1"), header("vmware_soap_session=\"5f-secret\"; Path=/; HttpOnly; Secure;")];
        let cookie = Cookie::read(&cookies).unwrap();
        assert_eq!(cookie.header().unwrap(), "vmware_soap_session=\"5f-secret\"");
        assert!(cookie.header().unwrap().is_sensitive());
        assert_eq!(format!("{cookie:?} {:?}", cookie.header()), "Cookie(…) Some(Sensitive)");
        assert_eq!(Cookie::read(&[header("vmware_soap_session=; Path=/"), header("x")]), None);
    }
}
