//! Questions to services in their own protocols, against fakes that keep silent, hang up, talk
//! nonsense or without end, and against a real TLS server. Needs the Debian package openssl.

use std::future::Future;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use traghetto::world::probe::locator::locate;
use traghetto::world::probe::{ProbeError, kerberos, ldap, ntp, rdp, smb, tls};
use traghetto::world::vantage::Vantage;

const SOON: Duration = Duration::from_secs(5);
const BRIEF: Duration = Duration::from_millis(400);

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What a fake does with each connection after the first bytes have come.
#[derive(Clone)]
enum Manner {
    Silent,
    HangsUp,
    Says(Vec<u8>),
    SaysForEver(Vec<u8>),
}

/// A TCP server that behaves badly until the test ends; its connections get `manners` in turn.
async fn fake(manners: Vec<Manner>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for manner in manners.into_iter().cycle() {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 1024]).await;
                match manner {
                    Manner::Silent => tokio::time::sleep(Duration::from_secs(60)).await,
                    Manner::HangsUp => {}
                    Manner::Says(bytes) => {
                        let _ = stream.write_all(&bytes).await;
                        tokio::time::sleep(Duration::from_secs(60)).await;
                    }
                    Manner::SaysForEver(bytes) => while stream.write_all(&bytes).await.is_ok() {},
                }
            });
        }
    });
    port
}

/// How the error of each probe ends against a server of this manner.
async fn errors(manner: Manner, deadline: Duration) -> Vec<ProbeError> {
    let (host, port) = ("127.0.0.1", fake(vec![manner]).await);
    vec![
        ldap::ldap(&Vantage::Here, host, port, deadline).await.unwrap_err(),
        kerberos::kerberos(&Vantage::Here, host, port, "CINTO.LAN", "traghetto", deadline).await.unwrap_err(),
        smb::smb(&Vantage::Here, host, port, deadline).await.unwrap_err(),
        rdp::rdp(&Vantage::Here, host, port, deadline).await.unwrap_err(),
        tls::tls(&Vantage::Here, host, port, None, deadline).await.unwrap_err(),
    ]
}

#[test]
fn a_silent_server_costs_the_deadline_and_is_no_answer() {
    block(async {
        let began = Instant::now();
        for error in errors(Manner::Silent, BRIEF).await {
            assert!(matches!(error, ProbeError::Deadline { .. } | ProbeError::Unreachable { .. }), "{error:?}");
        }
        assert!(began.elapsed() < 10 * BRIEF, "{:?}", began.elapsed());
    });
}

#[test]
fn whoever_hangs_up_or_talks_nonsense_is_no_answer() {
    block(async {
        errors(Manner::HangsUp, SOON).await;
        let began = Instant::now();
        for noise in
            ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2p1\r\n", "\0\0\0\x04\u{7f}\u{7f}\u{7f}\u{7f}"]
        {
            errors(Manner::Says(noise.as_bytes().to_vec()), BRIEF).await;
        }
        for flood in [vec![0; 4096], vec![0xff; 4096], b"0\x84\0\0\0\x02\x02\0".repeat(512)] {
            errors(Manner::SaysForEver(flood), BRIEF).await;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    });
}

#[test]
fn a_directory_without_end_is_cut() {
    block(async {
        // An entry without attributes, over and over: well formed, and never done.
        let entry = b"\x30\x09\x02\x01\x01\x64\x04\x04\x00\x30\x00".repeat(100);
        let port = fake(vec![Manner::SaysForEver(entry)]).await;
        let error = ldap::ldap(&Vantage::Here, "127.0.0.1", port, SOON).await.unwrap_err();
        assert!(matches!(error, ProbeError::Nonsense { .. }), "{error:?}");
    });
}

/// A negotiation of SMB 2.1 that is answered, with signing required.
fn newer_smb() -> Vec<u8> {
    let mut message = b"\xfeSMB".to_vec();
    message.resize(64 + 65, 0);
    message[64..64 + 6].copy_from_slice(&[65, 0, 3, 0, 0x10, 0x02]);
    [&129_u32.to_be_bytes(), message.as_slice()].concat()
}

#[test]
fn a_file_server_that_is_silent_about_smb_1_is_not_slow() {
    block(async {
        let port = fake(vec![Manner::Says(newer_smb()), Manner::Silent]).await;
        let began = Instant::now();
        let told = smb::smb(&Vantage::Here, "127.0.0.1", port, Duration::from_secs(20)).await.unwrap();
        assert_eq!((told.dialect, told.signing), ("2.1", smb::Signing::Required));
        // It waited for the old dialect, which the time of the answer does not tell.
        assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(told.took < Duration::from_secs(1), "{:?}", told.took);
        let silence = if told.took > Duration::from_millis(500) { None } else { Some(false) };
        assert_eq!(told.old, silence);
    });
}

#[test]
fn remote_desktops_tell_whether_they_want_the_login_first() {
    block(async {
        let chosen = |protocol| Manner::Says(vec![3, 0, 0, 19, 14, 0xd0, 0, 0, 0, 1, 0, 2, 0, 8, 0, protocol, 0, 0, 0]);
        let refused = |code| Manner::Says(vec![3, 0, 0, 19, 14, 0xd0, 0, 0, 0, 1, 0, 3, 0, 8, 0, code, 0, 0, 0]);
        let old = Manner::Says(vec![3, 0, 0, 11, 6, 0xd0, 0, 0, 0, 1, 0]);
        for (manners, protocol, nla_only) in [
            (vec![chosen(2), refused(5)], "nla", true),
            (vec![chosen(2), chosen(1)], "nla", false),
            (vec![chosen(1)], "tls", false),
            (vec![old.clone()], "rdp", false),
            (vec![refused(2), old], "rdp", false),
        ] {
            let port = fake(manners).await;
            let desktop = rdp::rdp(&Vantage::Here, "127.0.0.1", port, SOON).await.unwrap();
            assert_eq!((desktop.protocol, desktop.nla_only), (protocol, nla_only));
        }
        let port = fake(vec![refused(2)]).await;
        assert!(rdp::rdp(&Vantage::Here, "127.0.0.1", port, SOON).await.is_err());
    });
}

#[test]
fn a_time_server_is_believed_only_in_answer_to_our_question() {
    block(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            loop {
                let (length, client) = socket.recv_from(&mut buffer).await.unwrap();
                let question = buffer[..length].to_vec();
                // A stranger's answer first, then ours: a stratum 2 that is 90 s ahead.
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
                let seconds = ((now.as_secs() + 2_208_988_800 + 90) << 32)
                    | ((u64::from(now.subsec_nanos()) << 32) / 1_000_000_000);
                let mut reply = vec![0_u8; 48];
                (reply[0], reply[1]) = (0x24, 2);
                reply[32..40].copy_from_slice(&seconds.to_be_bytes());
                reply[40..48].copy_from_slice(&seconds.to_be_bytes());
                socket.send_to(&reply, client).await.unwrap();
                reply[24..32].copy_from_slice(&question[40..48]);
                socket.send_to(&reply, client).await.unwrap();
            }
        });
        let clock = ntp::ntp("127.0.0.1", port, SOON).await.unwrap();
        assert!((clock.offset - 90.0).abs() < 0.5, "{clock:?}");
        assert!(clock.synchronised && clock.stratum == 2);
    });
}

#[test]
fn a_key_centre_on_one_leg_says_which() {
    block(async {
        // KRB-ERROR 25 of CINTO.LAN.
        let error = b"\x7e\x31\x30\x2f\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e\xa4\x11\x18\x0f20261130110316Z\
                      \xa6\x03\x02\x01\x19\xa9\x0b\x1b\x09CINTO.LAN";
        let length = u32::try_from(error.len()).unwrap().to_be_bytes();
        let port = fake(vec![Manner::Says([length.as_slice(), error].concat())]).await;
        let answer =
            kerberos::kerberos(&Vantage::Here, "127.0.0.1", port, "CINTO.LAN", "traghetto", SOON).await.unwrap();
        assert_eq!((answer.tcp, answer.udp, answer.alive, answer.error), (true, Some(false), true, 25));
        assert_eq!(answer.realm.as_deref(), Some("CINTO.LAN"));
        assert!(answer.skew.is_some());
    });
}

/// A name server for one service and its two targets, of which only the first listens.
async fn name_server(listening: u16, closed: u16) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        loop {
            let (length, client) = socket.recv_from(&mut buffer).await.unwrap();
            let mut reply = buffer[..length].to_vec();
            let asked = String::from_utf8_lossy(&reply[12..]).into_owned();
            let service = |port: u16, host: &[u8]| [&[0, 0, 0, 100], port.to_be_bytes().as_slice(), host].concat();
            let (kind, data) = match () {
                () if asked.contains("_ldap") => {
                    let hosts = [service(listening, b"\x03dc1\x03lan\0"), service(closed, b"\x03dc2\x03lan\0")];
                    (33, [hosts.as_slice(), &[service(389, b"\x04gone\x03lan\0")]].concat())
                }
                () if asked.contains("dc") => (1, vec![vec![127, 0, 0, 1]]),
                () => (1, Vec::new()),
            };
            reply[2] = 0x81;
            reply[7] = u8::try_from(data.len()).unwrap();
            for data in data {
                reply.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()]);
                reply.extend(data);
            }
            socket.send_to(&reply, client).await.unwrap();
        }
    });
    address
}

#[test]
fn a_service_is_found_as_clients_find_it() {
    block(async {
        let listening = fake(vec![Manner::Silent]).await;
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let server = name_server(listening, closed).await;
        let located = locate(&Vantage::Here, &server.into(), "_ldap._tcp.lan", SOON).await.unwrap();
        assert_eq!(located.found, [format!("dc1.lan:{listening} 127.0.0.1")]);
        let dead = [format!("dc2.lan:{closed} takes no connection"), "gone.lan:389 has no address".to_owned()];
        assert_eq!(located.dead, dead);
        let nobody = locate(&Vantage::Here, &server.into(), "_gc._tcp.lan", SOON).await.unwrap();
        assert_eq!((nobody.found.len(), nobody.dead.len()), (0, 0));
    });
}

/// A TLS server of OpenSSL with a certificate of its own, until it is dropped.
struct Openssl {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Openssl {
    fn start(days: &str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (key, shown) = (folder.path().join("key.pem"), folder.path().join("cert.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-subj", "/O=Comune di Cinto/CN=posta.cinto.lan", "-addext", "subjectAltName=DNS:posta.cinto.lan"])
            .args(["-days", days, "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&shown)
            .output()
            .expect("openssl is installed (make packages)");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("openssl")
            .args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}"), "-key"])
            .arg(&key)
            .arg("-cert")
            .arg(&shown)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port, _folder: folder };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_certificate_is_looked_at_and_not_believed() {
    for (option, version) in [("-tls1_2", "1.2"), ("-tls1_3", "1.3")] {
        let server = Openssl::start("20", &[option]);
        let shown = block(tls::tls(&Vantage::Here, "127.0.0.1", server.port, Some("posta.cinto.lan"), SOON)).unwrap();
        assert_eq!(shown.version, version);
        assert_eq!((shown.subject.as_str(), &shown.issuer), ("O=Comune di Cinto, CN=posta.cinto.lan", &shown.subject));
        assert!((shown.days - 20.0).abs() < 0.1 && !shown.early, "{}", shown.days);
        assert_eq!(shown.names, ["posta.cinto.lan"]);
    }
}
