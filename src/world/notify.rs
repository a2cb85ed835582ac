//! One attempt to tell somebody: a program that gets JSON, or a POST. Within a limit, without a shell, and
//! without a word of a secret in what went wrong.

use crate::model::notify::{Endpoint, NoticeWay};
use crate::model::secret::SecretRef;
use crate::world::secret;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use rustix::process::{Pid, Signal, kill_process_group};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// Why an attempt failed. Holds no secret: words of our own, statuses, names of variables and files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Undelivered {
    /// In words.
    pub reason: String,
    /// Whether another attempt may do better.
    pub again: bool,
}

impl Undelivered {
    fn again(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), again: true }
    }

    fn for_good(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), again: false }
    }
}

/// Delivers `notice`, one JSON object, once; `root` is where relative paths begin.
///
/// # Errors
/// It was not taken within `limit`.
pub async fn deliver(way: &NoticeWay, notice: &str, root: &Path, limit: Duration) -> Result<(), Undelivered> {
    let attempt = async {
        match way {
            NoticeWay::Command(words) => run(words, notice, root).await,
            NoticeWay::Post { to, token } => post(to, token.as_ref(), notice, root).await,
        }
    };
    let late = || Err(Undelivered::again(format!("no end within {} s", limit.as_secs())));
    tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| late())
}

/// A program and everything that it started, ended when nobody waits for it any more.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // Gone already where the program has ended and was waited for.
        let pid = self.0.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

async fn run(words: &[String], notice: &str, root: &Path) -> Result<(), Undelivered> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Undelivered::for_good("no program is named"));
    };
    let started = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut group = Group(started.map_err(|error| Undelivered::again(format!("it cannot be run: {error}")))?);
    if let Some(mut input) = group.0.stdin.take() {
        // A program that does not read is free to: its status says whether it did what it is for.
        let _ = input.write_all(format!("{notice}\n").as_bytes()).await;
    }
    let status = group.0.wait().await.map_err(|error| Undelivered::again(format!("it is lost: {error}")))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Undelivered::again(format!("it ended with status {code}"))),
        None => Err(Undelivered::again("it was killed")),
    }
}

async fn post(to: &Endpoint, token: Option<&SecretRef>, notice: &str, root: &Path) -> Result<(), Undelivered> {
    let client = client()?;
    let mut request = client.post(to.url()).header(CONTENT_TYPE, "application/json").body(notice.to_owned());
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, bearer(token, root)?);
    }
    let answer = request.send().await.map_err(|error| {
        Undelivered::again(if error.is_connect() {
            "no connection, or no trust in its certificate"
        } else {
            "the connection broke"
        })
    })?;
    let status = answer.status().as_u16();
    match status {
        200..=299 => Ok(()),
        // What is refused once is refused again, unless it says that it is in haste.
        400..=499 if !matches!(status, 408 | 425 | 429) => Err(Undelivered::for_good(format!("it answers {status}"))),
        _ => Err(Undelivered::again(format!("it answers {status}"))),
    }
}

fn bearer(token: &SecretRef, root: &Path) -> Result<HeaderValue, Undelivered> {
    let token = secret::password(token, root).map_err(|error| {
        Undelivered::again(format!("{}: {}", error.to_string().replace("password", "token"), error.source))
    })?;
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| Undelivered::for_good("the token holds characters that no header takes"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn client() -> Result<reqwest::Client, Undelivered> {
    // Whoever comes second finds a provider installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .user_agent(concat!("traghetto/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| Undelivered::again("the TLS library cannot be used"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn sh(script: &str) -> NoticeWay {
        NoticeWay::Command(["/bin/sh", "-c", script].map(str::to_owned).to_vec())
    }

    async fn told(way: &NoticeWay, root: &Path, limit: Duration) -> Result<(), String> {
        deliver(way, "{\"key\":\"k\"}", root, limit).await.map_err(|error| error.reason)
    }

    #[tokio::test]
    async fn a_program_gets_the_notice_as_its_input_and_no_shell() {
        let folder = tempfile::tempdir().unwrap();
        let patience = Duration::from_secs(20);
        assert_eq!(told(&sh("cat > got"), folder.path(), patience).await, Ok(()));
        assert_eq!(std::fs::read_to_string(folder.path().join("got")).unwrap(), "{\"key\":\"k\"}\n");
        let touch = NoticeWay::Command(["/usr/bin/touch", "a; touch b"].map(str::to_owned).to_vec());
        assert_eq!(told(&touch, folder.path(), patience).await, Ok(()));
        assert!(folder.path().join("a; touch b").exists() && !folder.path().join("b").exists());
        assert_eq!(told(&sh("exit 3"), folder.path(), patience).await.unwrap_err(), "it ended with status 3");
        assert_eq!(told(&sh("kill -9 $$"), folder.path(), patience).await.unwrap_err(), "it was killed");
        let nowhere = NoticeWay::Command(vec!["/nowhere/at/all".to_owned()]);
        assert!(told(&nowhere, folder.path(), patience).await.unwrap_err().starts_with("it cannot be run: "));
        // One that reads nothing is free to, however long the notice is.
        let long = "x".repeat(1 << 20);
        assert_eq!(deliver(&sh("exec <&-"), &long, folder.path(), patience).await, Ok(()));
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        let script = "sleep 61 & echo $! > child; sleep 61";
        let error = deliver(&sh(script), "{}", folder.path(), Duration::from_secs(1)).await.unwrap_err();
        assert_eq!((error.reason.as_str(), error.again), ("no end within 1 s", true));
        assert!(begun.elapsed() < Duration::from_secs(20));
        let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
        // Ended, or a corpse that nobody has buried yet.
        for _ in 0..100 {
            let status = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
            if status.is_empty() || status.contains(") Z ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("what the program started is still there");
    }

    #[tokio::test]
    async fn a_token_that_is_not_at_hand_is_named_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "S3CRET\n").unwrap();
        let to = Endpoint::new("http://127.0.0.1:9/hook/S3CRET").unwrap();
        let way = |token| NoticeWay::Post { to: to.clone(), token: Some(token) };
        for token in [SecretRef::Env("TRAGHETTO_NO_SUCH_TOKEN".to_owned()), SecretRef::File("token".into())] {
            let reason = told(&way(token), folder.path(), Duration::from_secs(20)).await.unwrap_err();
            assert!(reason.starts_with("the token") && !reason.contains("S3CRET"), "{reason}");
        }
        let plain = NoticeWay::Post { to, token: None };
        let reason = told(&plain, folder.path(), Duration::from_secs(20)).await.unwrap_err();
        assert_eq!(reason, "no connection, or no trust in its certificate");
    }
}
