//! Checksums of on-disk structures: plain registers, so that each format begins and ends its own way.

/// Table of a reflected CRC of 32 bits.
const fn table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ polynomial } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

static CASTAGNOLI: [u32; 256] = table(0x82F6_3B78);
static IEEE: [u32; 256] = table(0xEDB8_8320);
/// Reflected CRC-16 of polynomial 0x8005, its upper half unused.
static ARC: [u32; 256] = table(0xA001);

fn update(table: &[u32; 256], register: u32, data: &[u8]) -> u32 {
    data.iter().fold(register, |register, byte| table[usize::from(register as u8 ^ byte)] ^ (register >> 8))
}

/// CRC-32C of `data` going on from `register`, without inversion.
pub(super) fn crc32c(register: u32, data: &[u8]) -> u32 {
    update(&CASTAGNOLI, register, data)
}

/// CRC-32 (IEEE) of `data` going on from `register`, without inversion.
pub(super) fn crc32(register: u32, data: &[u8]) -> u32 {
    update(&IEEE, register, data)
}

/// CRC-16 (ARC) of `data` going on from `register`.
pub(super) fn crc16(register: u16, data: &[u8]) -> u16 {
    update(&ARC, u32::from(register), data) as u16
}

/// [`crc32c`] of `data` with the four bytes at `hole` taken as zeros.
pub(super) fn crc32c_without(register: u32, data: &[u8], hole: usize) -> u32 {
    let (before, after) = data.split_at(hole.min(data.len()));
    let register = crc32c(crc32c(register, before), &[0; 4]);
    crc32c(register, after.get(4..).unwrap_or(&[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_values() {
        assert_eq!(!crc32c(!0, b"123456789"), 0xE306_9283);
        assert_eq!(!crc32(!0, b"123456789"), 0xCBF4_3926);
        assert_eq!(crc16(0, b"123456789"), 0xBB3D);
    }

    #[test]
    fn a_hole_counts_as_zeros() {
        assert_eq!(crc32c_without(!0, b"abXXXXcd", 2), crc32c(!0, b"ab\0\0\0\0cd"));
    }
}
