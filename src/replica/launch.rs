//! The agent's file: found here, put on a source, verified and started there.

use super::agent::FILE_PREFIX;
use super::chunk::Hash;
use super::elf::{self, Program};
use super::error::AgentError;
use super::link::AgentLink;
use crate::digest::{hex, sha256};
use crate::untrusted::one_line;
use crate::world::{Output, Pipe, Shell};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Name of the agent's file in a build.
const NAME: &str = "traghetto-agent";

/// Longest agent file; a development build has a few MB.
const MAX_AGENT: u64 = 64 << 20;

/// How long a short script on the host may take.
const SCRIPT: Duration = Duration::from_secs(30);

/// How long the push may take: 2 MB at 64 kbit/s.
const PUSH: Duration = Duration::from_secs(300);

/// The agent's executable file on this host.
#[derive(Debug, Clone)]
pub struct AgentBinary {
    path: PathBuf,
    content: Arc<[u8]>,
    program: Program,
}

/// Where an agent may be put and what may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StartOptions {
    /// Whether the source is this very host (demo, tests): a dynamically linked agent may run.
    pub loopback: bool,
    /// Whether the agent may be put on a disk of the source where no tmpfs allows execution.
    pub agent_on_disk: bool,
}

impl AgentBinary {
    /// Finds the agent: `env` (the value of `TRAGHETTO_AGENT`) and nothing else if it is set, otherwise
    /// `../agent/` and the folder of `exe`, our own program.
    ///
    /// # Errors
    /// Where there is none, or the file is no program.
    pub fn find(env: Option<&OsStr>, exe: &Path) -> Result<Self, AgentError> {
        let looked: Vec<PathBuf> = match (env, exe.parent()) {
            (Some(path), _) => vec![path.into()],
            (None, Some(folder)) => vec![folder.join("../agent").join(NAME), folder.join(NAME)],
            (None, None) => vec![NAME.into()],
        };
        match looked.iter().find(|path| path.is_file()) {
            Some(path) => Self::read(path),
            None => Err(AgentError::NotFound { looked }),
        }
    }

    fn read(path: &Path) -> Result<Self, AgentError> {
        let unusable = |reason: String| AgentError::Unusable { path: path.to_owned(), reason };
        let length = std::fs::metadata(path).map_err(|error| unusable(error.to_string()))?.len();
        if length > MAX_AGENT {
            return Err(unusable(format!("it has {length} bytes")));
        }
        let content = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let program = elf::inspect(&content).map_err(|reason| unusable(reason.to_owned()))?;
        Ok(Self { path: path.to_owned(), content: content.into(), program })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it runs on any Linux of its machine, without libraries of the host.
    pub fn is_static(&self) -> bool {
        !self.program.needs_loader
    }
}

/// Puts the agent on the host, verifies it, starts it and greets it.
///
/// The file lies in memory (a tmpfs), readable by its owner only, and removes itself once it runs.
///
/// # Errors
/// Where the host cannot be reached, offers no place, or runs something else.
pub async fn start<S: Shell>(shell: &S, agent: &AgentBinary, options: StartOptions) -> Result<AgentLink, AgentError> {
    if !agent.is_static() && !options.loopback {
        let reason = "it is dynamically linked and may not run on another host; build the static one (`make build`)";
        return Err(AgentError::Unusable { path: agent.path.clone(), reason: reason.to_owned() });
    }
    let name = random_name()?;
    let folder = find_place(shell, agent, &name, options).await?;
    let path = format!("{folder}/{name}");
    let started = put_and_run(shell, agent, &path).await;
    if started.is_err() {
        // Best effort: the host may be what failed.
        let _ = shell.run(&format!("rm -f {path}\n"), SCRIPT).await;
    }
    started
}

fn random_name() -> Result<String, AgentError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| AgentError::Io(std::io::Error::other(error)))?;
    Ok(format!("{FILE_PREFIX}{}", hex(&random)))
}

/// The first folder in memory in which a program may be run.
async fn find_place<S: Shell>(
    shell: &S,
    agent: &AgentBinary,
    name: &str,
    options: StartOptions,
) -> Result<String, AgentError> {
    let disk = if options.agent_on_disk || options.loopback { "yes" } else { "no" };
    let script = PLACE.replace("@PREFIX@", FILE_PREFIX).replace("@NAME@", name).replace("@DISK@", disk);
    let answer = shell.run(&script, SCRIPT).await?;
    let text = String::from_utf8_lossy(&answer.stdout);
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let machine = value("machine ").unwrap_or_default();
    if machine != agent.program.machine {
        let reason = format!("it is for {}, the host is `{}`", agent.program.machine, one_line(machine.as_bytes()));
        return Err(AgentError::Unusable { path: agent.path.clone(), reason });
    }
    match value("place ") {
        Some(folder) if is_plain(folder) => Ok(folder.to_owned()),
        _ => Err(AgentError::NoPlace),
    }
}

/// Whether a path needs no quoting in any shell.
fn is_plain(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b))
}

/// Prints `machine M`, and `place FOLDER` for the first folder on a tmpfs (or, where that is allowed, on
/// a disk) that runs a program. `/proc/self/mounts` lists mounts in order: the longest match holds.
const PLACE: &str = r##"LC_ALL=C; export LC_ALL; umask 077
echo "machine $(uname -m)"
in_memory() {
    found=; kind=
    while read -r _ mount type _; do
        case "$1/" in
        "${mount%/}"/*) if [ "${#mount}" -ge "${#found}" ]; then found=$mount; kind=$type; fi ;;
        esac
    done < /proc/self/mounts
    case "$kind" in tmpfs|ramfs|devtmpfs) return 0 ;; *) return 1 ;; esac
}
runs() {
    probe="$1/@NAME@.probe"
    ( set -C; printf '#!/bin/sh\nexit 0\n' > "$probe" ) 2>/dev/null || return 1
    chmod 700 "$probe" && "$probe" 2>/dev/null
    result=$?
    rm -f "$probe"
    return "$result"
}
# What an earlier push left behind when it was killed before it could run.
for folder in /dev/shm /run /tmp /var/tmp; do
    find "$folder" -maxdepth 1 -name '@PREFIX@*' -type f -user "$(id -u)" -mmin +10 -exec rm -f {} + 2>/dev/null
done
for folder in /dev/shm /run /tmp /var/tmp; do
    folder=$(cd "$folder" 2>/dev/null && pwd -P) || continue
    if in_memory "$folder" || [ @DISK@ = yes ]; then
        if runs "$folder"; then echo "place $folder"; exit 0; fi
    fi
done
"##;

/// Writes the file, compares its hash where the host can compute one, and runs it.
async fn put_and_run<S: Shell>(shell: &S, agent: &AgentBinary, path: &str) -> Result<AgentLink, AgentError> {
    // A connection that is cut ends the input early: what is short is removed at once.
    let length = agent.content.len();
    let write = format!(
        "exec /bin/sh -c 'umask 077; set -C; cat > {path} && test \"$(wc -c < {path})\" -eq {length} && \
         chmod 700 {path} || {{ rm -f {path}; exit 1; }}'"
    );
    let pushed = push(shell.open(&write).await?, &agent.content);
    let seconds = PUSH.as_secs();
    tokio::time::timeout(PUSH, pushed).await.map_err(|_| AgentError::Silent { seconds })??;
    let hash = format!(
        "if command -v sha256sum >/dev/null 2>&1; then sha256sum < {path}\n\
         elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r < {path}\nfi\n"
    );
    verify(&shell.run(&hash, SCRIPT).await?, &agent.content)?;
    let pipe = shell.open(&format!("exec {path} --remove {path}")).await?;
    let program = Hash(*blake3::hash(&agent.content).as_bytes());
    AgentLink::greet(pipe, Some(program), agent.content.len() as u64).await
}

/// Feeds `content` to the command behind `pipe`, which must end well.
async fn push(mut pipe: Pipe, content: &[u8]) -> Result<(), AgentError> {
    let written = async {
        pipe.input.write_all(content).await?;
        pipe.input.shutdown().await
    };
    let (mut said, mut nothing) = (Vec::new(), tokio::io::sink());
    let mut errors = pipe.errors.take(4096);
    let (written, _, _) =
        tokio::join!(written, errors.read_to_end(&mut said), tokio::io::copy(&mut pipe.output, &mut nothing));
    match pipe.exit.await? {
        0 => Ok(written?),
        _ => Err(AgentError::Refused { reason: one_line(&said) }),
    }
}

/// Compares the host's SHA-256, where it gave one. The agent's own hash is compared again once it runs.
fn verify(answer: &Output, content: &[u8]) -> Result<(), AgentError> {
    let text = String::from_utf8_lossy(&answer.stdout);
    let Some(found) = text.split_whitespace().next().filter(|found| found.len() == 64) else {
        return Ok(());
    };
    if found.eq_ignore_ascii_case(&sha256(content)) { Ok(()) } else { Err(AgentError::Altered) }
}
