//! What a [`RouterPlan`](super::router::RouterPlan) means, as the device that its text must describe.
