//! Runs of clear bits in a bitmap of used blocks, a word at a time.

/// The 64 bits from bit `64 * index` on, least bit first; what is beyond the end counts as used.
fn word(bitmap: &[u8], index: usize) -> u64 {
    let rest = bitmap.get(index * 8..).unwrap_or(&[]);
    match rest.first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => {
            let mut bytes = [0xFF; 8];
            bytes[..rest.len()].copy_from_slice(rest);
            u64::from_le_bytes(bytes)
        }
    }
}

/// Whether a bit is set; what is beyond the end counts as used.
pub(super) fn is_set(bitmap: &[u8], bit: u64) -> bool {
    bitmap.get((bit / 8) as usize).is_none_or(|byte| byte >> (bit % 8) & 1 == 1)
}

/// Whether every bit of `from..to` is set.
pub(super) fn all_set(bitmap: &[u8], from: u64, to: u64) -> bool {
    next(bitmap, from, to, 0) == to
}

/// Sets the bits `from..to`, as far as the bitmap goes.
pub(super) fn set(bitmap: &mut [u8], from: u64, to: u64) {
    for bit in from..to.min(bitmap.len() as u64 * 8) {
        bitmap[(bit / 8) as usize] |= 1 << (bit % 8);
    }
}

/// First bit of `from..bits` that is `value` (0 or 1); `bits` where there is none.
fn next(bitmap: &[u8], from: u64, bits: u64, value: u64) -> u64 {
    let flip = if value == 0 { u64::MAX } else { 0 };
    let mut at = from;
    while at < bits {
        let found = (word(bitmap, (at / 64) as usize) ^ flip) & (u64::MAX << (at % 64));
        if found != 0 {
            return (at / 64 * 64 + u64::from(found.trailing_zeros())).min(bits);
        }
        at = (at / 64 + 1) * 64;
    }
    bits
}

/// The runs of clear bits among the first `bits`: `(first, count)`.
pub(super) fn free_runs(bitmap: &[u8], bits: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = next(bitmap, at, bits, 0);
        at = next(bitmap, first, bits, 1);
        (first < bits).then_some((first, at - first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_are_the_clear_bits(bitmap in proptest::collection::vec(prop_oneof![Just(0), Just(255), any::<u8>()], 0..40), cut in 0u64..9) {
            let bits = (bitmap.len() as u64 * 8).saturating_sub(cut);
            let listed: Vec<u64> = free_runs(&bitmap, bits).flat_map(|(first, count)| first..first + count).collect();
            let clear: Vec<u64> = (0..bits).filter(|bit| !is_set(&bitmap, *bit)).collect();
            prop_assert_eq!(listed, clear);
        }
    }

    #[test]
    fn what_is_beyond_the_end_is_used() {
        assert_eq!(free_runs(&[0], 100).collect::<Vec<_>>(), [(0, 8)]);
        assert!(all_set(&[], 0, 9) && !all_set(&[0xFF, 0xFE], 0, 9));
    }
}
