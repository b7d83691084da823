//! The shipped files are valid, and planted errors are found where they stand.

use super::*;

#[test]
fn the_shipped_files_are_valid() {
    let loaded = load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config")));
    if let Err(reports) = loaded {
        panic!("{}", render(&reports, false));
    }
}
