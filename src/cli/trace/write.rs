//! What one write looked like on its line: the request, the reply, and what was read back.

use std::path::Path;

use super::{text, wire};
use crate::cli::door::{self, Unheard};
use crate::domain::ids::BusId;
use crate::domain::line::Line;
use crate::domain::probe::Frame;
use crate::http::door::{Asked, Told};

/// Function codes that write: 05, 06, 15, 16, 22.
const WRITES: [u8; 5] = [0x05, 0x06, 0x0F, 0x10, 0x16];

/// The frames of a line that the running daemon remembers, from this number on; none when no daemon runs.
pub(in crate::cli) fn remembered(
    data: &Path,
    bus: &BusId,
    mut from: u64,
) -> Result<Vec<Frame>, Unheard> {
    let mut all = Vec::new();
    loop {
        let bus = bus.clone();
        let Some(Told::Frames { frames }) = door::ask(data, &Asked::Frames { bus, from })? else {
            return Ok(all);
        };
        let Some(last) = frames.last() else {
            return Ok(all);
        };
        from = last.number + 1;
        all.extend(frames);
    }
}

/// The last write to a unit among frames, with its reply and the read that looked whether it stands, as lines.
pub(in crate::cli) fn lines(
    frames: &[Frame],
    (line, unit): (&Line, u8),
    utc_offset_minutes: i32,
) -> Vec<String> {
    let wire = wire(line);
    let read = |frame: &Frame| {
        let bytes = text::bytes(&frame.hex);
        match text::unit_and_pdu(&bytes, wire) {
            Some([of, function, high, low, ..]) if *of == unit => Some((*function, [*high, *low])),
            Some(_) | None => None,
        }
    };
    let is_write = |frame: &Frame| {
        let function = read(frame).map(|(function, _)| function);
        frame.sent && function.is_some_and(|function| WRITES.contains(&function))
    };
    let Some(at) = frames.iter().rposition(is_write) else {
        return Vec::new();
    };
    let written = read(&frames[at]).map(|(_, address)| address);
    let after = &frames[at + 1..];
    let reply = after.iter().find(|frame| !frame.sent);
    let looks = |frame: &Frame| {
        frame.sent && !is_write(frame) && read(frame).map(|(_, address)| address) == written
    };
    let back = after.iter().position(looks).map(|at| &after[at..]);
    let back = back.into_iter().flat_map(|frames| frames.iter().take(2));
    [&frames[at]]
        .into_iter()
        .chain(reply)
        .chain(back)
        .map(|frame| text::of(frame, wire, utc_offset_minutes))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{EngineTime, WallTime};

    #[test]
    fn a_write_is_found_among_the_polling_with_its_echo_and_what_was_read_back() {
        let frame = |(sent, hex): &(bool, &str)| Frame {
            number: 0,
            at: EngineTime(0),
            wall: WallTime(0),
            sent: *sent,
            verdict: "right".to_owned(),
            hex: (*hex).to_owned(),
        };
        let frames: Vec<Frame> = [
            (true, "0103000000044409"),
            (false, "01030800000000000000009512"),
            (true, "01050003ff007c3a"),
            (false, "01050003ff007c3a"),
            (true, "010100030001cc0a"),
            (false, "010101019048"),
            (true, "0103000000044409"),
        ]
        .iter()
        .map(frame)
        .collect();
        let line = Line::RtuOverTcp("127.0.0.1:4001".to_owned());
        let shown = lines(&frames, (&line, 1), 0);
        let codes: Vec<_> = shown.iter().map(|line| &line[13..14]).collect();
        assert_eq!(codes, [">", "<", ">", "<"], "{shown:#?}");
        assert!(shown[0].contains("FC 05") && shown[3].ends_with("01 01 01 01 90 48"));
        assert_eq!(lines(&frames, (&line, 2), 0), Vec::<String>::new());
        // A device that writes and does not answer.
        let shown = lines(&frames[..3], (&line, 1), 0);
        assert_eq!(shown.len(), 1, "{shown:#?}");
    }
}
