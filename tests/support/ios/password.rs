//! How IOS writes secrets into its configuration.

/// Type 7: an exclusive or with a well-known text. The offset, random in the real thing, follows from
/// the secret here, so that one secret is always written alike.
pub fn type_7(secret: &str) -> String {
    const KEY: &[u8] = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87";
    let offset = secret.bytes().map(usize::from).sum::<usize>() % 16;
    let coded = secret.bytes().enumerate().map(|(at, byte)| format!("{:02X}", byte ^ KEY[(at + offset) % KEY.len()]));
    format!("{offset:02}{}", coded.collect::<String>())
}

/// The shape of type 9: no hash, but as long and as unlike the secret as one.
pub fn type_9(secret: &str) -> String {
    const SIGNS: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut state = secret
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut sign = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(SIGNS[(state >> 58) as usize])
    };
    let salt: String = (0..14).map(|_| sign()).collect();
    let hash: String = (0..43).map(|_| sign()).collect();
    format!("$9${salt}${hash}")
}
