//! The SSH side of a router: logins, channels, and the faults that a test asks for.

use super::router::Event;
use super::terminal::{After, Terminal};
use super::{Fault, Line, Shared, When};
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{Algorithm, PrivateKey, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Preferred, Pty};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;

/// What all routers of a test binary run on.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().thread_name("ios").build().unwrap()
    })
}

/// A host key that follows from `seed`.
pub fn host_key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

/// How the server speaks SSH; `legacy` as an IOS of 2010.
pub fn config(seed: u8, legacy: Option<PrivateKey>, key_only: bool) -> Config {
    let mut preferred = Preferred::default();
    let mut keys = vec![host_key(seed)];
    if let Some(rsa) = legacy {
        preferred.kex = Cow::Owned(vec![russh::kex::DH_G14_SHA1, russh::kex::DH_G1_SHA1]);
        preferred.cipher = Cow::Owned(vec![russh::cipher::AES_128_CBC, russh::cipher::AES_256_CBC]);
        preferred.mac = Cow::Owned(vec![russh::mac::HMAC_SHA1]);
        preferred.key = Cow::Owned(vec![Algorithm::Rsa { hash: None }]);
        keys = vec![rsa];
    }
    let methods: &[MethodKind] =
        if key_only { &[MethodKind::PublicKey] } else { &[MethodKind::PublicKey, MethodKind::Password] };
    Config {
        server_id: russh::SshId::Standard("SSH-2.0-Cisco-1.25".into()),
        methods: MethodSet::from(methods),
        auth_rejection_time: Duration::from_millis(20),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys,
        preferred,
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    }
}

/// A terminal with its connection.
struct Attached {
    terminal: Terminal,
    channel: ChannelId,
}

/// A connection.
pub struct Connection {
    pub shared: Arc<Shared>,
    pub id: usize,
    user: String,
    attached: Option<Attached>,
}

impl Connection {
    pub fn new(shared: Arc<Shared>, id: usize) -> Self {
        Self { shared, id, user: String::new(), attached: None }
    }

    fn new_terminal(&self) -> Terminal {
        let privileged = self.shared.accounts.iter().any(|account| account.name == self.user && account.privileged);
        let mut terminal = Terminal::new(self.id, &self.user, privileged, self.shared.enable.clone());
        terminal.monitor = self.shared.noisy;
        terminal
    }

    /// Keys from the other side, one after the other.
    async fn keys(&mut self, data: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        for byte in data {
            if self.shared.count_byte() {
                return Err(russh::Error::Disconnect);
            }
            let Some(attached) = &mut self.attached else { return Ok(()) };
            let (shown, line) = {
                let router = self.shared.router.lock().unwrap();
                attached.terminal.key(&router, *byte)
            };
            let channel = attached.channel;
            if self.shared.slow_echo > Duration::ZERO {
                tokio::time::sleep(self.shared.slow_echo).await;
            }
            if !shown.is_empty() {
                session.data(channel, shown.into_bytes())?;
                if self.shared.slow_echo > Duration::ZERO {
                    session.flush()?;
                }
            }
            if let Some(line) = line {
                self.line(&line, session).await?;
            }
        }
        Ok(())
    }

    async fn line(&mut self, line: &str, session: &mut Session) -> Result<(), russh::Error> {
        let shared = self.shared.clone();
        let Some(attached) = &mut self.attached else { return Ok(()) };
        let number = shared.count_line(line);
        let secret = !matches!(attached.terminal.ask, super::terminal::Ask::Command);
        let shown = if secret { "" } else { line };
        if shared.happens(&Line { router: &shared.name, number, text: shown, when: When::Before }) == Fault::Cut {
            return Err(russh::Error::Disconnect);
        }
        let (text, after) = {
            let mut router = shared.router.lock().unwrap();
            match shared.refusal(line) {
                Some(said) => {
                    (format!("{}\r\n{}", said.replace('\n', "\r\n"), attached.terminal.prompt(&router)), After::Stay)
                }
                None => {
                    shared.refresh(&mut router);
                    attached.terminal.carry_out(&mut router, line)
                }
            }
        };
        if shared.happens(&Line { router: &shared.name, number, text: shown, when: When::After }) == Fault::Cut {
            return Err(russh::Error::Disconnect);
        }
        if !text.is_empty() {
            session.data(attached.channel, text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes())?;
        }
        if after == After::Leave {
            session.exit_status_request(attached.channel, 0)?;
            session.eof(attached.channel)?;
            session.close(attached.channel)?;
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.sessions.lock().unwrap().retain(|session| session.id != self.id);
        if let Ok(mut router) = self.shared.router.lock()
            && router.lock == Some(self.id)
        {
            router.lock = None;
        }
    }
}

/// A session that can be told something.
pub struct Open {
    pub id: usize,
    pub handle: Handle,
    pub channel: ChannelId,
}

/// Tells what happened to all terminals.
pub fn announce(shared: &Shared, events: Vec<Event>) {
    for event in events {
        let sessions = shared.sessions.lock().unwrap();
        for open in sessions.iter() {
            let (handle, channel) = (open.handle.clone(), open.channel);
            let event = event.clone();
            runtime().spawn(async move {
                match event {
                    Event::Said(text) => {
                        let _ = handle.data(channel, format!("\n{text}").replace('\n', "\r\n").into_bytes()).await;
                    }
                    Event::Reloaded => {
                        let gone = russh::Disconnect::ByApplication;
                        let _ = handle.disconnect(gone, "reload".to_owned(), String::new()).await;
                    }
                }
            });
        }
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        Ok(self.shared.banner_login())
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let known = |account: &&super::Account| account.name == user && account.password.as_deref() == Some(password);
        self.user = user.to_owned();
        Ok(if self.shared.accounts.iter().any(|account| known(&account)) { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(if self.knows(user, offer.public_key) { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        self.user = user.to_owned();
        Ok(if self.knows(user, key.public_key) { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        let terminal = self.new_terminal();
        let prompt = {
            let router = self.shared.router.lock().unwrap();
            terminal.prompt(&router)
        };
        let open = Open { id: self.id, handle: session.handle(), channel };
        self.shared.sessions.lock().unwrap().push(open);
        session.data(channel, format!("{}\r\n{prompt}", self.shared.banner_motd()).into_bytes())?;
        self.attached = Some(Attached { terminal, channel });
        Ok(())
    }

    /// `ssh ROUTER 'show version'`: one command without a prompt.
    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        let mut terminal = self.new_terminal();
        terminal.length = 0;
        let line = String::from_utf8_lossy(data).into_owned();
        let text = {
            let mut router = self.shared.router.lock().unwrap();
            let shown = terminal.carry_out(&mut router, &line).0;
            let prompt = terminal.prompt(&router);
            shown.strip_suffix(&prompt).unwrap_or(&shown).to_owned()
        };
        session.data(channel, format!("\r\n{text}").into_bytes())?;
        session.exit_status_request(channel, 0)?;
        session.eof(channel)?;
        session.close(channel)
    }

    async fn data(&mut self, _channel: ChannelId, data: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.keys(data, session).await
    }
}

impl Connection {
    fn knows(&self, user: &str, key: &PublicKey) -> bool {
        let same = |text: &String| PublicKey::from_openssh(text).is_ok_and(|known| known.key_data() == key.key_data());
        self.shared.accounts.iter().any(|account| account.name == user && account.keys.iter().any(same))
    }
}
