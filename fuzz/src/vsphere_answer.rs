//! What the client of vSphere reads: any bytes are refused or understood.

/// Reads the input as every kind of answer, and as the body of one.
pub fn check(input: &[u8]) {
    traghetto::world::vsphere::examine(input);
    // A mutator does not guess an envelope.
    let body = String::from_utf8_lossy(input);
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Body>{body}</s:Body></s:Envelope>"
    );
    traghetto::world::vsphere::examine(envelope.as_bytes());
}
