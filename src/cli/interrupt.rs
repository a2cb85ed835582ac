//! Ctrl-C: the first one asks to stop, the second ends the program as it is.

use crate::failure::Kind;
use tokio::sync::watch;

/// Becomes true at the first Ctrl-C or SIGTERM; the second Ctrl-C ends the program as it is.
pub fn stop_on_ctrl_c() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        let terminated = async {
            match &mut terminate {
                Some(signal) => _ = signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminated => {}
        }
        // The sender stays alive: a receiver whose sender is gone would see no change any more.
        let _ = sender.send(true);
        if tokio::signal::ctrl_c().await.is_ok() {
            // Whatever hangs (a disk, say) hangs no longer.
            leave_at_once();
        }
        std::future::pending::<()>().await;
    });
    receiver
}

#[expect(clippy::disallowed_methods, reason = "the second Ctrl-C; a run may be killed at any instruction")]
fn leave_at_once() {
    std::process::exit(Kind::Interrupted.code().into());
}
