//! Whatever stands in a file, the loader answers.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever stands in a file, the answer is a configuration or a list of errors that can be shown.
    #[test]
    fn no_bytes_can_stop_the_loader(
        file in 0..FILES.len(),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let site = Site::new();
        site.write(FILES[file], bytes);
        if let Err(reports) = site.load() {
            prop_assert!(!render(&reports, true).is_empty());
        }
    }

    /// The same for files that are nearly right.
    #[test]
    fn no_slip_of_the_pen_can_stop_the_loader(
        file in 0..FILES.len(),
        at in any::<prop::sample::Index>(),
        cut in 0..40_usize,
        put in "[\\PC\n\"\\[\\]{}=,#<>]{0,6}",
    ) {
        let site = Site::new();
        let mut bytes = fs::read(site.path(FILES[file])).unwrap();
        let start = at.index(bytes.len());
        let end = (start + cut).min(bytes.len());
        bytes.splice(start..end, put.bytes());
        site.write(FILES[file], bytes);
        if let Err(reports) = site.load() {
            prop_assert!(!reports.is_empty() && !render(&reports, false).is_empty());
        }
    }
}
