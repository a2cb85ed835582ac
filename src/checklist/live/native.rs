//! Questions to services, asked.

use super::name_server;
use super::reading::{Maybe as _, answer, milliseconds, no_answer, rounded};
use crate::checklist::expect::{Datum, Reading};
use crate::checklist::judge::{Answer, NoAnswer};
use crate::checklist::native::Native;
use crate::world::probe::{ProbeError, kerberos, ldap, locator, mtu, ntp, rdp, smb, tls};
use crate::world::vantage::Vantage;
use std::time::{Duration, Instant};

type Asked = Result<Answer, NoAnswer>;

/// Asks, and waits no longer than `deadline`.
pub(super) async fn ask(from: &Vantage, question: &Native<String>, deadline: Duration) -> Asked {
    match question {
        Native::Ldap { host, port } => directory(from, host, *port, deadline).await,
        Native::Kerberos { host, port, realm, name } => {
            let begun = Instant::now();
            let realm = match realm {
                Some(realm) => realm.clone(),
                None => domain(from, host, deadline).await?.to_uppercase(),
            };
            let left = deadline.saturating_sub(begun.elapsed());
            centre(kerberos::kerberos(from, host, *port, &realm, name, left).await)
        }
        Native::Smb { host, port } => files(smb::smb(from, host, *port, deadline).await),
        Native::Rdp { host, port } => desktop(rdp::rdp(from, host, *port, deadline).await),
        Native::Ntp { host, port } => clock(ntp::ntp(host, *port, deadline).await),
        Native::Tls { host, port, name } => certificate(tls::tls(from, host, *port, name.as_deref(), deadline).await),
        Native::Locator { server, service, domain } => locate(from, server, service, domain.as_deref(), deadline).await,
        Native::Mtu { host, most } => path(mtu::mtu(host, *most, deadline).await),
    }
}

async fn directory(from: &Vantage, host: &str, port: u16, deadline: Duration) -> Asked {
    let root = ldap::ldap(from, host, port, deadline).await.map_err(|error| no_answer(&error))?;
    let text = |name: &str| root.get(name).map(|value| Datum::Text(value.to_owned()));
    let number = |name: &str| root.get(name)?.parse().ok().filter(|number: &f64| number.is_finite()).map(Datum::Number);
    let flag = |name: &str| root.get(name).map(|value| Datum::Flag(value.eq_ignore_ascii_case("true")));
    let reading = Reading::default()
        .maybe("domain", root.domain().map(Datum::Text))
        .maybe("naming_context", text("defaultNamingContext"))
        .maybe("dns_name", text("dnsHostName"))
        .maybe("service_name", text("dsServiceName"))
        .maybe("usn", number("highestCommittedUSN"))
        .maybe("catalog", flag("isGlobalCatalogReady"))
        .maybe("synchronized", flag("isSynchronized"))
        .maybe("level", number("domainFunctionality"))
        .maybe("skew", root.skew.map(|skew| rounded(skew, 1)))
        .with("ms", milliseconds(root.took));
    Ok(answer(reading, root.text().into_bytes(), root.took))
}

/// The domain that the directory server of `host` serves.
async fn domain(from: &Vantage, host: &str, deadline: Duration) -> Result<String, NoAnswer> {
    let root = ldap::ldap(from, host, ldap::PORT, deadline).await.map_err(|error| NoAnswer {
        reason: format!("its directory does not say which domain it serves: {}", no_answer(&error).reason),
        ..no_answer(&error)
    })?;
    let reason = || format!("the directory of {host} names no domain");
    root.domain().ok_or_else(|| NoAnswer { reason: reason(), unreachable: false })
}

fn centre(asked: Result<kerberos::Answer, ProbeError>) -> Asked {
    let said = asked.map_err(|error| no_answer(&error))?;
    let reading = Reading::default()
        .with("alive", Datum::Flag(said.alive))
        .maybe("udp", said.udp.map(Datum::Flag))
        .with("tcp", Datum::Flag(said.tcp))
        .maybe("error", u32::try_from(said.error).ok().map(|error| Datum::Number(error.into())))
        .maybe("realm", said.realm.clone().map(Datum::Text))
        .maybe("skew", said.skew.map(|skew| rounded(skew, 1)))
        .with("ms", milliseconds(said.took));
    let raw = format!("{said:?}").into_bytes();
    Ok(answer(reading, raw, said.took))
}

fn files(asked: Result<smb::Negotiated, ProbeError>) -> Asked {
    let said = asked.map_err(|error| no_answer(&error))?;
    let signing = match said.signing {
        smb::Signing::Required => "required",
        smb::Signing::Enabled => "enabled",
        smb::Signing::Disabled => "disabled",
    };
    let reading = Reading::default()
        .with("dialect", Datum::Text(said.dialect.to_owned()))
        .maybe("old", said.old.map(Datum::Flag))
        .with("signing", Datum::Text(signing.to_owned()))
        .maybe("guid", said.guid.clone().map(Datum::Text))
        .maybe("skew", said.skew.map(|skew| rounded(skew, 1)))
        .with("ms", milliseconds(said.took));
    Ok(answer(reading, format!("{said:?}").into_bytes(), said.took))
}

fn desktop(asked: Result<rdp::Desktop, ProbeError>) -> Asked {
    let said = asked.map_err(|error| no_answer(&error))?;
    let reading = Reading::default()
        .with("protocol", Datum::Text(said.protocol.to_owned()))
        .with("nla_only", Datum::Flag(said.nla_only))
        .with("ms", milliseconds(said.took));
    Ok(answer(reading, format!("{said:?}").into_bytes(), said.took))
}

fn clock(asked: Result<ntp::Clock, ProbeError>) -> Asked {
    let said = asked.map_err(|error| no_answer(&error))?;
    let reading = Reading::default()
        .with("skew", rounded(said.offset.abs(), 3))
        .with("delay", rounded(said.delay * 1000.0, 1))
        .with("stratum", Datum::Number(said.stratum.into()))
        .with("synchronized", Datum::Flag(said.synchronised))
        .with("ms", milliseconds(said.took));
    Ok(answer(reading, format!("{said:?}").into_bytes(), said.took))
}

fn path(asked: Result<mtu::PathMtu, ProbeError>) -> Asked {
    let found = asked.map_err(|error| no_answer(&error))?;
    let reading = Reading::default()
        .with("mtu", Datum::Number(found.mtu.into()))
        .with("black_hole", Datum::Flag(found.black_hole));
    Ok(answer(reading, format!("{found:?}").into_bytes(), found.took))
}

fn certificate(asked: Result<tls::Shown, ProbeError>) -> Asked {
    let shown = asked.map_err(|error| no_answer(&error))?;
    let reading = Reading::default()
        .with("version", Datum::Text(shown.version.to_owned()))
        .with("subject", Datum::Text(shown.subject))
        .with("issuer", Datum::Text(shown.issuer))
        // One that is not valid yet is as useless as one that has expired.
        .with("days", if shown.early { Datum::Number(-1.0) } else { rounded(shown.days, 1) })
        .with("names", Datum::List(shown.names))
        .with("ms", milliseconds(shown.took));
    Ok(answer(reading, shown.der, shown.took))
}

async fn locate(from: &Vantage, server: &str, service: &str, named: Option<&str>, deadline: Duration) -> Asked {
    let begun = Instant::now();
    let server = name_server(from, server).await?;
    let domain = match named {
        Some(domain) => domain.to_owned(),
        None => domain(from, &server.host, deadline).await?,
    };
    let left = deadline.saturating_sub(begun.elapsed());
    let name = format!("{service}.{domain}");
    let located = locator::locate(from, &server, &name, left).await.map_err(|error| no_answer(&error))?;
    let part = |wanted: usize| {
        let part = |text: &String| text.split([':', ' ']).nth(wanted).unwrap_or_default().to_owned();
        Datum::List(located.found.iter().map(part).collect())
    };
    let raw = [located.found.as_slice(), &located.dead].concat().join("\n").into_bytes();
    let reading = Reading::default()
        .with("hosts", part(0))
        .with("addresses", part(2))
        .with("found", Datum::List(located.found.clone()))
        .with("dead", Datum::List(located.dead.clone()))
        .with("ms", milliseconds(begun.elapsed()));
    Ok(answer(reading, raw, begun.elapsed()))
}
