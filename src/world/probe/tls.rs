//! Which certificate a server shows, and which TLS it speaks. Nothing is verified: a certificate of
//! the server itself, or one that has expired, is looked at like any other.

use super::certificate::certificate;
use super::{ProbeError, Stream, Vantage, connect, seconds_now, within};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, ProtocolVersion, SignatureScheme};
use std::io::{self, Cursor};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The port of TLS, where no other is named.
pub const PORT: u16 = 443;
const DAY: f64 = 86_400.0;

/// What a server shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// `1.2` or `1.3`.
    pub version: &'static str,
    /// Whom its certificate names.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// Days until it expires; below zero since it has.
    pub days: f64,
    /// Whether it is not valid yet.
    pub early: bool,
    /// The names and addresses that it is for.
    pub names: Vec<String>,
    /// The certificate itself.
    pub der: Vec<u8>,
    /// Time until the end of the handshake.
    pub took: Duration,
}

/// Shakes hands with `host`, as a client of `name` (else of `host` itself).
///
/// # Errors
/// [`ProbeError`]; TLS before 1.2 is not spoken.
pub async fn tls(
    from: &Vantage,
    host: &str,
    port: u16,
    name: Option<&str>,
    deadline: Duration,
) -> Result<Shown, ProbeError> {
    let target = format!("{host} port {port}");
    let name = name.unwrap_or(host);
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| ProbeError::Question { text: name.to_owned(), expected: "host name or address" })?;
    let tool = |error: rustls::Error| ProbeError::Tool { what: "the TLS library", source: error.into() };
    let started = Instant::now();
    let mut connection = ClientConnection::new(Arc::new(config().map_err(tool)?), server).map_err(tool)?;
    within(deadline, async {
        let unreachable = |error| ProbeError::unreachable(&target, error);
        let mut stream = connect(from, host, port, &target).await?;
        shake_hands(&mut connection, &mut stream).await.map_err(unreachable)
    })
    .await?;
    let took = started.elapsed();
    let der = connection.peer_certificates().and_then(|chain| chain.first()).map(|first| first.to_vec());
    let der = der.ok_or_else(|| ProbeError::nonsense(&target, "it shows no certificate"))?;
    let read = certificate(&der).map_err(|error| ProbeError::nonsense(&target, error))?;
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    let (from, until) = (read.from as f64, read.until as f64);
    let now = seconds_now();
    Ok(Shown {
        version: if connection.protocol_version() == Some(ProtocolVersion::TLSv1_3) { "1.3" } else { "1.2" },
        subject: read.subject,
        issuer: read.issuer,
        days: (until - now) / DAY,
        early: now < from,
        names: read.names,
        der,
        took,
    })
}

async fn shake_hands(connection: &mut ClientConnection, stream: &mut Stream) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    while connection.is_handshaking() {
        let mut ours = Vec::new();
        while connection.wants_write() {
            connection.write_tls(&mut ours)?;
        }
        stream.write_all(&ours).await?;
        if !connection.is_handshaking() {
            break;
        }
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it hung up in the middle of the handshake"));
        }
        let mut theirs = Cursor::new(buffer.get(..length).unwrap_or_default());
        while usize::try_from(theirs.position()).unwrap_or(length) < length {
            connection.read_tls(&mut theirs)?;
            connection.process_new_packets().map_err(io::Error::other)?;
        }
    }
    Ok(())
}

fn config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let looker = Arc::new(Looker { provider: provider.clone() });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(looker).with_no_client_auth())
}

/// Takes any certificate: nothing is sent to whom it names, it is only looked at.
#[derive(Debug)]
struct Looker {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    // That the server has the certificate's key is verified: a certificate can be copied.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, shown, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, shown, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
