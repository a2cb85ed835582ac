//! What the receiver reads: any bytes are refused or understood, and what is understood is written again
//! as it was.

use traghetto::replica::wire::{CHECKSUM, HEADER, MAX_REPLY, Reply, checked_body, parse_header};

/// Reads frames as the receiver does, then the input as a body of every kind.
pub fn check(input: &[u8]) {
    let mut rest = input;
    while let Some((header, after)) = rest.split_first_chunk::<HEADER>() {
        let Ok((kind, length)) = parse_header(header, MAX_REPLY) else { break };
        assert!(length <= MAX_REPLY);
        let Some((body, after)) = after.split_at_checked(length + CHECKSUM) else { break };
        let Ok(body) = checked_body(header, body) else { break };
        decoded(kind, body);
        rest = after;
    }
    // A mutator does not guess a hash: the same again without frames.
    if let Some((kind, body)) = input.split_first() {
        decoded(*kind, body);
    }
}

fn decoded(kind: u8, body: &[u8]) {
    let Ok(reply) = Reply::decode(kind, body) else { return };
    // Texts that are no UTF-8 are made readable on arrival, which is not to be sent back.
    if !matches!(reply, Reply::Chunks(_)) && format!("{reply:?}").contains(char::REPLACEMENT_CHARACTER) {
        return;
    }
    let frame = reply.encode();
    let (header, rest) = frame.split_first_chunk::<HEADER>().expect("a frame has a header");
    let (again, length) = parse_header(header, MAX_REPLY).expect("what was decoded can be sent");
    assert_eq!((again, length + CHECKSUM), (kind, rest.len()));
    let again = checked_body(header, rest).expect("the checksum is that of the frame");
    assert_eq!(Reply::decode(kind, again), Ok(reply));
    assert!(again == body, "two bodies stand for one reply");
}
