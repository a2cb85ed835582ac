use super::*;
use crate::landing::sample;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn an_identity_is_the_same_every_time_and_another_for_everything_else() {
    let (tenant, server) = sample();
    let of = |store, purpose| Identity::new(store, &tenant, &server, purpose);
    let one = of("s1", Purpose::Production);
    assert_eq!(one, of("s1", Purpose::Production));
    assert_eq!((one.name().as_str(), of("s1", Purpose::Test).name().as_str()), ("cinto-srv1", "cinto-srv1-test"));
    assert_eq!(one.lan(), Lan::Kept);
    let mut moved = server.clone();
    moved.landing = Addressing::Renumber(std::net::Ipv4Addr::new(10, 64, 4, 12));
    assert_eq!(Identity::new("s1", &tenant, &moved, Purpose::Production).lan(), Lan::New);
    let all = [one, of("s2", Purpose::Production), of("s1", Purpose::Test), of("s2", Purpose::Test)];
    for derived in [Identity::uuid, Identity::mark, Identity::mac] {
        assert_eq!(all.iter().map(derived).collect::<BTreeSet<_>>().len(), 4);
    }
}

#[test]
fn what_is_derived_never_changes() {
    // A machine that is there would not be found again.
    let (tenant, server) = sample();
    let identity = Identity::new("s1", &tenant, &server, Purpose::Test);
    let digest = Sha256::digest(b"traghetto machine\0s1\0cinto-caomaggiore\0cinto-srv1\0test");
    let text = hex(&digest[..16]);
    let uuid = identity.uuid();
    assert_eq!(uuid.replace('-', "")[..12], text[..12]);
    assert_eq!(identity.mark(), format!("cinto-caomaggiore/cinto-srv1/test/{uuid}"));
    assert_eq!((uuid.len(), &uuid[14..15]), (36, "8"));
    assert!("89ab".contains(&uuid[19..20]), "{uuid}");
}

proptest! {
    #[test]
    fn addresses_are_in_the_range_of_those_who_choose_their_own(store in "[0-9a-f]{1,32}") {
        let (tenant, server) = sample();
        let identity = Identity::new(&store, &tenant, &server, Purpose::Production);
        let mac = identity.mac();
        let parts: Vec<u8> = mac.split(':').map(|part| u8::from_str_radix(part, 16).unwrap()).collect();
        prop_assert_eq!((parts.len(), &parts[..3]), (6, &[0x00, 0x50, 0x56][..]));
        prop_assert!(parts[3] <= 0x3f, "{}", mac);
        let disks: Vec<DiskId> = ["a", "b"].map(|id| id.parse().unwrap()).to_vec();
        let ids: Vec<u32> = disks.iter().map(|disk| identity.content_id(disk)).collect();
        prop_assert!(ids[0] != ids[1] && ids.iter().all(|id| *id < 0xffff_fffe));
    }
}
