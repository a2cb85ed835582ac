//! A draft of a tenant's file from the running configurations of its routers.
