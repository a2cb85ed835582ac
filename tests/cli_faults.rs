//! What goes wrong at night, at the level of `traghetto migrate run` over a real sshd: each fault ends
//! with a message that says what is safe, what next and whom to call, the right exit code, and the same
//! command afterwards ends with equal images. Needs root (tmpfs, loop devices) and openssh-server.

use crate::support::replica::{loop_device, run};
use crate::support::town::{SERVERS, Town};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

pub const SERVER: &str = "cinto-srv1";
const MIB: u64 = 1 << 20;
/// A disk whose copy takes long enough to be disturbed in the middle.
pub const LARGE: u64 = 128 * MIB;

/// One copy of every disk and a gate.
const PLAYBOOK: &str = "\
playbook: {name: guasti, source: prova}
activities:
  - {activity: 1, title: {it: Copia, en: Copy}, responsible: [venis-sistemista], executes: [venis-sistemista],
     validates: [sad-validatore], days: [1, 2], steps: [{do: seed},
     {gate: {id: seeded, title: {it: Copiato, en: Copied}}}]}
";

const STEP: &str = "hint: It was step a1.seed.cinto-srv1.disk0.\n\
                    hint: Call: Anna Veneto (Sistemista Venis, +39 041 555 0101)\n";

/// A town whose run copies at once.
pub fn town() -> Town {
    let town = Town::new();
    std::fs::remove_file(town.sandbox.path().join("playbooks/con-me-2.2.1.yaml")).unwrap();
    town.sandbox.write("playbooks/faults.yaml", PLAYBOOK);
    town
}

/// The same with a first disk that takes a while.
pub fn large_town() -> Town {
    let town = town();
    let file = std::fs::File::create(town.disk(SERVER)).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for offset in (0..LARGE).step_by(MIB as usize) {
        let words = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state ^ (state >> 29)).to_le_bytes()
        });
        let bytes: Vec<u8> = words.take(MIB as usize / 8).flatten().collect();
        file.write_all_at(&bytes, offset).unwrap();
    }
    set_size(&town, LARGE);
    town
}

/// Names the size of the first server's disk in the inventory.
fn set_size(town: &Town, bytes: u64) {
    let disk = town.disk(SERVER).display().to_string();
    let old = format!("source: \"{disk}\", size_bytes: {}", crate::support::town::DISK);
    town.edit(&old, &format!("source: \"{disk}\", size_bytes: {bytes}"));
}

/// The failure of the last run of the first server alone: everything from the line `error:` on.
#[track_caller]
fn failure(town: &Town, code: i32) -> String {
    let ran = town.migrate(&["run", "--server", SERVER]).code(code);
    of_failure(&ran.stderr)
}

#[track_caller]
fn of_failure(stderr: &str) -> String {
    let at = stderr.find("error: ").unwrap_or_else(|| panic!("no failure: {stderr}"));
    stderr[at..].to_owned()
}

/// The same command ends well now, and every image is its source.
#[track_caller]
fn assert_mended(town: &Town) {
    town.run_to("seeded");
    for server in SERVERS {
        assert!(town.is_equal(server), "{server}");
    }
}

/// A run of the first server, caught when some of its chunks are safe and others are not.
pub fn caught(town: &Town) -> Child {
    let mut command = town.command(&["run", "--server", SERVER]);
    let run = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while safe_chunks(town) == 0 {
        assert!(Instant::now() < until, "nothing is copied");
        std::thread::sleep(Duration::from_millis(2));
    }
    run
}

pub fn safe_chunks(town: &Town) -> usize {
    let leaves = std::fs::read(town.image(SERVER).with_extension("leaves")).unwrap_or_default();
    leaves.chunks(32).filter(|leaf| leaf.iter().any(|byte| *byte != 0)).count()
}

/// Exit code and failure of a run that was caught; its count of safe chunks is replaced by N.
#[track_caller]
fn ended(town: &Town, run: Child) -> (Option<i32>, String) {
    let output = run.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap().replace(&town.sandbox.path().display().to_string(), "ROOT");
    let safe = safe_chunks(town);
    assert!(safe > 0 && (safe as u64) < LARGE / 65536, "{safe} chunks are safe\n{text}");
    (output.status.code(), of_failure(&text).replace(&format!("{safe} of 2048"), "N of 2048"))
}

/// A tmpfs of some bytes at a folder; needs root.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn at(folder: &Path, size: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        run(&["mount", "-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", folder.to_str().unwrap()]);
        Self(folder.to_owned())
    }

    fn resize(&self, size: &str) {
        run(&["mount", "-o", &format!("remount,size={size}"), self.0.to_str().unwrap()]);
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        run(&["umount", "-l", self.0.to_str().unwrap()]);
    }
}

/// A loop device over a file, detached on drop; needs root.
struct Loop(PathBuf);

impl Drop for Loop {
    fn drop(&mut self) {
        run(&["losetup", "-d", self.0.to_str().unwrap()]);
    }
}

#[test]
fn another_host_key_is_refused_before_anything_is_sent() {
    let mut town = town();
    let dir = town.sshd.dir().to_owned();
    let known = town.sshd.fingerprint("ed25519");
    for kind in ["ed25519", "rsa"] {
        let key = dir.join(format!("host_{kind}"));
        std::fs::rename(&key, dir.join(format!("true_{kind}"))).unwrap();
        std::fs::remove_file(key.with_extension("pub")).unwrap();
        crate::support::sshd::keygen(&key, kind);
    }
    town.sshd.restart();
    let shown = town.sshd.fingerprint("ed25519");
    assert_eq!(
        failure(&town, 1),
        format!(
            "error: 127.0.0.1 shows the host key {shown}, which is not the one of the inventory ({known})\n\
             hint: The source is untouched, and its replica is as it was.\n\
             hint: Compare the fingerprint with the one shown on cinto-srv1's own console, then set `host_key` in the \
             inventory.\n{STEP}"
        )
    );
    for kind in ["ed25519", "rsa"] {
        std::fs::rename(dir.join(format!("true_{kind}")), dir.join(format!("host_{kind}"))).unwrap();
    }
    town.sshd.restart();
    assert_mended(&town);
}

#[test]
fn a_refused_login_names_user_and_ways() {
    let town = town();
    let (keys, aside) = (town.sshd.dir().join("authorized_keys"), town.sshd.dir().join("aside"));
    std::fs::rename(&keys, &aside).unwrap();
    let told = failure(&town, 1);
    let user = crate::support::sshd::user();
    assert!(told.starts_with(&format!("error: 127.0.0.1 refuses the login of {user}: ")), "{told}");
    let hints = "hint: The source is untouched, and its replica is as it was.\n\
                 hint: Let the host accept our key, or correct `access` in the inventory.\n";
    assert!(told.ends_with(&format!("\n{hints}{STEP}")), "{told}");
    std::fs::rename(&aside, &keys).unwrap();
    assert_mended(&town);
}

#[test]
fn a_killed_agent_costs_nothing_that_is_safe() {
    let town = large_town();
    let run = caught(&town);
    assert!(town.sshd.kill_commands(".traghetto-agen"), "no agent to kill");
    let (code, told) = ended(&town, run);
    assert_eq!(
        told,
        format!(
            "error: disk disk0: the pass was cut short\n  \
             because: the host of the agent cannot be used\n  \
             because: the command on 127.0.0.1 was killed by signal KILL\n\
             hint: The source is untouched; N of 2048 chunks are safe in the replica.\n\
             hint: Look for the out-of-memory killer in the kernel log of cinto-srv1; then give the same command again.\
             \n{STEP}"
        )
    );
    assert_eq!(code, Some(1));
    assert_mended(&town);
}

#[test]
fn a_link_that_is_cut_is_waited_for() {
    let mut town = large_town();
    let run = caught(&town);
    // Nobody listens for a while: the run waits, and goes on by itself.
    town.sshd.stop();
    let safe = safe_chunks(&town);
    std::thread::sleep(Duration::from_secs(3));
    assert!(safe_chunks(&town) <= safe + 100, "what was on its way is kept, nothing else comes");
    town.sshd.restart();
    let returned = Instant::now();
    let now = safe_chunks(&town);
    while safe_chunks(&town) == now {
        assert!(returned.elapsed() < Duration::from_secs(5), "it goes on within 5 s");
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = run.wait_with_output().unwrap();
    assert!(town.is_equal(SERVER), "{}", String::from_utf8_lossy(&output.stderr));
    let log = town.migrate(&["log", "--json"]).code(0);
    assert!(log.stdout.contains("\"interruptions\": 1"), "{}", log.stdout);
    assert_mended(&town);
}

#[test]
fn a_full_disk_at_the_receiver_ends_the_step_and_keeps_the_journal() {
    let town = town();
    let landing = Tmpfs::at(&town.sandbox.path().join("replicas"), "1m");
    let told = failure(&town, 1);
    let image = "./replicas/cinto-caomaggiore/cinto-srv1/disk0.img";
    let message = format!(
        "error: disk disk0: no space left for {image}\n\
         hint: The source is untouched; 0 of 49 chunks are safe in the replica.\n\
         hint: Free space on the landing host; then give the same command again.\n"
    );
    // Between the two stands a line where the journal found no room either.
    assert!(told.starts_with(&message) && told.ends_with(STEP), "{told}");
    landing.resize("100m");
    assert_mended(&town);
    let log = town.migrate(&["log"]).code(0);
    assert!(log.stdout.contains("a1.seed.cinto-srv1.disk0"), "{}", log.stdout);
}

#[test]
fn a_full_disk_under_the_state_store_begins_nothing() {
    let town = town();
    let state = Tmpfs::at(&town.sandbox.path().join(".traghetto"), "1m");
    std::fs::write(state.0.join("ballast"), vec![1; 2 * MIB as usize]).unwrap_err();
    let told = failure(&town, 1);
    assert!(told.starts_with("error: the state store ./.traghetto/state.db cannot be used\n"), "{told}");
    assert!(told.contains("hint: Nothing written before is lost. Free space"), "{told}");
    std::fs::remove_file(state.0.join("ballast")).unwrap();
    assert_mended(&town);
}

#[test]
fn what_went_wrong_is_told_where_the_journal_finds_no_room() {
    let town = large_town();
    let state = Tmpfs::at(&town.sandbox.path().join(".traghetto"), "4m");
    let run = caught(&town);
    std::fs::write(state.0.join("ballast"), vec![1; 8 * MIB as usize]).unwrap_err();
    assert!(town.sshd.kill_commands(".traghetto-agen"), "no agent to kill");
    let (code, told) = ended(&town, run);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.starts_with("error: disk disk0: the pass was cut short\n"), "{told}");
    let unwritten = "hint: The journal could not take this (the state store ./.traghetto/state.db cannot be used: ";
    assert!(told.contains(unwritten) && told.ends_with(STEP), "{told}");
    std::fs::remove_file(state.0.join("ballast")).unwrap();
    assert_mended(&town);
}

#[test]
fn a_source_that_shrinks_under_the_copy_is_named_with_its_end() {
    let town = large_town();
    let run = caught(&town);
    let file = std::fs::File::options().write(true).open(town.disk(SERVER)).unwrap();
    let end = LARGE - MIB;
    let mut lost = vec![0; MIB as usize];
    std::fs::File::open(town.disk(SERVER)).unwrap().read_exact_at(&mut lost, end).unwrap();
    file.set_len(end).unwrap();
    let (code, told) = ended(&town, run);
    assert_eq!(
        told,
        format!(
            "error: disk disk0: the source ROOT/sources/cinto-srv1.img cannot be read at byte {end}\n  \
             because: it ends at byte {end} although it was longer when the pass began\n\
             hint: The source is untouched; N of 2048 chunks are safe in the replica.\n\
             hint: Look at the disk of cinto-srv1 (SMART, kernel log); then give the same command again.\n{STEP}"
        )
    );
    assert_eq!(code, Some(1));
    // As long as it is short it is another disk.
    let told = failure(&town, 1);
    assert!(
        told.starts_with(&format!(
            "error: disk disk0: the source has {end} bytes, the replica was made for {LARGE}\n\
             hint: The source is untouched; "
        )),
        "{told}"
    );
    file.write_all_at(&lost, end).unwrap();
    assert_mended(&town);
}

#[test]
fn a_read_error_is_named_with_its_byte() {
    let town = town();
    let file = town.disk(SERVER);
    let device = Loop(loop_device(&file));
    let source = format!("source: \"{}\"", file.display());
    town.edit(&source, &format!("source: \"{}\"", device.0.display()));
    let whole = std::fs::read(&file).unwrap();
    let open = std::fs::File::options().write(true).open(&file).unwrap();
    open.set_len(2 * MIB).unwrap();
    let told = failure(&town, 1);
    let at = format!("error: disk disk0: the source {} cannot be read at byte ", device.0.display());
    let (byte, rest) = told.strip_prefix(&at).unwrap_or_else(|| panic!("{told}")).split_once('\n').unwrap();
    // The map looks at both ends of the disk first.
    assert!((2 * MIB..whole.len() as u64).contains(&byte.parse().unwrap()), "{told}");
    assert_eq!(
        rest,
        format!(
            "  because: Input/output error (os error 5)\n\
             hint: The source is untouched.\n\
             hint: Look at the disk of cinto-srv1 (SMART, kernel log); then give the same command again.\n{STEP}"
        )
    );
    open.write_all_at(&whole, 0).unwrap();
    open.sync_all().unwrap();
    assert_mended(&town);
}

#[test]
fn a_run_told_to_end_keeps_what_is_safe() {
    let town = large_town();
    let run = caught(&town);
    let pid = rustix::process::Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let (code, told) = ended(&town, run);
    assert_eq!(
        told,
        "error: interrupted\n\
         hint: The source is untouched and everything acknowledged is kept.\n\
         hint: Go on with: traghetto migrate run cinto-caomaggiore\n"
    );
    assert_eq!(code, Some(130));
    assert_mended(&town);
}

#[test]
fn two_runs_never_write_at_once() {
    let town = large_town();
    let first = caught(&town);
    let told = town.migrate(&["run", "--server", SERVER]).code(5).stderr;
    assert!(told.contains("waiting: tenant/cinto-caomaggiore is held by anna-veneto since "), "{told}");
    let command = "traghetto migrate run cinto-caomaggiore --server cinto-srv1 --take-over --reason TEXT";
    let ends = format!("hint: Call: Anna Veneto, +39 041 555 0101\nhint: To push a living holder aside: {command}\n");
    assert!(told.ends_with(&ends), "{told}");
    let taken = town.migrate(&["run", "--take-over", "--reason", "no answer", "--operator", "bruno-laguna"]);
    let (code, told) = {
        let output = first.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("error: tenant/cinto-caomaggiore was taken over by bruno-laguna since "), "{told}");
    assert!(told.ends_with("hint: Call: Bruno Laguna, +39 041 555 0102\n"), "{told}");
    assert!(taken.code == 5 || taken.code == 1, "{}", taken.stderr);
    assert_mended(&town);
}
