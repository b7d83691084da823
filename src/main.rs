//! The life of the process, top to bottom.

fn main() {}
