//! Any bytes into every decoder of the field and of the files: nothing panics, nothing grows, and what is not exactly right gives
//! no value.
//!
//! The same entries serve three readers: `tests/corpus/`, which is replayed in every test run; proptest, which makes up bytes; and
//! the night, which changes the corpus for as long as `FENGSUI_FUZZ_SECONDS` says. libFuzzer needs a nightly compiler, which this
//! project does not use.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tokio::time::{Duration, Instant};

use crate::config::fuzz as files;
use crate::field::fuzz as field;

/// A decoder by the name of its corpus.
type Entry = (&'static str, fn(&[u8]));

const ENTRIES: [Entry; 5] = [
    ("mbap", field::mbap),
    ("rtu", field::rtu),
    ("printer", field::printer),
    ("template", field::template),
    ("points", files::points),
];
/// Longest input of the night.
const BYTES_MAX: usize = 2_048;

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let entries = std::fs::read_dir(folder.join(name)).expect("a corpus");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("bytes");
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

#[test]
fn the_corpus_is_replayed() {
    for (name, entry) in ENTRIES {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for (_, bytes) in inputs {
            entry(&bytes);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_go_into_every_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (_, entry) in ENTRIES {
            entry(&bytes);
        }
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how long is chosen by the one who runs it"
)]
fn the_corpus_changed_at_random_goes_into_every_decoder() {
    let seconds = std::env::var("FENGSUI_FUZZ_SECONDS");
    let seconds = seconds.ok().and_then(|text| text.parse::<u64>().ok());
    let each = Duration::from_millis(seconds.map_or(200, |seconds| seconds * 1_000 / 5));
    for (name, entry) in ENTRIES {
        let inputs = corpus(name);
        let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
        let (mut rounds, end) = (0_u64, Instant::now() + each);
        while Instant::now() < end {
            for _ in 0..64 {
                let bytes = chance.changed(&inputs);
                let shown = bytes.clone();
                let tried = std::panic::catch_unwind(move || entry(&bytes));
                assert!(
                    tried.is_ok(),
                    "{name}: put this into tests/corpus/{name}: {shown:02x?}"
                );
                rounds += 1;
            }
        }
        assert!(rounds > 0, "{name}");
    }
}

/// xorshift64*: the same night every night, so that what was found is found again.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % below.max(1)
    }

    /// One input of the corpus with some bytes changed, put in, taken out, doubled, or with a part of another input.
    fn changed(&mut self, inputs: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = inputs[self.next(inputs.len())].1.clone();
        for _ in 0..=self.next(4) {
            let at = self.next(bytes.len() + 1);
            match self.next(6) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.next(8),
                1 if at < bytes.len() => bytes[at] = u8::try_from(self.next(256)).unwrap(),
                2 => bytes.insert(at, u8::try_from(self.next(256)).unwrap()),
                3 if at < bytes.len() => {
                    let end = at + self.next(bytes.len() - at + 1);
                    bytes.drain(at..end);
                }
                4 => {
                    let part = bytes[at..].to_vec();
                    bytes.extend(part);
                }
                5 => {
                    let other = &inputs[self.next(inputs.len())].1;
                    let from = self.next(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend(&other[from..]);
                }
                _ => {}
            }
            bytes.truncate(BYTES_MAX);
        }
        bytes
    }
}
