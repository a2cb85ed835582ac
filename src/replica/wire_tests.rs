//! Properties of the wire: round trips, and no input that panics or allocates beyond its limits.

use super::*;
use proptest::prelude::*;

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn range() -> impl Strategy<Value = Range> {
    (any::<u64>(), 1u32..2000).prop_map(|(first, count)| Range { first, count })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        any::<u32>().prop_map(|format| Command::Hello { format }),
        (
            any::<Vec<u8>>(),
            any::<u8>(),
            prop::sample::select(vec![MapWanted::Whole, MapWanted::Live, MapWanted::Quiet])
        )
            .prop_map(|(path, level, map)| Command::Open { path, level, map }),
        prop::collection::vec(range(), 0..20).prop_map(|ranges| Command::Read { ranges, have: Vec::new() }),
        prop::collection::vec(have(), 1..40)
            .prop_map(|have| Command::Read { ranges: vec![Range { first: 7, count: have.len() as u32 }], have }),
        Just(Command::Root),
        Just(Command::Listing),
        prop::collection::vec(range(), 0..20).prop_map(|ranges| Command::Leaves { ranges }),
        any::<u64>().prop_map(|bits_per_second| Command::Rate { bits_per_second }),
        (any::<Vec<u8>>(), any::<u32>()).prop_map(|(path, seconds)| Command::Freeze { path, seconds }),
        any::<Vec<u8>>().prop_map(|path| Command::Uses { path }),
        Just(Command::Hold),
        Just(Command::Thaw),
        any::<u16>().prop_map(|permille| Command::Sample { permille }),
        (any::<u8>(), prop::collection::vec(any::<u32>(), 0..50))
            .prop_map(|(level, indices)| Command::Nodes { level, indices }),
    ]
}

fn have() -> impl Strategy<Value = Have> {
    prop_oneof![
        Just(Have::Nothing),
        hash().prop_map(|hash| Have::Here(hash.short())),
        any::<[u64; BLOCKS]>().prop_map(|blocks| Have::Blocks(Box::new(blocks))),
        hash().prop_map(|hash| Have::Elsewhere(hash.short())),
    ]
}

fn kind() -> impl Strategy<Value = RunKind> {
    prop::sample::select(vec![RunKind::Data, RunKind::Hole, RunKind::Patch, RunKind::Reference])
}

fn chunks() -> impl Strategy<Value = Chunks> {
    prop::collection::vec((any::<u64>(), 1u32..4, kind()), 0..8).prop_map(|runs| {
        let runs = runs.into_iter().map(|(first, count, kind)| Run { range: Range { first, count }, kind }).collect();
        let mut chunks = Chunks { runs, ..Chunks::empty() };
        let leaves = chunks.chunks() - chunks.count(RunKind::Hole);
        chunks.leaves = (0..leaves).map(|n| Hash([n as u8; 32])).collect();
        chunks.masks = (0..chunks.count(RunKind::Patch)).map(|n| 0x1001 << (n % 4)).collect();
        chunks.content = vec![9; chunks.unpacked()];
        chunks
    })
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        (any::<u32>(), hash()).prop_map(|(format, program)| Reply::Hello { format, program }),
        (any::<u64>(), any::<bool>(), hash(), any::<u64>(), "[ -~è]{0,80}").prop_map(
            |(length, block_device, listing, copied, identity)| Reply::Opened {
                length,
                block_device,
                listing,
                copied,
                identity
            }
        ),
        chunks().prop_map(Reply::Chunks),
        Just(Reply::Read),
        (hash(), any::<u64>()).prop_map(|(root, bytes_read)| Reply::Root { root, bytes_read }),
        prop::collection::vec(hash().prop_map(|hash| hash.short()), 0..50).prop_map(Reply::Nodes),
        (any::<bool>(), any::<Vec<u8>>()).prop_map(|(last, bytes)| Reply::Listing { last, bytes }),
        prop::collection::vec((any::<u64>(), 1u32..4, any::<bool>()), 0..8).prop_map(|runs| {
            let runs: Vec<_> = runs.into_iter().map(|(first, count, zero)| (Range { first, count }, zero)).collect();
            let leaves = runs.iter().filter(|(_, zero)| !zero).map(|(range, _)| range.count).sum::<u32>();
            Reply::Leaves { leaves: vec![Hash([7; 32]).short(); leaves as usize], runs }
        }),
        prop::collection::vec(one_use(), 0..5).prop_map(Reply::Frozen),
        prop::collection::vec(one_use(), 0..5).prop_map(Reply::Uses),
        ("[ -~è]{0,80}", "[ -~è]{0,80}")
            .prop_map(|(place, detail)| { Reply::Obstacle(Obstacle { kind: ObstacleKind::Spanning, place, detail }) }),
        any::<bool>().prop_map(|held| Reply::Thawed { held }),
        any::<([u64; 5], [(u8, u64, u64, u64); LEVELS], [u32; 2])>().prop_map(|(counts, levels, places)| {
            let [chunks, sampled_chunks, zero_chunks, bytes_read, read_us] = counts;
            let [places, incompressible] = places;
            let packing = |(level, packed, squares, packing_us)| SampledPacking { level, packed, squares, packing_us };
            let levels = levels.map(packing);
            Reply::Sample(Sampled {
                chunks,
                sampled_chunks,
                zero_chunks,
                places,
                incompressible,
                bytes_read,
                read_us,
                levels,
            })
        }),
        any::<u64>().prop_map(|chunks| Reply::Alive { chunks }),
        (any::<u64>(), "[ -~è]{0,80}").prop_map(|(offset, text)| Reply::Fault { kind: FaultKind::Read, offset, text }),
    ]
}

fn one_use() -> impl Strategy<Value = Use> {
    let way = prop::sample::select(vec![Way::Written, Way::ReadOnly, Way::Swap, Way::Claimed]);
    (way, "[ -~è]{0,20}", "[a-z0-9]{0,9}", "[ -~è]{0,80}").prop_map(|(way, device, filesystem, place)| Use {
        way,
        device,
        filesystem,
        place,
    })
}

/// Takes a frame apart as both readers do.
fn open(frame: &[u8], limit: usize) -> Result<(u8, &[u8]), WireError> {
    let (header, rest) = frame.split_first_chunk::<HEADER>().ok_or(WireError::Malformed)?;
    let (kind, length) = parse_header(header, limit)?;
    let rest = rest.get(..length + CHECKSUM).ok_or(WireError::Malformed)?;
    Ok((kind, checked_body(header, rest)?))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn commands_arrive_as_sent(command in command()) {
        let frame = command.encode();
        let (kind, body) = open(&frame, MAX_COMMAND).unwrap();
        prop_assert_eq!(Command::decode(kind, body), Ok(command));
    }

    #[test]
    fn replies_arrive_as_sent(reply in reply()) {
        let frame = reply.encode();
        let (kind, body) = open(&frame, MAX_REPLY).unwrap();
        prop_assert_eq!(Reply::decode(kind, body), Ok(reply));
    }

    #[test]
    fn any_flipped_bit_is_noticed(reply in reply(), place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut frame = reply.encode();
        let place = place.index(frame.len());
        frame[place] ^= 1 << bit;
        let noticed = match open(&frame, MAX_REPLY) {
            Err(_) => true,
            Ok((kind, body)) => Reply::decode(kind, body).is_err(),
        };
        prop_assert!(noticed);
    }

    #[test]
    fn no_body_panics_or_grows(kind in any::<u8>(), body in prop::collection::vec(any::<u8>(), 0..600)) {
        // Vectors are counted against the bytes that are there before they are made.
        let _ = Command::decode(kind, &body);
        let _ = Command::decode(kind % 12, &body);
        let _ = Reply::decode(kind, &body);
        if let Ok(Reply::Chunks(chunks)) = Reply::decode(64 + kind % 14, &body) {
            prop_assert!(chunks.unpacked() <= FRAME_CHUNKS * CHUNK);
        }
    }
}

#[test]
fn lengths_above_the_limit_are_refused_before_anything_is_read() {
    let long = Reply::Nodes(vec![Hash::UNKNOWN.short(); NODES]).encode();
    assert_eq!(open(&long, 100), Err(WireError::TooLong));
    let lie = [&u32::MAX.to_le_bytes()[..], &[0; 64]].concat();
    assert_eq!(Reply::decode(70, &lie), Err(WireError::TooLong));
    let lie = [&4000u32.to_le_bytes()[..], &[0; 64]].concat();
    assert_eq!(Reply::decode(70, &lie), Err(WireError::Malformed));
}

#[test]
fn the_largest_frames_fit_their_limits() {
    let run = Run { range: Range { first: u64::MAX, count: 1 }, kind: RunKind::Hole };
    let mut runs = vec![run; FRAME_RUNS];
    runs[..FRAME_CHUNKS].iter_mut().for_each(|run| run.kind = RunKind::Data);
    runs[FRAME_CHUNKS..].iter_mut().for_each(|run| run.kind = RunKind::Reference);
    let leaves = vec![Hash::UNKNOWN; FRAME_LEAVES];
    let content = vec![1; FRAME_CHUNKS * CHUNK];
    let frame = Reply::Chunks(Chunks { runs, leaves, content, ..Chunks::empty() }).encode();
    assert!(frame.len() <= HEADER + MAX_REPLY + CHECKSUM);
    let ranges = vec![Range { first: 0, count: 8 }; READ_RANGES];
    let have = vec![Have::Blocks(Box::new([0; BLOCKS])); READ_HAVES];
    let frame = Command::Read { ranges, have }.encode();
    assert!(frame.len() <= HEADER + MAX_COMMAND + CHECKSUM);
}
