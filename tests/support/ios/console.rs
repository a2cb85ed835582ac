//! The console of a router: a terminal without a connection.

use super::{Shared, terminal};
use std::sync::Arc;

/// A terminal without a connection.
pub struct Console {
    pub(super) shared: Arc<Shared>,
    pub terminal: terminal::Terminal,
}

impl Console {
    /// What it shows while this is typed, with single line breaks.
    pub fn types(&mut self, typed: &str) -> String {
        let mut shown = String::new();
        for byte in typed.bytes() {
            let mut router = self.shared.router.lock().unwrap();
            let (echo, line) = self.terminal.key(&router, byte);
            shown.push_str(&echo);
            if let Some(line) = line {
                self.shared.refresh(&mut router);
                shown.push_str(&self.terminal.carry_out(&mut router, &line).0);
            }
        }
        shown.replace("\r\n", "\n")
    }
}
