#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| traghetto_fuzz::vsphere_answer::check(input));
