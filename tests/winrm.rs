//! WinRM against a Windows that is played with another implementation of NTLM (pyspnego), strict as
//! Windows 2008 R2; and that Windows against another client (pywinrm).

use crate::support::winrm::{Change, Emulator, PASSWORD, Wiretap, python};
use std::process::Command;
use std::time::{Duration, Instant};
use traghetto::model::server::WinrmAccess;
use traghetto::world::vantage::Vantage;
use traghetto::world::winrm::{Deadlines, Fault, Session, Trouble};
use traghetto::world::{Output, ShellError};

const LONG: Duration = Duration::from_secs(60);
const NOTHING: Change = |_, _| {};

async fn session(emulator: &Emulator) -> Session {
    Session::connect(&Vantage::Here, &emulator.access(), emulator.root(), Deadlines::default()).await.unwrap()
}

async fn refused(access: &WinrmAccess, emulator: &Emulator) -> ShellError {
    match Session::connect(&Vantage::Here, access, emulator.root(), Deadlines::default()).await {
        Ok(_) => panic!("it let us in"),
        Err(error) => error,
    }
}

/// Runs a line of a shell.
async fn sh(session: &Session, line: &str) -> Result<Output, ShellError> {
    session.run_program("sh", &["-s"], line.as_bytes(), LONG).await
}

/// The error with all its causes and what to do, as a person reads it.
fn words(error: &ShellError) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        words += &format!(": {inner}");
        cause = inner.source();
    }
    assert!(!words.contains(PASSWORD), "{words}");
    words + " | " + &error.hint()
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_run_and_tell_their_end() {
    let Some(emulator) = Emulator::start(&[]) else { return };
    let session = session(&emulator).await;
    let output = session.run_program("printf", &["'%s|'", "a", "'b c'", "'<&\">'"], b"", LONG).await.unwrap();
    assert_eq!((output.status, output.stdout.as_slice()), (0, &b"a|b c|<&\">|"[..]));
    let output = sh(&session, "echo più; echo guai >&2; exit 42").await.unwrap();
    assert_eq!(output, Output { status: 42, stdout: "più\n".into(), stderr: b"guai\n".to_vec() });
    let output = session.run_program("sh", &["-c", "'exit 0'"], b"", LONG).await.unwrap();
    assert_eq!(output, Output { status: 0, stdout: Vec::new(), stderr: Vec::new() });
    assert_eq!(session.identify().await.unwrap().version, "OS: 6.1.7601 SP: 1.0 Stack: 2.0");
    let state = emulator.closed();
    assert_eq!(
        (&state["created"], &state["deleted"], &state["most"], &state["logins"]),
        (&3.into(), &3.into(), &1.into(), &1.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_streams_go_both_ways_in_messages_that_2008_r2_takes() {
    let Some(emulator) = Emulator::start(&[]) else { return };
    let session = session(&emulator).await;
    let input: Vec<u8> = (0..700_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let output = session.run_program("sha256sum", &[], &input, LONG).await.unwrap();
    assert_eq!(output.stdout, format!("{}  -\n", traghetto::digest::sha256(&input)).into_bytes());
    let output = sh(&session, "seq 150000; head -c 200000 /dev/zero >&2").await.unwrap();
    assert!(output.stdout == (1..=150_000).map(|n| format!("{n}\n")).collect::<String>().into_bytes());
    assert_eq!(output.stderr, [0; 200_000]);
    let code_page_850 = sh(&session, r"printf 'citt\205 \212 \225'").await.unwrap();
    assert_eq!(code_page_850.stdout, b"citt\x85 \x8a \x95", "bytes arrive as they were printed");
    let flood = sh(&session, "cat /dev/zero").await.unwrap_err();
    assert!(matches!(flood, ShellError::TooMuch { .. }), "{flood:?}");
    assert_eq!(emulator.closed()["refused_seal"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_costs_its_deadline_and_leaves_no_shell() {
    let Some(emulator) = Emulator::start(&[]) else { return };
    let session = session(&emulator).await;
    let began = Instant::now();
    let late = session.run_program("sleep", &["300"], b"", Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(late, ShellError::Deadline { seconds: 2, .. }), "{late:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(emulator.closed()["terminated"], 1);
    // A caller that goes away is no different.
    let gone = tokio::time::timeout(Duration::from_secs(1), session.run_program("sleep", &["300"], b"", LONG)).await;
    assert!(gone.is_err());
    assert_eq!(emulator.closed()["terminated"], 2);
    assert_eq!(sh(&session, "echo on").await.unwrap().stdout, b"on\n", "and the session goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_says_what_to_look_at() {
    let Some(emulator) = Emulator::start(&[]) else { return };
    for user in ["TOWN\\other", "venis", "OTHER\\venis"] {
        let error = refused(&WinrmAccess { user: user.into(), ..emulator.access() }, &emulator).await;
        assert!(words(&error).contains("the login is refused | Check `user` and `password`"), "{}", words(&error));
    }
    std::fs::write(emulator.root().join("password"), "wrong\n").unwrap();
    assert!(words(&refused(&emulator.access(), &emulator).await).contains("the login is refused"));
    std::fs::remove_file(emulator.root().join("password")).unwrap();
    let missing = refused(&emulator.access(), &emulator).await;
    assert!(matches!(missing, ShellError::Secret { .. }), "{missing:?}");
    assert_eq!(emulator.state()["created"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_seal_nothing_is_sent() {
    for (fault, expected) in [
        ("basic:9", "it offers no NTLM login (it offers Basic, Kerberos)"),
        ("noseal:9", "the host does not agree to sealing messages"),
    ] {
        let Some(emulator) = Emulator::start(&["--fault", fault]) else { return };
        let tap = Wiretap::to(emulator.port, NOTHING);
        let error = refused(&WinrmAccess { port: tap.port, ..emulator.access() }, &emulator).await;
        let words = words(&error);
        assert!(words.contains(expected) && words.contains("winrm set winrm/config"), "{words}");
        assert!(!error.is_transient());
        let heard = String::from_utf8_lossy(&tap.heard()).into_owned();
        assert!(!heard.contains("oap"), "{heard}");
        let state = emulator.state();
        assert_eq!((&state["refused_clear"], state["actions"].as_array().unwrap().len()), (&0.into(), 0));
    }
}

/// Runs a command against a host with a fault; every shell that was made is deleted in the end.
async fn faulty(fault: &str) -> Option<(Result<Output, ShellError>, serde_json::Value)> {
    let emulator = Emulator::start(&["--fault", fault])?;
    let session = session(&emulator).await;
    let result = sh(&session, "echo done").await;
    if let Err(error) = &result {
        words(error);
    }
    Some((result, emulator.closed()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_had_nothing_to_tell_is_asked_again() {
    let Some((result, state)) = faulty("timedout:Receive:3").await else { return };
    assert_eq!(result.unwrap().stdout, b"done\n");
    assert!(state["actions"].as_array().unwrap().iter().filter(|action| *action == "Receive").count() >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_told_apart_and_leave_no_shell() {
    let fault = |result: Result<Output, ShellError>| match result {
        Err(ShellError::Winrm { source, .. }) => match *source.downcast::<Trouble>().unwrap() {
            Trouble::Fault { request, fault } => (request, fault),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let Some((quota, state)) = faulty("quota:Create").await else { return };
    assert!(matches!(fault(quota), ("Create", Fault::Quota(_))));
    assert_eq!(state["created"], 0);
    let (denied, _) = faulty("denied:Command").await.unwrap();
    assert!(matches!(fault(denied), ("Command", Fault::AccessDenied(_))));
    let (gone, _) = faulty("gone:Receive").await.unwrap();
    assert!(matches!(fault(gone), ("Receive", Fault::ShellGone(_))));
    let (late, _) = faulty("timedout:Create").await.unwrap();
    assert!(matches!(fault(late), ("Create", Fault::TimedOut)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_answer_is_an_error_and_leaves_no_shell() {
    let trouble = |result: Result<Output, ShellError>| match result {
        Err(ShellError::Winrm { source, .. }) => source.to_string(),
        other => panic!("{other:?}"),
    };
    let Some((wrong, _)) = faulty("signature:Receive").await else { return };
    assert_eq!(trouble(wrong), "the signature of the answer is wrong");
    let (clear, _) = faulty("clear:Command").await.unwrap();
    assert_eq!(trouble(clear), "the answer is not sealed (it is application/soap+xml)");
    let (large, _) = faulty("oversized:Receive").await.unwrap();
    assert_eq!(trouble(large), "the answer is larger than 1048576 bytes");
    for action in ["Command", "Send", "Receive"] {
        let (dropped, state) = faulty(&format!("drop:{action}")).await.unwrap();
        assert!(matches!(dropped, Err(ShellError::Unreachable { .. })), "{dropped:?}");
        assert_eq!(state["logins"], 2, "it logs in once more to delete its shell");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_a_byte_on_the_way_is_found() {
    let Some(emulator) = Emulator::start(&[]) else { return };
    // Past the login, which is about 1 kB, the answers are sealed.
    let tap = Wiretap::to(emulator.port, |before, bytes| {
        if before > 600 && bytes.len() > 500 {
            let place = bytes.len() - 60;
            bytes[place] ^= 4;
        }
    });
    let access = WinrmAccess { port: tap.port, ..emulator.access() };
    let session = Session::connect(&Vantage::Here, &access, emulator.root(), Deadlines::default()).await.unwrap();
    let error = sh(&session, "echo done").await.unwrap_err();
    assert!(words(&error).contains("the signature of the answer is wrong"), "{}", words(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sixth_shell_of_an_account_is_refused_and_the_five_go_on() {
    let Some(emulator) = Emulator::start(&[]) else { return };
    let signal = emulator.root().join("go");
    let wait = format!("while [ ! -e '{}' ]; do sleep 0.1; done; echo done", signal.display());
    let mut five = Vec::new();
    for _ in 0..5 {
        let (session, wait) = (session(&emulator).await, wait.clone());
        five.push(tokio::spawn(async move { sh(&session, &wait).await }));
    }
    while emulator.state()["commands"] != 5 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let sixth = sh(&session(&emulator).await, "echo done").await.unwrap_err();
    assert!(words(&sixth).contains("a limit of WinRM is reached"), "{}", words(&sixth));
    assert!(sixth.is_transient());
    std::fs::write(signal, "").unwrap();
    for one in five {
        assert_eq!(one.await.unwrap().unwrap().stdout, b"done\n");
    }
    assert_eq!(emulator.closed()["most"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_commands_leave_nothing_readable_on_the_wire() {
    let Some(emulator) = Emulator::start(&[]) else { return };
    let tap = Wiretap::to(emulator.port, NOTHING);
    let access = WinrmAccess { port: tap.port, ..emulator.access() };
    let session = Session::connect(&Vantage::Here, &access, emulator.root(), Deadlines::default()).await.unwrap();
    for number in 0..200 {
        let output = sh(&session, &format!("echo answer-{number} secret-word")).await.unwrap();
        assert_eq!(output.stdout, format!("answer-{number} secret-word\n").into_bytes());
    }
    let heard = tap.heard();
    let base64 = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)[..text.len()].to_owned()
    };
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    assert!(heard.len() > 500_000, "{}", heard.len());
    // Words long enough not to stand in three million random bytes by chance.
    for word in ["<s:Env", "Envelope", "<rsp:", "secret-word", "ShellId", &base64("echo answer-"), PASSWORD] {
        for form in [word.as_bytes().to_vec(), utf16(word)] {
            assert!(!heard.windows(form.len()).any(|window| window == form), "{word}");
        }
    }
    let state = emulator.closed();
    assert_eq!((&state["commands"], &state["most"], &state["logins"]), (&200.into(), &1.into(), &1.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_only_the_pinned_certificate_is_taken() {
    let Some(emulator) = Emulator::start(&["--tls"]) else { return };
    let session = session(&emulator).await;
    assert_eq!(sh(&session, "echo over TLS").await.unwrap().stdout, b"over TLS\n");
    let other = WinrmAccess { certificate: Some("ab".repeat(32)), ..emulator.access() };
    let error = refused(&other, &emulator).await;
    let shown = emulator.certificate.clone().unwrap();
    assert!(words(&error).contains(&format!("it shows the certificate {shown}")), "{}", words(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_host_closed_is_made_anew() {
    let Some(emulator) = Emulator::start(&["--idle", "1"]) else { return };
    let session = session(&emulator).await;
    assert_eq!(sh(&session, "echo one").await.unwrap().stdout, b"one\n");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(sh(&session, "echo two").await.unwrap().stdout, b"two\n");
    assert_eq!(emulator.closed()["logins"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_transient() {
    let Some(emulator) = Emulator::start(&[]) else { return };
    let error = refused(&WinrmAccess { port: 1, ..emulator.access() }, &emulator).await;
    assert!(matches!(error, ShellError::Unreachable { .. }) && error.is_transient(), "{error:?}");
}

/// What an administrator writes with pywinrm, and nothing for us.
const SCRIPT: &str = r#"
import sys, winrm
session = winrm.Session(f"http://127.0.0.1:{sys.argv[1]}/wsman", auth=("TOWN\\venis", sys.argv[2]),
                        transport="ntlm", message_encryption="always")
for words in (["hello"], ["a", "b"]):
    answer = session.run_cmd("echo", words)
    print(answer.status_code, answer.std_out)
answer = session.run_cmd("sh", ["-c", "'echo err >&2; exit 3'"])
print(answer.status_code, answer.std_err)
try:
    winrm.Session(f"http://127.0.0.1:{sys.argv[1]}/wsman", auth=("TOWN\\venis", sys.argv[2]),
                  transport="ntlm", message_encryption="never").run_cmd("echo", ["clear"])
except Exception as error:
    print("REFUSED", type(error).__name__)
"#;

#[test]
fn the_played_windows_is_one_for_another_client() {
    let Some(emulator) = Emulator::start(&[]) else { return };
    let output =
        Command::new(python().unwrap()).args(["-c", SCRIPT, &emulator.port.to_string(), PASSWORD]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text, "0 b'hello\\n'\n0 b'a b\\n'\n3 b'err\\n'\nREFUSED WinRMTransportError\n");
    let state = emulator.closed();
    assert_eq!((&state["refused_clear"], &state["open"]), (&1.into(), &0.into()));
}
