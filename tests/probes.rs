//! Probes against real local servers. The ping test needs the Debian package iputils-ping.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use traghetto::world::probe::dns::{Record, RecordType, dns};
use traghetto::world::probe::{INTERVAL, ProbeError, http, ping, tcp};
use traghetto::world::vantage::Vantage;

const SOON: Duration = Duration::from_secs(5);

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn a_port_is_open_or_not() {
    block(async {
        let (open, address) = listener().await;
        assert!(tcp(&Vantage::Here, "127.0.0.1", address.port(), SOON).await.unwrap() < SOON);
        drop(open);
        let error = tcp(&Vantage::Here, "127.0.0.1", address.port(), SOON).await.unwrap_err();
        assert_eq!(error.to_string(), format!("127.0.0.1 port {} cannot be reached", address.port()));
    });
}

/// The answer to `query`: one record of its type for each of `data`.
fn answer(query: &[u8], kind: u8, data: &[&[u8]], truncated: bool) -> Vec<u8> {
    let mut message = query.to_vec();
    message[2] = if truncated { 0x83 } else { 0x81 };
    message[7] = u8::try_from(data.len()).unwrap();
    for data in data {
        message.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()]);
        message.extend(*data);
    }
    message
}

#[test]
fn a_name_server_is_asked_again_until_it_answers_our_question() {
    block(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = socket.local_addr().unwrap();
        let serve = async {
            let mut query = [0; 512];
            // The first datagram is lost, the second is answered with noise, a stranger's answer and ours.
            socket.recv_from(&mut query).await.unwrap();
            let (length, client) = socket.recv_from(&mut query).await.unwrap();
            let query = &query[..length];
            socket.send_to(b"noise", client).await.unwrap();
            let mut stranger = answer(query, 33, &[], false);
            stranger[1] ^= 1;
            socket.send_to(&stranger, client).await.unwrap();
            let ours = answer(query, 33, &[b"\0\0\0\x64\x01\x85\x03dc1\x05cinto\x03lan\0"], false);
            socket.send_to(&ours, client).await.unwrap();
        };
        let name = "_ldap._tcp.dc._msdcs.cinto.lan";
        let server = server.into();
        let ((), found) = tokio::join!(serve, dns(&Vantage::Here, &server, name, RecordType::Srv, SOON));
        let found = found.unwrap();
        assert_eq!(found.code, "NOERROR");
        let host = "dc1.cinto.lan".to_owned();
        assert_eq!(found.records, [Record::Service { priority: 0, weight: 100, port: 389, host }]);
    });
}

#[test]
fn an_answer_that_does_not_fit_is_fetched_by_tcp() {
    block(async {
        let (tcp, server) = listener().await;
        let udp = UdpSocket::bind(server).await.unwrap();
        let serve = async {
            let mut query = [0; 512];
            let (length, client) = udp.recv_from(&mut query).await.unwrap();
            udp.send_to(&answer(&query[..length], 1, &[], true), client).await.unwrap();
            let (mut stream, _) = tcp.accept().await.unwrap();
            let mut query = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut query).await.unwrap();
            let answer = answer(&query, 1, &[&[192, 0, 2, 1], &[192, 0, 2, 2]], false);
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        };
        let server = server.into();
        let ((), found) = tokio::join!(serve, dns(&Vantage::Here, &server, "srv.lan", RecordType::A, SOON));
        let texts: Vec<String> = found.unwrap().records.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["192.0.2.1", "192.0.2.2"]);
    });
}

#[test]
fn a_silent_name_server_and_a_wrong_name_are_errors() {
    block(async {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = silent.local_addr().unwrap();
        let deadline = Duration::from_millis(300);
        let error = dns(&Vantage::Here, &server.into(), "srv.lan", RecordType::A, deadline).await.unwrap_err();
        assert_eq!(error.to_string(), "no answer within 0.3 s");
        drop(silent);
        let error = dns(&Vantage::Here, &server.into(), "srv.lan", RecordType::A, SOON).await.unwrap_err();
        assert!(matches!(error, ProbeError::Unreachable { .. }), "{error}");
        let error = dns(&Vantage::Here, &server.into(), "two words", RecordType::A, SOON).await.unwrap_err();
        assert_eq!(error.to_string(), "`two words` is no domain name");
    });
}

/// Answers each connection with the next of `replies`, and returns the requests' first lines.
async fn serve_http(listener: TcpListener, replies: Vec<String>) -> Vec<String> {
    let mut requests = Vec::new();
    for reply in replies {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        let text = String::from_utf8_lossy(&request[..length]).into_owned();
        requests.push(text.lines().next().unwrap().to_owned());
        stream.write_all(reply.as_bytes()).await.unwrap();
    }
    requests
}

#[test]
fn a_page_is_fetched_through_redirects_and_its_body_is_bounded() {
    block(async {
        let (listener, address) = listener().await;
        let redirect = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let body = "x".repeat(100_000);
        let page = format!("HTTP/1.1 503 Busy\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let server = tokio::spawn(serve_http(listener, vec![redirect.to_owned(), page]));
        let found = http(&Vantage::Here, &format!("http://{address}/here"), SOON).await.unwrap();
        assert_eq!((found.status, found.body.len()), (503, 64 << 10));
        assert_eq!(found.url, format!("http://{address}/there"));
        server.abort();
    });
}

#[test]
fn redirects_without_end_bad_tls_and_other_schemes_are_errors() {
    block(async {
        let (listener, address) = listener().await;
        let round = "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let server = tokio::spawn(serve_http(listener, vec![round.to_owned(); 7]));
        assert!(matches!(
            http(&Vantage::Here, &format!("http://{address}/"), SOON).await,
            Err(ProbeError::Unreachable { .. })
        ));
        // Plain text where TLS is spoken.
        assert!(matches!(
            http(&Vantage::Here, &format!("https://{address}/"), SOON).await,
            Err(ProbeError::Unreachable { .. })
        ));
        server.abort();
        for bad in ["file:///etc/passwd", "ftp://x/", "nothing", "http://"] {
            let error = http(&Vantage::Here, bad, SOON).await.unwrap_err();
            assert_eq!(error.to_string(), format!("`{bad}` is no http or https URL"));
        }
    });
}

#[test]
fn ping_counts_answers_and_refuses_options() {
    block(async {
        let echoes = ping(&Vantage::Here, "127.0.0.1", 3, INTERVAL, SOON).await.unwrap();
        assert_eq!((echoes.sent, echoes.received, echoes.times.len()), (3, 3, 3));
        assert!(echoes.mean.unwrap() < Duration::from_secs(1));
        for bad in ["-f", "", "127.0.0.1; reboot", "a b"] {
            assert!(
                matches!(ping(&Vantage::Here, bad, 1, INTERVAL, SOON).await, Err(ProbeError::Question { .. })),
                "{bad}"
            );
        }
        let error = ping(&Vantage::Here, "host.invalid", 1, INTERVAL, SOON).await.unwrap_err();
        assert!(matches!(error, ProbeError::Unreachable { .. }), "{error}");
        let started = Instant::now();
        let error = ping(&Vantage::Here, "127.0.0.1", 1000, INTERVAL, Duration::from_millis(300)).await.unwrap_err();
        assert!(matches!(error, ProbeError::Deadline { .. }) && started.elapsed() < SOON, "{error}");
    });
}
