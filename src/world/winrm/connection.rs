//! A connection that is logged in: what is asked over it is sealed, or goes over TLS.

use super::envelope::{self, Body, EnvelopeError};
use super::ntlm::{self, Bound, Challenge, Credential, Fresh};
use super::seal::Seals;
use super::soap::Request;
use super::trouble::Trouble;
use super::wire::{Content, Reply, Wire};
use crate::model::server::WinrmAccess;
use crate::world::vantage::Vantage;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a host may wait before it answers; WinRM 2.0 allows a minute.
pub(super) const OPERATION: Duration = Duration::from_secs(20);
/// Seconds from the epoch of Windows to that of Unix.
const EPOCH: u64 = 11_644_473_600;

/// A connection that is logged in.
pub(super) struct Connection {
    wire: Wire,
    /// None over TLS, which seals by itself.
    seals: Option<Seals>,
    /// A request that was given up leaves its answer, and its seal, on the way.
    usable: bool,
}

impl Connection {
    /// Connects and logs in.
    pub(super) async fn open(from: &Vantage, access: &WinrmAccess, credential: &Credential) -> Result<Self, Trouble> {
        let mut wire = Wire::connect(from, access).await?;
        let negotiated = ntlm::negotiate();
        let first = wire.post(Some(&STANDARD.encode(&negotiated)), Content::Nothing).await?;
        let challenge = Challenge::read(&token(&first)?)?.stamped()?;
        let fresh = fresh()?;
        let service = format!("HTTP/{}", access.host);
        let bound = Bound { service: &service, channel: wire.channel() };
        let ours = ntlm::authenticate(credential, &negotiated, &challenge, &bound, &fresh);
        let last = wire.post(Some(&STANDARD.encode(ours)), Content::Nothing).await?;
        match last.status {
            200 => {}
            401 => return Err(Trouble::Login),
            status => return Err(Trouble::Status { request: "the login", status }),
        }
        let seals = (!wire.is_secure()).then(|| Seals::new(&fresh.session_key));
        Ok(Self { wire, seals, usable: true })
    }

    /// Whether more can be asked over it.
    pub(super) fn is_usable(&self) -> bool {
        self.usable && !self.wire.is_closed()
    }

    /// Asks, and gives the answer's message, which may be a fault.
    pub(super) async fn ask(&mut self, request: &Request<'_>) -> Result<Vec<u8>, Trouble> {
        self.usable = false;
        let message = request.envelope(&self.wire.url(), &uuid()?, OPERATION);
        let content = match &mut self.seals {
            Some(seals) => Content::Sealed(Body::of(&seals.seal(message.as_bytes()))),
            None => Content::Clear(message),
        };
        let reply = self.wire.post(None, content).await?;
        let answer = self.clear(request.name(), reply)?;
        self.usable = true;
        Ok(answer)
    }

    fn clear(&mut self, request: &'static str, reply: Reply) -> Result<Vec<u8>, Trouble> {
        match reply.status {
            401 => return Err(Trouble::Login),
            200 | 500 if !reply.body.is_empty() => {}
            status => return Err(Trouble::Status { request, status }),
        }
        let Some(seals) = &mut self.seals else { return Ok(reply.body) };
        let mut message = Vec::new();
        for sealed in envelope::sealed(reply.content_type(), &reply.body)? {
            message.extend(seals.unseal(&sealed)?);
        }
        Ok(message)
    }
}

/// The token of `Negotiate` in an answer.
fn token(reply: &Reply) -> Result<Vec<u8>, Trouble> {
    if reply.status != 401 {
        return Err(Trouble::Status { request: "the login", status: reply.status });
    }
    let token = reply.offers().find(|(name, token)| name.eq_ignore_ascii_case("Negotiate") && !token.is_empty());
    match token {
        Some((_, token)) => STANDARD.decode(token.trim()).map_err(|_| EnvelopeError::Broken("its token").into()),
        None => {
            let offers: Vec<String> = reply.offers().map(|(name, _)| name.chars().take(20).collect()).collect();
            Err(Trouble::NoNegotiate(if offers.is_empty() { "nothing".to_owned() } else { offers.join(", ") }))
        }
    }
}

fn fresh() -> Result<Fresh, Trouble> {
    let mut fresh = Fresh { nonce: [0; 8], session_key: [0; 16], time: 0 };
    getrandom::fill(&mut fresh.nonce).map_err(Trouble::Random)?;
    getrandom::fill(&mut fresh.session_key).map_err(Trouble::Random)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    fresh.time = (now.as_secs() + EPOCH) * 10_000_000;
    Ok(fresh)
}

/// A random UUID in capitals, as Windows writes them.
fn uuid() -> Result<String, Trouble> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(Trouble::Random)?;
    let number = u128::from_be_bytes(random) & !(0xf000_u128 << 64) & !(0xc000_u128 << 48);
    let digits = format!("{:032X}", number | 0x4000_u128 << 64 | 0x8000_u128 << 48);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    Ok(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_uuids_of_chance() {
        let (one, two) = (uuid().unwrap(), uuid().unwrap());
        assert_ne!(one, two);
        let parts: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{one}");
        assert!(one.split('-').nth(2).unwrap().starts_with('4'), "{one}");
    }
}
