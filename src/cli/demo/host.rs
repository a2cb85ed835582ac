//! A stand-in for one of the town's machines: an SSH server on loopback, inside this process, that
//! runs commands with `/bin/sh` for the one key it was given.

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, ChannelId};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::process::Command;

/// A running host; dropped, it listens no more.
#[derive(Debug)]
pub(super) struct Host {
    /// The port it listens on, on 127.0.0.1.
    pub(super) port: u16,
    /// Fingerprint of its host key, `SHA256:…`.
    pub(super) fingerprint: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes a key pair from the system's random source.
pub(super) fn new_key() -> io::Result<PrivateKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(PrivateKey::from(Ed25519Keypair::from_seed(&seed)))
}

/// Writes a private key as OpenSSH does, readable by its owner only.
pub(super) fn write_key(key: &PrivateKey, path: &Path) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let text = key.to_openssh(russh::keys::ssh_key::LineEnding::LF).map_err(io::Error::other)?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

impl Host {
    /// Starts a host that lets only the owner of `client` in.
    pub(super) async fn start(client: PublicKey) -> io::Result<Self> {
        let key = new_key()?;
        let fingerprint = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let config = Arc::new(Config {
            keys: vec![key],
            nodelay: true,
            window_size: 16 << 20,
            auth_rejection_time_initial: Some(std::time::Duration::ZERO),
            ..Config::default()
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let visitor = Visitor { client: client.clone(), channels: HashMap::new() };
                let config = config.clone();
                tokio::spawn(async move {
                    if let Ok(session) = run_stream(config, stream, visitor).await {
                        let _ = session.await;
                    }
                });
            }
        });
        Ok(Self { port, fingerprint, task })
    }
}

/// One connection.
struct Visitor {
    client: PublicKey,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, _user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        let known = key.public_key.key_data() == self.client.key_data();
        Ok(if known { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        let Some(channel) = self.channels.remove(&id) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let command = String::from_utf8_lossy(command).into_owned();
        tokio::spawn(async move {
            // The visitor hears of a failure by the missing exit status.
            let _ = serve(channel, &command).await;
        });
        Ok(())
    }
}

/// Runs `command` with its three streams on the channel, then reports its exit status.
async fn serve(channel: Channel<Msg>, command: &str) -> Result<(), russh::Error> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return channel.close().await;
    };
    let (mut reader, writer) = channel.split();
    let input = tokio::spawn(async move {
        let mut from_visitor = reader.make_reader();
        // A command that does not read its input is no error; dropping `stdin` closes it.
        let _ = tokio::io::copy(&mut from_visitor, &mut stdin).await;
    });
    let (mut out, mut err) = (writer.make_writer(), writer.make_writer_ext(Some(1)));
    let streams = async {
        let (_, _) = tokio::join!(tokio::io::copy(&mut stdout, &mut out), tokio::io::copy(&mut stderr, &mut err));
    };
    streams.await;
    let status = child.wait().await?;
    input.abort();
    writer.exit_status(status.code().and_then(|code| u32::try_from(code).ok()).unwrap_or(255)).await?;
    writer.eof().await?;
    writer.close().await
}
