//! What happened: hash-chained events, their mirror beside the replicas, and leases.
//!
//! Migration, checklists and fees all write here. An event is one JSON line whose `prev` is the
//! SHA-256 of the previous line's bytes with its newline.
