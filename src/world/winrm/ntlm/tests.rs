use super::*;
use crate::digest::hex;
use proptest::prelude::*;

/// The challenge of MS-NLMP 4.2.4.3, without a time.
fn challenge(extra: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut info = Vec::new();
    for (id, value) in [(2, utf16("Domain")), (1, utf16("Server"))].iter().chain(extra).chain(&[(0, Vec::new())]) {
        info.extend(id.to_le_bytes());
        info.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        info.extend(value);
    }
    let mut fields = Fields::after(56);
    let name = fields.add(&utf16("Server"));
    let info = fields.add(&info);
    let mut message = message::start(2);
    message.extend(name);
    message.extend(0xe28a_8233_u32.to_le_bytes());
    message.extend([0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
    message.extend([0; 8]);
    message.extend(info);
    message.extend([6, 0, 0x70, 0x17, 0, 0, 0, 15]);
    message.extend(fields.payload);
    message
}

fn credential() -> Credential {
    Credential::new("Domain\\User", "Password".to_owned())
}

fn fresh() -> Fresh {
    Fresh { nonce: [0xaa; 8], session_key: [0x55; 16], time: 0 }
}

const NOWHERE: Bound<'_> = Bound { service: "HTTP/server", channel: None };

fn answer(challenge: &[u8]) -> Vec<u8> {
    authenticate(&credential(), &negotiate(), &Challenge::read(challenge).unwrap(), &NOWHERE, &fresh())
}

#[test]
fn the_example_of_the_specification_comes_out() {
    let key = credential().key();
    assert_eq!(hex(&key), "0c868a403bfd7a93a3001ef22ef02e3f", "NTOWFv2, 4.2.4.1.1");
    let read = Challenge::read(&challenge(&[])).unwrap();
    let info = our_target_info(&read, &NOWHERE);
    let proof = proof(&key, &read, &[0; 8], &[0xaa; 8], &info);
    assert_eq!(hex(&proof[..16]), "68cd0ab851e51c96aabc927bebef6a1c", "NTProofStr, 4.2.4.2.2");
    assert_eq!(hex(&hmac_md5(&key, &[&proof[..16]])), "8de40ccadbc14a82f15cb0ad0de95ca3", "4.2.4.1.2");
    let message = answer(&challenge(&[]));
    let reader = Reader::new(&message);
    let payload = |at| hex(reader.payload(at).unwrap());
    assert_eq!(payload(12), "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa", "LMv2, 4.2.4.2.1");
    assert_eq!(payload(52), "c5dad2544fc9799094ce1ce90bc9d03e", "encrypted session key, 4.2.4.2.3");
    assert_eq!(payload(28), hex(&utf16("Domain")));
    assert_eq!(payload(36), hex(&utf16("User")));
    assert_eq!(reader.slice(72, 16).unwrap(), [0; 16], "no time, no integrity code");
}

#[test]
fn a_server_with_a_time_gets_an_integrity_code_and_no_lm_response() {
    let stamped = challenge(&[(av::TIMESTAMP, vec![1, 2, 3, 4, 5, 6, 7, 8])]);
    let mut message = answer(&stamped);
    let reader = Reader::new(&message);
    assert_eq!(reader.payload(12).unwrap(), [0; 24]);
    let response = reader.payload(20).unwrap();
    assert_eq!(&response[24..32], [1, 2, 3, 4, 5, 6, 7, 8], "the server's time, not ours");
    let info = pairs(&response[44..]).unwrap();
    let value = |id| info.iter().find(|(found, _)| *found == id).map(|(_, value)| value.clone());
    assert_eq!(value(av::FLAGS), Some(vec![2, 0, 0, 0]));
    assert_eq!(value(av::TARGET_NAME), Some(utf16("HTTP/server")));
    assert_eq!(value(av::CHANNEL_BINDINGS), Some(vec![0; 16]));
    let code: Key = reader.array(72).unwrap();
    message[72..88].fill(0);
    assert_eq!(code, hmac_md5(&[0x55; 16], &[&negotiate(), &stamped, &message]));
}

#[test]
fn nothing_less_than_sealing_is_agreed() {
    for (bit, missing) in [(0x20, "sealing messages"), (0x2000_0000, "keys of 128 bits"), (0x8_0000, "extended")] {
        let mut bytes = challenge(&[]);
        let flags = u32::from_le_bytes(bytes[20..24].try_into().unwrap()) & !bit;
        bytes[20..24].copy_from_slice(&flags.to_le_bytes());
        let error = Challenge::read(&bytes).unwrap_err().to_string();
        assert!(error.contains(missing), "{error}");
    }
}

#[test]
fn accounts_are_written_in_three_ways() {
    for (user, domain, name) in
        [("D\\u", "D", "u"), ("u@d.local", "", "u@d.local"), ("Administrator", "", "Administrator")]
    {
        let credential = Credential::new(user, String::new());
        assert_eq!((credential.domain.as_str(), credential.user.as_str()), (domain, name));
    }
    assert_eq!(upper_case("straße è ǆ"), "STRAßE È Ǆ");
    assert!(!format!("{:?}", credential()).contains("Password"));
}

proptest! {
    #[test]
    fn no_answer_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Challenge::read(&bytes);
    }

    #[test]
    fn no_damaged_challenge_panics(at in 0_usize..150, byte in any::<u8>(), cut in 0_usize..150) {
        let mut bytes = challenge(&[(av::TIMESTAMP, vec![0; 8])]);
        let length = bytes.len();
        bytes[at % length] = byte;
        bytes.truncate(cut);
        if let Ok(read) = Challenge::read(&bytes) {
            let _ = authenticate(&credential(), &negotiate(), &read, &NOWHERE, &fresh());
        }
    }
}
