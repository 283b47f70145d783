//! Part of gradus.
