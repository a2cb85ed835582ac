//! A person's SSH key that signs: in a file, or in an agent that never shows it.

use super::secret;
use russh::keys::agent::client::AgentClient;
use ssh_key::{HashAlg, PrivateKey, PublicKey, Signature};
use std::error::Error;
use std::path::{Path, PathBuf};

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The key file cannot be used.
    #[error("the key file {} cannot be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no agent.
    #[error("no SSH agent signs: {0}")]
    Agent(String),
}

/// A private key from a file that nobody else may read.
///
/// # Errors
/// It cannot be read, is no key, or is protected by a passphrase: then an agent holds it.
pub fn key_file(path: &Path) -> Result<PrivateKey, SignerError> {
    let refuse = |source: Box<dyn Error + Send + Sync>| SignerError::File { path: path.to_owned(), source };
    let text = secret::private_file(path).map_err(refuse)?;
    let key = PrivateKey::from_openssh(text).map_err(|error| refuse(error.into()))?;
    if key.is_encrypted() {
        return Err(refuse("it is protected by a passphrase; add it to an SSH agent with ssh-add".into()));
    }
    Ok(key)
}

/// The signature of the agent at SSH_AUTH_SOCK with `key` over `data`.
///
/// # Errors
/// There is no agent, or it does not sign with this key.
pub async fn agent_signature(key: &PublicKey, data: &[u8]) -> Result<Signature, SignerError> {
    let refused = |error: russh::keys::Error| SignerError::Agent(error.to_string());
    let socket = std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty());
    let socket = socket.ok_or_else(|| SignerError::Agent("SSH_AUTH_SOCK is not set".to_owned()))?;
    let mut agent = AgentClient::connect_uds(socket).await.map_err(refused)?;
    let held = agent.request_identities().await.map_err(refused)?;
    if !held.iter().any(|identity| identity.public_key().key_data() == key.key_data()) {
        return Err(SignerError::Agent("it does not hold the key; add it with ssh-add".to_owned()));
    }
    let hash = key.algorithm().is_rsa().then_some(HashAlg::Sha512);
    agent.sign_request_signature(key, hash, data).await.map_err(refused)
}
