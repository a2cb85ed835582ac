//! One pass over SSH as `migrate run` makes it, without playbook and journal: what `benches/run` measures.
//!
//! `bench-pass [--sample] HOST PORT KEY HOST_KEY AGENT SOURCE FOLDER [DONOR]` brings the replica in FOLDER up to date
//! with SOURCE on HOST, which nothing writes to, taking from the replica in the folder DONOR what that one
//! has, and prints one line of JSON: the pass report, `interfaces` (bytes of all network
//! interfaces of this namespace during the pass, both directions), `ssh` (bytes of the SSH stream)
//! and `peak_rss`. Login and the push of
//! the agent come before the counting begins; `seconds` counts them too. With `--sample` a sample is taken
//! before, and `forecast` is what it says of `bytes_payload` at the rate that the pass had.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use traghetto::model::server::{Access, Login, SshProfile};
use traghetto::replica::{self, AgentBinary, DiskReplica, MapWanted, PassOptions, SampleOptions, StartOptions};
use traghetto::world::ssh::{Deadlines, Session, Trust};

type Error = Box<dyn std::error::Error>;

/// The highest level of compression, as in `migrate run`.
const LEVEL: u8 = 12;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ran = runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(run()));
    let told = ran.map(|report| writeln!(io::stdout(), "{report}"));
    match told {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            let mut cause: Option<&dyn std::error::Error> = Some(error.as_ref());
            while let Some(error) = cause {
                // Without a reader of standard error nobody can be told.
                let _ = writeln!(io::stderr(), "bench-pass: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<serde_json::Value, Error> {
    let begun = Instant::now();
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let sampled = args.first().is_some_and(|first| first == "--sample");
    if sampled {
        args.remove(0);
    }
    let [host, port, key, host_key, agent, source, folder, donors @ ..] = args.as_slice() else {
        return Err("[--sample] HOST PORT KEY HOST_KEY AGENT SOURCE FOLDER [DONOR]".into());
    };
    let access = Access {
        host: host.clone(),
        port: port.parse()?,
        user: "root".to_owned(),
        login: Login::Key(PathBuf::from(key)),
        host_key: Some(host_key.clone()),
        ssh_profile: SshProfile::default(),
        via: None,
    };
    let trust = Trust { known_hosts: Vec::new(), root: "/".into(), agent: None };
    let session = Session::connect(&access, &trust, Deadlines::default()).await?;
    let agent = AgentBinary::find(Some(agent.as_ref()), Path::new("/"))?;
    let mut link = replica::start(&session, &agent, StartOptions::default()).await?;
    let id = "disk0".parse()?;
    let disk = DiskReplica::new(Path::new(folder), &id);
    let donors = donors.iter().map(|donor| DiskReplica::new(Path::new(donor), &id)).collect();
    let options =
        PassOptions { store: "bench".to_owned(), level: LEVEL, map: MapWanted::Quiet, donors, snapshot: false };

    let sample = match sampled {
        true => {
            let how = SampleOptions { permille: 10, level: LEVEL };
            Some(replica::sample(&mut link, &id, Path::new(source), how, &mut |_| {}).await?)
        }
        false => None,
    };
    let (wire, ssh) = (interface_bytes()?, session.bytes());
    let report = replica::pass(&mut link, &disk, Path::new(source), &options, &mut |_| {}).await?;
    let now = session.bytes();
    let mut told = serde_json::to_value(&report)?;
    let rate = report.bytes_payload as f64 / report.duration.as_secs_f64();
    told["forecast"] = sample.and_then(|sample| sample.first_copy(rate)).map(|copy| copy.bytes).into();
    told["interfaces"] = (interface_bytes()? - wire).into();
    told["ssh"] = (now.0 + now.1 - ssh.0 - ssh.1).into();
    told["peak_rss"] = (1024 * number_after("/proc/self/status", "VmHWM:")?).into();
    told["seconds"] = begun.elapsed().as_secs_f64().into();
    Ok(told)
}

/// Bytes sent and received by all interfaces of this network namespace.
fn interface_bytes() -> Result<u64, Error> {
    let text = std::fs::read_to_string("/proc/self/net/dev")?;
    let mut total = 0;
    for (_, counters) in text.lines().filter_map(|line| line.split_once(':')) {
        let counters: Vec<u64> = counters.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        // Received bytes are the first counter, sent ones the ninth.
        total += counters.first().ok_or("no counters")? + counters.get(8).ok_or("too few counters")?;
    }
    Ok(total)
}

/// The number that follows `key` in a file of /proc.
fn number_after(path: &str, key: &str) -> Result<u64, Error> {
    let text = std::fs::read_to_string(path)?;
    let value = text.lines().find_map(|line| line.strip_prefix(key)).ok_or_else(|| format!("no {key} in {path}"))?;
    Ok(value.split_whitespace().next().unwrap_or_default().parse()?)
}
