//! The session: a cookie in memory, made again when it ends, and never shown.

use reqwest::header::HeaderValue;
use std::fmt;

/// A session's cookie.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::world) struct Cookie {
    name: &'static str,
    value: String,
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(…)")
    }
}

impl Cookie {
    /// Finds the one called `name` among the cookies of an answer.
    pub(in crate::world) fn read(cookies: &[HeaderValue], name: &'static str) -> Option<Self> {
        let value = |cookie: &HeaderValue| {
            let first = cookie.to_str().ok()?.split(';').next()?;
            let (own, value) = first.split_once('=')?;
            let value = value.trim();
            (own.trim() == name && !value.is_empty()).then(|| Self { name, value: value.to_owned() })
        };
        cookies.iter().find_map(value)
    }

    /// As a header, which nobody prints.
    pub(in crate::world) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("{}={}", self.name, self.value)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Where we stand with the server.
#[derive(Debug)]
pub(in crate::world) enum State {
    /// Not logged in, or not any more.
    Out,
    /// Logged in.
    In(Cookie),
    /// The login was refused: another attempt might lock the account.
    Refused,
}

/// A session, and which one it is: a call that finds it ended ends no later one.
#[derive(Debug)]
pub(in crate::world) struct Session {
    pub(in crate::world) generation: u64,
    pub(in crate::world) state: State,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_and_never_shown() {
        let header = |text| HeaderValue::from_static(text);
        let cookies = [header("other=1"), header("vmware_soap_session=\"5f-secret\"; Path=/; HttpOnly; Secure;")];
        let cookie = Cookie::read(&cookies, "vmware_soap_session").unwrap();
        assert_eq!(cookie.header().unwrap(), "vmware_soap_session=\"5f-secret\"");
        assert!(cookie.header().unwrap().is_sensitive());
        assert_eq!(format!("{cookie:?} {:?}", cookie.header()), "Cookie(…) Some(Sensitive)");
        let none = [header("vmware_soap_session=; Path=/"), header("x")];
        assert_eq!(Cookie::read(&none, "vmware_soap_session"), None);
    }
}
