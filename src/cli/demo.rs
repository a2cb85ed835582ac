//! `traghetto demo`.

mod disks;
mod host;

use super::Context;
use crate::failure::Failure;

/// `traghetto demo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    let k = host::new_key().unwrap();
    let h = host::Host::start(k.public_key().clone()).await.unwrap();
    host::write_key(&k, std::path::Path::new("/tmp/demo.key")).unwrap();
    disks::create(std::path::Path::new("/tmp/demo.img"), 64, 3).unwrap();
    disks::change(std::path::Path::new("/tmp/demo.img"), 64, 3).unwrap();
    _context.ui.status(&format!("{} {}", h.port, h.fingerprint));
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    Ok(())
}
