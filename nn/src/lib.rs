//! Part of gradus.

pub mod data;
pub mod io;
pub mod loss;
pub mod ops;
pub mod optim;
