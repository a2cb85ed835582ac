//! `traghetto-agent`: reads disks on a source and speaks frames on stdin and stdout.

fn main() {}
