//! Who still reaches whom when something fails: computed from what the texts say.
