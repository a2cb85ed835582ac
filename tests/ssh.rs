//! SSH against a real OpenSSH server (Debian package openssh-server).

use crate::support::sshd::{Sshd, keygen, trust_nothing};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use traghetto::model::server::{Access, Login, SecretRef, SshProfile};
use traghetto::world::ssh::{Deadlines, LONGEST_OUTPUT, Session, Trust};
use traghetto::world::{Pipe, Shell, ShellError};

const SOON: Duration = Duration::from_secs(20);

/// Runs an asynchronous test on two threads.
fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

async fn connect(access: &Access, trust: &Trust) -> Result<Session, ShellError> {
    Session::connect(access, trust, Deadlines::default()).await
}

async fn session(sshd: &Sshd) -> Session {
    connect(&sshd.access(), &trust_nothing()).await.unwrap()
}

fn message(result: Result<Session, ShellError>) -> String {
    let error = result.err().expect("must fail");
    match std::error::Error::source(&error) {
        Some(cause) => format!("{error}; {cause}"),
        None => error.to_string(),
    }
}

#[test]
fn a_script_runs_and_its_streams_and_status_are_kept_apart() {
    let sshd = Sshd::start();
    block(async {
        let session = session(&sshd).await;
        let output = session.run("printf out; printf err >&2; exit 7", SOON).await.unwrap();
        assert_eq!((output.status, output.stdout, output.stderr), (7, b"out".to_vec(), b"err".to_vec()));
        // The script is not on a command line: quotes, dollars and length do not matter.
        let long = format!("# {}\nprintf '%s' \"a'b\\\"c\"", "x".repeat(300_000));
        assert_eq!(session.run(&long, SOON).await.unwrap().stdout, b"a'b\"c");
    });
}

#[test]
fn hostile_output_arrives_as_it_is_and_too_much_is_refused() {
    let sshd = Sshd::start();
    block(async {
        let session = session(&sshd).await;
        let output = session.run("printf '\\000\\033[2J\\377\\r\\n'", SOON).await.unwrap();
        assert_eq!(output.stdout, b"\0\x1b[2J\xff\r\n");
        let exact = format!("head -c {LONGEST_OUTPUT} /dev/zero");
        assert_eq!(session.run(&exact, SOON).await.unwrap().stdout.len(), LONGEST_OUTPUT);
        for script in ["yes", "yes >&2"] {
            let error = session.run(script, SOON).await.unwrap_err();
            assert!(matches!(error, ShellError::TooMuch { .. }), "{error}");
        }
        // The session is still good for more.
        assert_eq!(session.run("echo on", SOON).await.unwrap().stdout, b"on\n");
    });
}

#[test]
fn a_deadline_ends_the_run_and_its_command() {
    let sshd = Sshd::start();
    block(async {
        let session = session(&sshd).await;
        let idle = sshd.session_processes();
        let started = Instant::now();
        let error = session.run("while :; do echo on; sleep 0.05; done", Duration::from_millis(500)).await.unwrap_err();
        assert!(matches!(error, ShellError::Deadline { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(3));
        // As root OpenSSH takes no signals; the next write of the command finds its pipe closed.
        let until = Instant::now() + SOON;
        while sshd.session_processes() > idle {
            assert!(Instant::now() < until, "the command still runs");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(session.run("echo on", SOON).await.unwrap().stdout, b"on\n");
    });
}

#[test]
fn host_keys_are_pinned_or_known_or_refused() {
    let sshd = Sshd::start();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("known_hosts");
    let trust = Trust { known_hosts: vec![file.clone()], ..trust_nothing() };
    let unpinned = Access { host_key: None, ..sshd.access() };
    let shown = sshd.fingerprint("ed25519");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    block(async {
        assert_eq!(
            message(connect(&unpinned, &trust).await),
            format!(
                "127.0.0.1 shows the host key {shown}, which nobody has confirmed: it is in no known_hosts file, \
                 and the inventory has no host_key"
            )
        );
        write(&sshd.known_hosts_line());
        assert!(connect(&unpinned, &trust).await.is_ok());

        // A host of which only the RSA key is recorded is asked for that one.
        let rsa = std::fs::read_to_string(sshd.dir().join("host_rsa.pub")).unwrap();
        write(&format!("[127.0.0.1]:{} {rsa}", sshd.port));
        assert!(connect(&unpinned, &trust).await.is_ok());

        let other = std::fs::read_to_string(sshd.dir().join("client.pub")).unwrap();
        write(&format!("[127.0.0.1]:{} {other}", sshd.port));
        let text = message(connect(&unpinned, &trust).await);
        assert!(text.contains(&format!("which is not the one recorded in {}:1", file.display())), "{text}");

        write(&format!("@revoked {}", sshd.known_hosts_line()));
        let text = message(connect(&sshd.access(), &trust).await);
        assert!(text.contains("is revoked in"), "{text}");
    });
}

#[test]
fn any_of_the_hosts_keys_may_be_pinned() {
    let sshd = Sshd::start();
    block(async {
        let access = Access { host_key: Some(sshd.fingerprint("rsa")), ..sshd.access() };
        assert!(connect(&access, &trust_nothing()).await.is_ok());
        let wrong = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
        let access = Access { host_key: Some(wrong.clone()), ..sshd.access() };
        let error = connect(&access, &trust_nothing()).await.err().unwrap();
        assert!(!error.is_transient());
        assert_eq!(
            error.to_string(),
            format!(
                "127.0.0.1 shows the host key {}, which is not the one of the inventory ({wrong})",
                sshd.fingerprint("ed25519")
            )
        );
    });
}

#[test]
fn keys_of_every_kind_log_in_and_bad_ones_say_why() {
    let sshd = Sshd::start();
    block(async {
        for kind in ["rsa", "ecdsa", "ed25519"] {
            let path = sshd.dir().join(format!("key_{kind}"));
            keygen(&path, kind);
            let access = Access { login: Login::Key(path.clone()), ..sshd.access() };
            assert_eq!(
                message(connect(&access, &trust_nothing()).await),
                format!("127.0.0.1 refuses the login of {}: the key was not accepted; it takes publickey", access.user)
            );
            std::fs::copy(sshd.dir().join(format!("key_{kind}.pub")), sshd.dir().join("authorized_keys")).unwrap();
            assert!(connect(&access, &trust_nothing()).await.is_ok(), "{kind}");
        }
        let path = sshd.dir().join("key_rsa");
        let access = Access { login: Login::Key(path.clone()), ..sshd.access() };
        set_mode(&path, 0o644);
        let text = message(connect(&access, &trust_nothing()).await);
        assert!(text.ends_with("others may read it (mode 0644); chmod 600 it"), "{text}");
        std::fs::write(&path, "not a key").unwrap();
        set_mode(&path, 0o600);
        let text = message(connect(&access, &trust_nothing()).await);
        assert!(text.starts_with(&format!("the key file {} for 127.0.0.1 cannot be read", path.display())), "{text}");
    });
}

fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_agent_logs_in_with_the_key_that_the_host_takes() {
    let sshd = Sshd::start();
    let socket = sshd.dir().join("agent");
    let mut agent = std::process::Command::new("ssh-agent")
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let access = Access { login: Login::Agent, ..sshd.access() };
    let trust = Trust { agent: Some(socket.clone()), ..trust_nothing() };
    let add = |path: &std::path::Path| {
        let until = Instant::now() + SOON;
        while !std::process::Command::new("ssh-add")
            .arg("-q")
            .arg(path)
            .env("SSH_AUTH_SOCK", &socket)
            .status()
            .unwrap()
            .success()
        {
            assert!(Instant::now() < until, "ssh-add");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    block(async {
        let text = message(connect(&access, &trust_nothing()).await);
        assert!(text.contains("SSH agent (SSH_AUTH_SOCK)") && text.ends_with("the variable is not set"), "{text}");
        let other = sshd.dir().join("other");
        keygen(&other, "rsa");
        add(&other);
        let text = message(connect(&access, &trust).await);
        assert!(text.ends_with("no key of the agent was accepted; it takes publickey"), "{text}");
        add(&sshd.client_key());
        assert!(connect(&access, &trust).await.is_ok());
    });
    agent.kill().unwrap();
    agent.wait().unwrap();
}

#[test]
fn a_jump_host_carries_the_session_and_both_keys_are_verified() {
    let (jump, target) = (Sshd::start(), Sshd::start());
    block(async {
        let access = Access { via: Some(Box::new(jump.access())), ..target.access() };
        let session = connect(&access, &trust_nothing()).await.unwrap();
        let output = session.run("echo $SSH_CONNECTION", SOON).await.unwrap();
        let connection = String::from_utf8(output.stdout).unwrap();
        assert!(connection.trim_end().ends_with(&format!(" {}", target.port)), "{connection}");

        let wrong = Access { host_key: Some(target.fingerprint("rsa")), ..jump.access() };
        let access = Access { via: Some(Box::new(wrong)), ..target.access() };
        let text = message(connect(&access, &trust_nothing()).await);
        assert!(text.contains(&jump.fingerprint("ed25519")), "{text}");

        let nobody = Access { port: crate::support::sshd::free_port(), ..target.access() };
        let access = Access { via: Some(Box::new(jump.access())), ..nobody };
        let text = message(connect(&access, &trust_nothing()).await);
        assert!(text.ends_with("the jump host 127.0.0.1 cannot connect to it"), "{text}");
    });
}

#[test]
fn nobody_there_and_a_silent_host_are_transient() {
    block(async {
        let sshd = Sshd::start();
        let access = Access { port: crate::support::sshd::free_port(), ..sshd.access() };
        let error = connect(&access, &trust_nothing()).await.err().unwrap();
        assert!(error.is_transient());
        assert!(message(Err(error)).starts_with("127.0.0.1 cannot be reached; Connection refused"));

        // A listener that never speaks.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let access = Access { port: listener.local_addr().unwrap().port(), ..sshd.access() };
        let short = Deadlines { connect: Duration::from_secs(1), ..Deadlines::default() };
        let error = Session::connect(&access, &trust_nothing(), short).await.err().unwrap();
        assert_eq!(error.to_string(), "127.0.0.1 did not answer within 1 s");
        assert!(error.is_transient());
    });
}

#[test]
fn no_common_algorithm_names_what_is_missing() {
    let sshd = Sshd::with("Ciphers 3des-cbc,aes128-cbc");
    block(async {
        let text = message(connect(&sshd.access(), &trust_nothing()).await);
        assert_eq!(text, "127.0.0.1 and traghetto share no algorithm for encryption; it offers 3des-cbc, aes128-cbc");
    });
}

#[test]
fn a_killed_session_is_an_error_and_never_an_end_of_file() {
    let sshd = Sshd::start();
    block(async {
        let session = session(&sshd).await;
        let Pipe { mut output, exit, .. } = session.open("cat /dev/zero").await.unwrap();
        let mut buffer = vec![0; 1 << 20];
        output.read_exact(&mut buffer).await.unwrap();
        sshd.kill_sessions();
        let error = loop {
            match output.read(&mut buffer).await {
                Ok(0) => panic!("a silent end of file"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted, "{error}");
        assert!(matches!(exit.await, Err(ShellError::Unreachable { .. })));
        assert!(matches!(session.run("echo on", SOON).await, Err(ShellError::Unreachable { .. })));
    });
}

#[test]
fn a_killed_command_has_no_exit_status() {
    let sshd = Sshd::start();
    block(async {
        let session = session(&sshd).await;
        let error = session.run("kill -9 $$", SOON).await.unwrap_err();
        assert_eq!(error.to_string(), "the command on 127.0.0.1 was killed by signal KILL");
    });
}

#[test]
fn a_pipe_is_half_closed_by_shutdown_and_by_drop() {
    let sshd = Sshd::start();
    block(async {
        let session = session(&sshd).await;
        for by_drop in [false, true] {
            let Pipe { mut input, mut output, errors, exit } =
                session.open("cat; echo end; echo done >&2; exit 3").await.unwrap();
            input.write_all(b"hello ").await.unwrap();
            if by_drop {
                drop(input);
            } else {
                input.shutdown().await.unwrap();
                assert!(input.write_all(b"more").await.is_err());
            }
            let mut text = String::new();
            output.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "hello end\n");
            let mut errors = errors;
            let mut said = String::new();
            errors.read_to_string(&mut said).await.unwrap();
            assert_eq!((said.as_str(), exit.await.unwrap()), ("done\n", 3));
        }
    });
}

#[test]
fn a_slow_reader_stops_the_sender_instead_of_filling_memory() {
    let sshd = Sshd::start();
    block(async {
        let session = session(&sshd).await;
        let total: u64 = 256 << 20;
        let Pipe { mut output, exit, .. } = session.open(&format!("head -c {total} /dev/zero")).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let unread = session.bytes().1;
        assert!(unread < 32 << 20, "{unread} bytes were taken before anybody read");
        let mut buffer = vec![0; 1 << 20];
        let mut read = 0;
        loop {
            match output.read(&mut buffer).await.unwrap() {
                0 => break,
                n => read += n as u64,
            }
        }
        assert_eq!((read, exit.await.unwrap()), (total, 0));
        let (sent, received) = session.bytes();
        assert!(received > total && received < total + total / 100, "{received}");
        assert!(sent < 1 << 20, "{sent}");
    });
}

#[test]
fn both_directions_at_full_speed_do_not_stop_each_other() {
    let sshd = Sshd::start();
    block(async {
        let session = session(&sshd).await;
        let Pipe { mut input, mut output, exit, .. } = session.open("cat").await.unwrap();
        let total: usize = 64 << 20;
        let writer = tokio::spawn(async move {
            let chunk = vec![7; 1 << 20];
            for _ in 0..total >> 20 {
                input.write_all(&chunk).await.unwrap();
            }
        });
        let mut bytes = Vec::new();
        output.read_to_end(&mut bytes).await.unwrap();
        writer.await.unwrap();
        assert!(bytes.len() == total && bytes.iter().all(|&byte| byte == 7));
        assert_eq!(exit.await.unwrap(), 0);
    });
}

#[test]
fn writing_to_a_command_that_has_ended_fails_instead_of_waiting() {
    let sshd = Sshd::start();
    block(async {
        let session = session(&sshd).await;
        let Pipe { mut input, exit, .. } = session.open("exit 4").await.unwrap();
        let chunk = vec![0; 1 << 20];
        let write = async { while input.write_all(&chunk).await.is_ok() {} };
        tokio::time::timeout(SOON, write).await.expect("the writer waits for ever");
        assert_eq!(exit.await.unwrap(), 4);
    });
}

#[test]
fn fifty_hosts_answer_at_once() {
    let sshd = std::sync::Arc::new(Sshd::start());
    block(async {
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for host in 1..=50 {
            let access = Access { host: format!("127.0.1.{host}"), ..sshd.access() };
            tasks.spawn(async move {
                let session = connect(&access, &trust_nothing()).await.unwrap();
                let output = session.run("echo $SSH_CONNECTION", SOON).await.unwrap();
                let text = String::from_utf8(output.stdout).unwrap();
                assert!(text.contains(&format!(" {} ", access.host)), "{text}");
            });
        }
        while let Some(result) = tasks.join_next().await {
            result.unwrap();
        }
        println!("50 hosts in {:?}", started.elapsed());
    });
}

#[test]
fn a_silent_link_is_given_up_after_thirty_seconds() {
    let sshd = Sshd::start();
    block(async {
        let session = session(&sshd).await;
        let Pipe { mut output, exit, .. } = session.open("echo on; sleep 300").await.unwrap();
        let mut line = [0; 3];
        output.read_exact(&mut line).await.unwrap();
        sshd.freeze_sessions();
        let started = Instant::now();
        assert!(output.read(&mut line).await.is_err());
        let waited = started.elapsed();
        assert!(waited > Duration::from_secs(25) && waited < Duration::from_secs(40), "{waited:?}");
        let error = exit.await.unwrap_err();
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "it gave no sign of life for 30 s");
    });
}

/// A server that takes the password `segreta` in the one way that it is made for, and counts attempts.
#[derive(Clone)]
struct PasswordServer {
    way: russh::MethodKind,
    attempts: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl PasswordServer {
    fn judge(&self, password: &[u8]) -> russh::server::Auth {
        self.attempts.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if password == b"segreta" { russh::server::Auth::Accept } else { russh::server::Auth::reject() }
    }
}

impl russh::server::Handler for PasswordServer {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<russh::server::Auth, russh::Error> {
        Ok(self.judge(password.as_bytes()))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<russh::server::Response<'a>>,
    ) -> Result<russh::server::Auth, russh::Error> {
        if let Some(answer) = response.and_then(|mut answers| answers.next()) {
            return Ok(self.judge(&answer));
        }
        let prompts = vec![("Password: ".into(), false)].into();
        Ok(russh::server::Auth::Partial { name: "".into(), instructions: "".into(), prompts })
    }
}

/// Starts it for one connection and returns how to log in with the secret of the environment.
async fn password_server(way: russh::MethodKind) -> (Access, PasswordServer) {
    let dir = tempfile::tempdir().unwrap();
    keygen(&dir.path().join("host"), "ed25519");
    let key = russh::keys::load_secret_key(dir.path().join("host"), None).unwrap();
    let host_key = crate::support::sshd::fingerprint(&dir.path().join("host.pub"));
    let config = russh::server::Config {
        methods: russh::MethodSet::from([way].as_slice()),
        keys: vec![key],
        auth_rejection_time: Duration::from_millis(1),
        ..Default::default()
    };
    let config = std::sync::Arc::new(config);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = PasswordServer { way, attempts: Default::default() };
    let handler = server.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let running = russh::server::run_stream(config.clone(), stream, handler.clone()).await;
            tokio::spawn(async move { running.unwrap().await });
        }
    });
    let login = Login::Password(SecretRef::File("secret".into()));
    let (host, user) = ("127.0.0.1".into(), "anna".into());
    let ssh_profile = SshProfile::Modern;
    let access = Access { host, port, user, login, host_key: Some(host_key), ssh_profile, via: None };
    (access, server)
}

#[test]
fn a_password_is_given_once_the_way_the_host_asks_and_never_printed() {
    block(async {
        let dir = tempfile::tempdir().unwrap();
        let trust = Trust { root: dir.path().to_owned(), ..trust_nothing() };
        let secret = dir.path().join("secret");
        for way in [russh::MethodKind::Password, russh::MethodKind::KeyboardInteractive] {
            let (access, server) = password_server(way).await;
            std::fs::write(&secret, "segreta\nsecond line\n").unwrap();
            set_mode(&secret, 0o600);
            if let Err(error) = connect(&access, &trust).await {
                panic!("{way:?}: {error}");
            }
            std::fs::write(&secret, "sbagliata\n").unwrap();
            let text = message(connect(&access, &trust).await);
            assert!(text.starts_with("127.0.0.1 refuses the login of anna: the password was not accepted"), "{text}");
            assert!(!text.contains("sbagliata"));
            // One right and one wrong: a second guess could lock the account.
            assert_eq!(server.attempts.load(std::sync::atomic::Ordering::SeqCst), 2, "{:?}", server.way);
        }
        set_mode(&secret, 0o640);
        let (access, _) = password_server(russh::MethodKind::Password).await;
        let text = message(connect(&access, &trust).await);
        assert!(text.ends_with("others may read it (mode 0640); chmod 600 it"), "{text}");
        let login = Login::Password(SecretRef::Env("TRAGHETTO_TEST_NOT_SET".into()));
        let text = message(connect(&Access { login, ..access.clone() }, &trust).await);
        assert!(text.contains("password in the environment variable TRAGHETTO_TEST_NOT_SET"), "{text}");
        let (access, _) = password_server(russh::MethodKind::PublicKey).await;
        set_mode(&secret, 0o600);
        let text = message(connect(&access, &trust).await);
        assert!(text.ends_with("it takes no password; it takes publickey"), "{text}");
    });
}
