//! A cable with a delay and a loss: copies Ethernet frames between two tap interfaces that it makes.
//!
//! `bench-relay TAP_A TAP_B DELAY_MS LOSS_PERMILLE` prints `ready` once both exist, and ends when its
//! input ends. The kernels of the project's machines have no netem; rates are set by `tc tbf` on the
//! taps, which also count the bytes. A tap has no segmentation offload: what is counted are the frames
//! of the wire.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Longest Ethernet frame at MTU 1500, with room for a VLAN tag.
const FRAME: usize = 1522;

/// Frames in flight in one direction: 20 ms at 100 Mbit/s are 170.
const IN_FLIGHT: usize = 4096;

/// How long a thread waits for an interface that cannot be read yet.
const PATIENCE: Duration = Duration::from_millis(5);

/// `IFF_TAP | IFF_NO_PI` of linux/if_tun.h: whole Ethernet frames and nothing before them.
const TAP_FLAGS: u16 = 0x0002 | 0x1000;

/// `TUNSETIFF` of linux/if_tun.h.
const TUNSETIFF: rustix::ioctl::Opcode = rustix::ioctl::opcode::write::<u32>(b'T', 202);

/// `struct ifreq` with flags, as TUNSETIFF reads it.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

/// A frame and when it arrives at the other end.
struct InFlight {
    due: Instant,
    frame: Vec<u8>,
}

/// What happens to a frame on its way.
#[derive(Clone, Copy)]
struct Cable {
    delay: Duration,
    loss_permille: u64,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a reader of standard error nobody can be told.
            let _ = writeln!(io::stderr(), "bench-relay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let usage = || io::Error::new(io::ErrorKind::InvalidInput, "TAP_A TAP_B DELAY_MS LOSS_PERMILLE");
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [a, b, delay, loss] = args.as_slice() else { return Err(usage()) };
    let cable = Cable {
        delay: Duration::from_millis(delay.parse().map_err(|_| usage())?),
        loss_permille: loss.parse().map_err(|_| usage())?,
    };
    let (a, b) = (tap(a)?, tap(b)?);
    connect(a.try_clone()?, b.try_clone()?, cable, 1);
    connect(b, a, cable, 2);
    writeln!(io::stdout(), "ready")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Makes a tap interface, which vanishes with the last handle of it.
fn tap(name: &str) -> io::Result<File> {
    let mut request = InterfaceRequest { name: [0; 16], flags: TAP_FLAGS, rest: [0; 22] };
    if name.len() >= request.name.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{name}` is too long for an interface")));
    }
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    let device = File::options().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: TUNSETIFF reads a `struct ifreq`, 40 bytes, and writes the name of the interface back
    // into it; `InterfaceRequest` has that layout and outlives the call.
    unsafe { rustix::ioctl::ioctl(&device, rustix::ioctl::Updater::<TUNSETIFF, _>::new(&mut request)) }?;
    Ok(device)
}

/// Carries frames one way, on two threads that end with the process or with an interface.
fn connect(from: File, to: File, cable: Cable, seed: u64) {
    let (sender, receiver) = sync_channel(IN_FLIGHT);
    std::thread::spawn(move || take(from, &sender, cable, seed));
    std::thread::spawn(move || deliver(to, &receiver));
}

/// Reads frames; each is lost, or is due after the delay.
fn take(mut from: File, sender: &SyncSender<InFlight>, cable: Cable, mut random: u64) {
    let mut buffer = [0; FRAME];
    loop {
        let Ok(length) = from.read(&mut buffer) else {
            // The interface is on its way into its namespace.
            std::thread::sleep(PATIENCE);
            continue;
        };
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        if (random >> 33) % 1000 < cable.loss_permille {
            continue;
        }
        let in_flight = InFlight { due: Instant::now() + cable.delay, frame: buffer[..length].to_vec() };
        if sender.send(in_flight).is_err() {
            return;
        }
    }
}

/// Writes frames when they are due. The delay is the same for all: they are due in their order.
fn deliver(mut to: File, receiver: &Receiver<InFlight>) {
    for InFlight { due, frame } in receiver {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        // A frame for an interface that is down is lost, as on any cable.
        let _ = to.write_all(&frame);
    }
}
