#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| traghetto_fuzz::disk_map::check(input));
