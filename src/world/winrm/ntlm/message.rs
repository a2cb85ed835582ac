//! The layout of NTLM messages: a fixed head whose fields point into what follows.

/// What begins every message.
pub(super) const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// Why a login cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NtlmError {
    /// The answer is not a challenge.
    #[error("the answer is no NTLM challenge ({0})")]
    Malformed(&'static str),
    /// Something that we insist on is not agreed.
    #[error("the host does not agree to {0}")]
    Weak(&'static str),
}

/// The start of the message `kind`.
pub(super) fn start(kind: u32) -> Vec<u8> {
    [&SIGNATURE[..], &kind.to_le_bytes()].concat()
}

/// Reads a message at given places; nothing outside of it is read.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn slice(&self, at: usize, length: usize) -> Result<&'a [u8], NtlmError> {
        let end = at.checked_add(length);
        end.and_then(|end| self.0.get(at..end)).ok_or(NtlmError::Malformed("it is too short"))
    }

    pub(super) fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], NtlmError> {
        self.slice(at, N)?.try_into().map_err(|_| NtlmError::Malformed("it is too short"))
    }

    pub(super) fn u16(&self, at: usize) -> Result<u16, NtlmError> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&self, at: usize) -> Result<u32, NtlmError> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// The bytes to which the field at `at` points.
    pub(super) fn payload(&self, at: usize) -> Result<&'a [u8], NtlmError> {
        let (length, offset) = (self.u16(at)?, self.u32(at + 4)?);
        let offset = usize::try_from(offset).map_err(|_| NtlmError::Malformed("it points outside of itself"))?;
        self.slice(offset, length.into())
    }
}

/// What the fields of a message point to.
pub(super) struct Fields {
    offset: usize,
    pub(super) payload: Vec<u8>,
}

impl Fields {
    /// Fields of a message whose head is `head` bytes long.
    pub(super) fn after(head: usize) -> Self {
        Self { offset: head, payload: Vec::new() }
    }

    /// Adds `bytes` and returns the header that points to them.
    pub(super) fn add(&mut self, bytes: &[u8]) -> [u8; 8] {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes();
        let offset = u32::try_from(self.offset + self.payload.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.payload.extend(bytes);
        let ([l0, l1], [o0, o1, o2, o3]) = (length, offset);
        [l0, l1, l0, l1, o0, o1, o2, o3]
    }
}
