//! A job from the inventory: nothing of it is typed a second time.

use crate::digest::sha256;
use crate::model::TenantId;
use crate::model::converter::{Aside, ConverterSource, ConverterTarget, Job};
use crate::model::server::{Os, Server};

/// The job of `server`. Ask [`super::refusals`] whether it may be.
pub fn derive(tenant: &TenantId, server: &Server, source: &ConverterSource, target: &ConverterTarget) -> Job {
    let (Os::Windows(os) | Os::Linux(os)) = &server.os;
    let mut job = Job {
        tenant: tenant.clone(),
        server: server.id.clone(),
        os: os.clone(),
        source: source.clone(),
        target: target.clone(),
        aside: Aside::FIXED,
        digest: String::new(),
    };
    job.digest = digest(&job);
    job
}

/// Of what the job is, and not of who may ask for it: passwords and certificates change.
fn digest(job: &Job) -> String {
    let mut job = job.clone();
    (job.source.thumbprint, job.target.thumbprint) = (None, None);
    sha256(serde_json::to_string(&job).unwrap_or_default().as_bytes())
}
