//! Logging in: agent, key file, password. A secret is read when it is needed and never printed.

use super::transport::{Client, Lost};
use super::trouble::Trouble;
use super::trust::Trust;
use crate::model::server::{Access, Login, SecretRef};
use crate::world::{ShellError, secret};
use russh::MethodKind;
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// Rounds of questions that a keyboard-interactive login may ask.
const ROUNDS: usize = 5;

/// One login on one connection.
pub(super) struct Attempt<'a> {
    pub(super) handle: &'a mut Handle<Client>,
    pub(super) access: &'a Access,
    pub(super) trust: &'a Trust,
    pub(super) lost: &'a Lost,
}

impl Attempt<'_> {
    /// Logs in the way the inventory says.
    pub(super) async fn log_in(mut self) -> Result<(), ShellError> {
        match &self.access.login {
            Login::Agent => self.with_agent().await,
            Login::Key(path) => self.with_key(path).await,
            Login::Password(secret) => self.with_password(secret).await,
        }
    }

    async fn with_agent(&mut self) -> Result<(), ShellError> {
        let what = "SSH agent (SSH_AUTH_SOCK)";
        let socket = self.trust.agent.as_deref().ok_or_else(|| self.secret(what, "the variable is not set"))?;
        let mut agent = AgentClient::connect_uds(socket).await.map_err(|error| self.secret(what, error))?;
        let identities = agent.request_identities().await.map_err(|error| self.secret(what, error))?;
        let keys: Vec<_> = identities
            .into_iter()
            .filter_map(|identity| match identity {
                AgentIdentity::PublicKey { key, .. } => Some(key),
                AgentIdentity::Certificate { .. } => None,
            })
            .collect();
        if keys.is_empty() {
            return Err(self.secret(what, "it holds no key; add one with ssh-add"));
        }
        let mut answer = None;
        for key in keys {
            let hash = if key.algorithm().is_rsa() { self.rsa_hash().await? } else { None };
            // The agent may decline one key (a confirmation, a lifetime) and still give the next.
            let Ok(result) = self.handle.authenticate_publickey_with(&self.access.user, key, hash, &mut agent).await
            else {
                continue;
            };
            if result.success() {
                return Ok(());
            }
            let over = self.handle.is_closed();
            answer = Some(result);
            if over {
                break;
            }
        }
        match answer {
            Some(result) => self.judge(result, "no key of the agent was accepted").await,
            None => Err(self.secret(what, "it signed with none of its keys")),
        }
    }

    async fn with_key(&mut self, path: &Path) -> Result<(), ShellError> {
        let path = self.trust.root.join(path);
        let what = format!("key file {}", path.display());
        let text = secret::private_file(&path).map_err(|error| self.secret(&what, error))?;
        let key = russh::keys::decode_secret_key(&text, None).map_err(|error| match error {
            russh::keys::Error::KeyIsEncrypted => {
                self.secret(&what, "it is protected by a passphrase; add it to an SSH agent and write `agent: true`")
            }
            error => self.secret(&what, error),
        })?;
        let hash = if key.algorithm().is_rsa() { self.rsa_hash().await? } else { None };
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        let result = self.handle.authenticate_publickey(&self.access.user, key).await;
        let result = result.map_err(|error| self.broken(error))?;
        self.judge(result, "the key was not accepted").await
    }

    /// The methods are asked for first: a wrong guess would count as a failed password.
    async fn with_password(&mut self, reference: &SecretRef) -> Result<(), ShellError> {
        let password = secret::password(reference, &self.trust.root)
            .map_err(|unreadable| self.secret(&unreadable.what, unreadable.source))?;
        let methods = match self.handle.authenticate_none(&self.access.user).await {
            Ok(AuthResult::Success) => return Ok(()),
            Ok(AuthResult::Failure { remaining_methods, .. }) => remaining_methods,
            Err(error) => return Err(self.broken(error)),
        };
        if methods.contains(&MethodKind::Password) {
            let result = self.handle.authenticate_password(&self.access.user, password).await;
            let result = result.map_err(|error| self.broken(error))?;
            return self.judge(result, "the password was not accepted").await;
        }
        if methods.contains(&MethodKind::KeyboardInteractive) {
            return self.answer_questions(password).await;
        }
        let refused = AuthResult::Failure { remaining_methods: methods, partial_success: false };
        self.judge(refused, "it takes no password").await
    }

    /// Answers the one hidden question with the password, and no other.
    async fn answer_questions(&mut self, password: String) -> Result<(), ShellError> {
        let mut password = Some(password);
        let mut response = self
            .handle
            .authenticate_keyboard_interactive_start(&self.access.user, None::<String>)
            .await
            .map_err(|error| self.broken(error))?;
        for _ in 0..ROUNDS {
            let prompts = match response {
                KeyboardInteractiveAuthResponse::Success => return Ok(()),
                KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success } => {
                    let refused = AuthResult::Failure { remaining_methods, partial_success };
                    return self.judge(refused, "the password was not accepted").await;
                }
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
            };
            let answers = match prompts.as_slice() {
                [] => Vec::new(),
                [prompt] if !prompt.echo && password.is_some() => password.take().into_iter().collect(),
                _ => return Err(self.refused("it asks for more than a password")),
            };
            response = self
                .handle
                .authenticate_keyboard_interactive_respond(answers)
                .await
                .map_err(|error| self.broken(error))?;
        }
        Err(self.refused("it does not stop asking"))
    }

    /// The hash with which the host takes RSA signatures; none is SHA-1, for hosts that know no other.
    async fn rsa_hash(&self) -> Result<Option<HashAlg>, ShellError> {
        let hash = self.handle.best_supported_rsa_hash().await.map_err(|error| self.broken(error))?;
        Ok(hash.flatten())
    }

    /// What the host's answer means, after `tried`.
    async fn judge(&mut self, answer: AuthResult, tried: &str) -> Result<(), ShellError> {
        let (methods, partial) = match answer {
            AuthResult::Success => return Ok(()),
            AuthResult::Failure { remaining_methods, partial_success } => (remaining_methods, partial_success),
        };
        if methods.is_empty() {
            // The session is over, or will be at once, and then knows why.
            let _ = (&mut *self.handle).await;
            return Err(match self.lost.farewell() {
                Some(message) => self.refused(&format!("{tried}, and it said: {message}")),
                None if self.lost.for_want_of_methods() => self.refused(&format!("{tried}; it takes nothing else")),
                None => self.lost.at(&self.access.host),
            });
        }
        let offered = methods.iter().map(<&str>::from).collect::<Vec<_>>().join(", ");
        if partial {
            return Err(self.refused(&format!("it wants a second factor ({offered}), which is not supported")));
        }
        Err(self.refused(&format!("{tried}; it takes {offered}")))
    }

    fn refused(&self, reason: &str) -> ShellError {
        let Access { host, user, .. } = self.access;
        ShellError::Login { host: host.clone(), user: user.clone(), reason: reason.to_owned() }
    }

    fn secret(&self, what: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> ShellError {
        ShellError::Secret { host: self.access.host.clone(), what: what.to_owned(), source: source.into() }
    }

    fn broken(&self, error: russh::Error) -> ShellError {
        match error {
            russh::Error::SendError | russh::Error::RecvError => self.lost.at(&self.access.host),
            other => Trouble::from(other).at(&self.access.host),
        }
    }
}
