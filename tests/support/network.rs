//! Invented tenants beside the real ones: fibre with copper, one router with radio and LTE.

use super::{Sandbox, copy_folder, project};

/// Tenants with a complete network: Cinto Caomaggiore and the invented ones.
pub const TENANTS: [&str; 3] = ["cinto-caomaggiore", "isola-bassa", "ponte-lungo"];

/// A sandbox with the project's inventory and the invented tenants in it.
pub fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_project();
    for name in ["ponte-lungo", "isola-bassa"] {
        let path = project().join(format!("tests/fixtures/network/{name}.yaml"));
        sandbox.write(&format!("inventory/tenants/{name}.yaml"), &std::fs::read_to_string(path).unwrap());
    }
    sandbox
}

/// A sandbox with the 21 complete, invented tenants of `tests/fixtures/estate-21` and nothing else.
pub fn estate() -> Sandbox {
    let sandbox = Sandbox::empty();
    copy_folder(&project().join("tests/fixtures/estate-21/inventory"), &sandbox.path().join("inventory"));
    sandbox
}
