//! Part of gradus.

pub mod optim;
pub mod data;
pub mod io;
