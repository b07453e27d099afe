//! Upper-casing of a byte stream.
