//! The agent as it is pushed: small, static, and without the parts of the runner.

use traghetto::replica::AgentBinary;

/// `make test` builds it and names it by `TRAGHETTO_AGENT`; a plain `cargo test` has only the dynamic one.
#[test]
fn the_agent_is_small_static_and_alone() {
    let Some(path) = std::env::var_os("TRAGHETTO_AGENT") else {
        println!("not run: `make test` builds the static agent and names it by TRAGHETTO_AGENT");
        return;
    };
    let agent = AgentBinary::find(Some(&path), "/nowhere/traghetto".as_ref()).unwrap();
    assert!(agent.is_static(), "{} needs a loader", agent.path().display());
    let content = std::fs::read(agent.path()).unwrap();
    // As tests compile it, without optimisation; `make agent` holds a release to 3 MB.
    assert!(content.len() < 4_500_000, "it has {} bytes", content.len());
    for word in ["tokio", "sqlx", "russh"] {
        let found = content.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!found, "the agent contains {word}");
    }
}
