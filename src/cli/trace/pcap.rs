//! A capture file that Wireshark opens: each frame of a line as the packet that could have carried it.
//!
//! The packets around the frames are made up (addresses, ports, sequence numbers); the frames and their times are what was on the
//! line. Modbus TCP and GB/T 26875.3 become TCP; the frames of a serial line become datagrams, because each of them is whole:
//! `tshark -d udp.port==5020,mbrtu -r FILE`.

use std::net::Ipv4Addr;

/// Classic pcap with microseconds, little-endian, Ethernet (draft-ietf-opsawg-pcap).
const MAGIC: u32 = 0xA1B2_C3D4;
const SNAP_LENGTH: u32 = 65_535;
const ETHERNET: u32 = 1;
/// This end and the device, where the line names no IPv4 address of its own.
const OURS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const THEIRS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// Our first port; a new one for each connection.
const PORT_FIRST: u16 = 49_152;

/// What the frames of a line are carried in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// A stream to this port of the device.
    Tcp(u16),
    /// A datagram each, to this port.
    Udp(u16),
}

/// A frame with its moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// Wall time in milliseconds since 1970.
    pub(super) wall_ms: i64,
    /// From us to the device.
    pub(super) is_sent: bool,
    pub(super) bytes: &'a [u8],
    /// What came is not what the stream would have gone on with: the next frame is put on a new connection, so that one bad
    /// frame does not hide the good ones behind it.
    pub(super) ends_stream: bool,
}

/// A capture that is being made.
pub(super) struct Capture {
    file: Vec<u8>,
    wire: Wire,
    device: Ipv4Addr,
    port: u16,
    /// Next sequence numbers: ours, theirs.
    next: (u32, u32),
    packets: u16,
}

impl Capture {
    /// An empty file.
    pub(super) fn new(wire: Wire, device: Option<Ipv4Addr>) -> Self {
        let mut file = Vec::new();
        file.extend(MAGIC.to_le_bytes());
        // Version 2.4, no correction of the time.
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(SNAP_LENGTH.to_le_bytes());
        file.extend(ETHERNET.to_le_bytes());
        Self {
            file,
            wire,
            device: device.unwrap_or(THEIRS),
            port: PORT_FIRST,
            next: (1, 1),
            packets: 0,
        }
    }

    /// Adds a frame. One that no packet can hold is cut.
    pub(super) fn add(&mut self, packet: Packet<'_>) {
        const HEADERS: usize = 14 + 20 + 20;
        let most = usize::try_from(SNAP_LENGTH).unwrap_or(0) - HEADERS;
        let bytes = packet.bytes.get(..most).unwrap_or(packet.bytes);
        let carried = match self.wire {
            Wire::Tcp(port) => self.tcp(port, packet.is_sent, bytes),
            Wire::Udp(port) => self.udp(port, packet.is_sent, bytes),
        };
        let framed = self.framed(packet.is_sent, &carried);
        let (seconds, rest) = (
            packet.wall_ms.div_euclid(1_000),
            packet.wall_ms.rem_euclid(1_000),
        );
        let length = u32::try_from(framed.len()).unwrap_or(SNAP_LENGTH);
        for word in [
            u32::try_from(seconds).unwrap_or_default(),
            u32::try_from(rest * 1_000).unwrap_or_default(),
            length,
            length,
        ] {
            self.file.extend(word.to_le_bytes());
        }
        self.file.extend(framed);
        if packet.ends_stream {
            self.end_stream();
        }
    }

    /// Nothing came: what comes now belongs to another connection.
    pub(super) fn end_stream(&mut self) {
        self.port = self.port.checked_add(1).unwrap_or(PORT_FIRST);
        self.next = (1, 1);
    }

    /// The bytes of the file since the last time.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.file)
    }

    fn ends(&self, is_sent: bool) -> (Ipv4Addr, Ipv4Addr) {
        if is_sent {
            (OURS, self.device)
        } else {
            (self.device, OURS)
        }
    }

    fn ports(&self, port: u16, is_sent: bool) -> (u16, u16) {
        if is_sent {
            (self.port, port)
        } else {
            (port, self.port)
        }
    }

    fn tcp(&mut self, port: u16, is_sent: bool, bytes: &[u8]) -> Vec<u8> {
        let (from, to) = self.ports(port, is_sent);
        let length = u32::try_from(bytes.len()).unwrap_or_default();
        let (ours, theirs) = self.next;
        let (sequence, acknowledged) = if is_sent {
            self.next.0 = ours.wrapping_add(length);
            (ours, theirs)
        } else {
            self.next.1 = theirs.wrapping_add(length);
            (theirs, ours)
        };
        let mut segment = Vec::with_capacity(20 + bytes.len());
        segment.extend(from.to_be_bytes());
        segment.extend(to.to_be_bytes());
        segment.extend(sequence.to_be_bytes());
        segment.extend(acknowledged.to_be_bytes());
        // Five words of header, PSH and ACK, a window, no checksum yet, nothing urgent.
        segment.extend([0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
        segment.extend(bytes);
        self.checked(segment, (6, 16), is_sent)
    }

    fn udp(&mut self, port: u16, is_sent: bool, bytes: &[u8]) -> Vec<u8> {
        let (from, to) = self.ports(port, is_sent);
        let mut datagram = Vec::with_capacity(8 + bytes.len());
        datagram.extend(from.to_be_bytes());
        datagram.extend(to.to_be_bytes());
        datagram.extend(length_of(bytes, 8).to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(bytes);
        self.checked(datagram, (17, 6), is_sent)
    }

    /// With the checksum over the addresses, the protocol, the length and all of it (RFC 9293, 3.1; RFC 768).
    fn checked(&self, mut carried: Vec<u8>, (protocol, at): (u8, usize), is_sent: bool) -> Vec<u8> {
        let (from, to) = self.ends(is_sent);
        let mut pseudo = Vec::with_capacity(12 + carried.len());
        pseudo.extend(from.octets());
        pseudo.extend(to.octets());
        pseudo.extend([0, protocol]);
        pseudo.extend(length_of(&carried, 0).to_be_bytes());
        pseudo.extend(&carried);
        let sum = checksum(&pseudo).to_be_bytes();
        for (place, byte) in carried.iter_mut().skip(at).zip(sum) {
            *place = byte;
        }
        carried
    }

    /// Ethernet and IPv4 around it.
    fn framed(&mut self, is_sent: bool, carried: &[u8]) -> Vec<u8> {
        let (from, to) = self.ends(is_sent);
        // Addresses that belong to no maker.
        let (ours, theirs) = ([0x02, 0, 0, 0, 0, 1], [0x02, 0, 0, 0, 0, 2]);
        let (source, destination) = if is_sent {
            (ours, theirs)
        } else {
            (theirs, ours)
        };
        let protocol = match self.wire {
            Wire::Tcp(_) => 6,
            Wire::Udp(_) => 17,
        };
        self.packets = self.packets.wrapping_add(1);
        let mut header = vec![0x45, 0];
        header.extend(length_of(carried, 20).to_be_bytes());
        header.extend(self.packets.to_be_bytes());
        // Not to be fragmented, 64 hops, no checksum yet.
        header.extend([0x40, 0, 64, protocol, 0, 0]);
        header.extend(from.octets());
        header.extend(to.octets());
        let sum = checksum(&header).to_be_bytes();
        for (place, byte) in header.iter_mut().skip(10).zip(sum) {
            *place = byte;
        }
        let mut frame = Vec::with_capacity(34 + carried.len());
        frame.extend(destination);
        frame.extend(source);
        frame.extend([0x08, 0x00]);
        frame.extend(header);
        frame.extend(carried);
        frame
    }
}

fn length_of(bytes: &[u8], header: usize) -> u16 {
    u16::try_from(bytes.len() + header).unwrap_or(u16::MAX)
}

/// The checksum of the Internet (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<2>();
    let mut sum: u32 = words
        .iter()
        .map(|word| u32::from(u16::from_be_bytes(*word)))
        .sum();
    sum += rest.first().map_or(0, |byte| u32::from(*byte) << 8);
    while sum > 0xFFFF {
        sum = (sum >> 16) + (sum & 0xFFFF);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        // RFC 1071, 3: the sum of these is ddf2.
        let bytes = [0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7];
        assert_eq!(checksum(&bytes), !0xDDF2);
        assert_eq!(checksum(&[0x01]), !0x0100);
    }
}
