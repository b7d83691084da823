//! A device that speaks MQTT 5 by itself: bytes on a socket, so that neither client nor broker checks its own reading of the
//! standard (MQTT Version 5.0, OASIS Standard 07 March 2019; section numbers below).

use std::collections::VecDeque;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::BOUND;

/// A message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) retain: bool,
}

impl Message {
    /// The payload, which must be what docs/schemas says.
    pub(super) fn json(&self) -> serde_json::Value {
        let payload = serde_json::from_slice(&self.payload).expect("JSON");
        super::schemas::check(&self.topic, &payload);
        payload
    }
}

/// How a device comes in.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) client: String,
    pub(super) user: Option<String>,
    pub(super) password: String,
    /// Topic and payload of a retained last will.
    pub(super) will: Option<(String, String)>,
    pub(super) clean: bool,
}

impl Login {
    pub(super) fn new(user: &str, password: &str) -> Self {
        Self {
            client: format!("{user}-phone"),
            user: Some(user.to_owned()),
            password: password.to_owned(),
            will: None,
            clean: true,
        }
    }
}

/// Packets on a socket (2.1): the first byte and what follows the length.
#[derive(Debug)]
pub(super) struct Packets(TcpStream);

#[derive(Debug)]
pub(super) struct Device {
    packets: Packets,
    inbox: VecDeque<Message>,
    packet: u16,
    pub(super) session_present: bool,
}

impl Device {
    /// CONNECT (3.1); the reason code of a refusal.
    pub(super) async fn connect(address: SocketAddr, login: &Login) -> Result<Self, u8> {
        let stream = TcpStream::connect(address).await.expect("a listener");
        let mut device = Self {
            packets: Packets::new(stream),
            inbox: VecDeque::new(),
            packet: 0,
            session_present: false,
        };
        let mut flags = 0;
        let mut body = Vec::new();
        text(&mut body, "MQTT");
        body.push(5);
        flags |= u8::from(login.clean) << 1;
        flags |= u8::from(login.user.is_some()) * 0xc0;
        flags |= u8::from(login.will.is_some()) * 0x2c;
        body.push(flags);
        body.extend(30_u16.to_be_bytes());
        body.extend([5, 0x11]);
        body.extend(3_600_u32.to_be_bytes());
        text(&mut body, &login.client);
        if let Some((topic, payload)) = &login.will {
            body.push(0);
            text(&mut body, topic);
            text(&mut body, payload);
        }
        if let Some(user) = &login.user {
            text(&mut body, user);
            text(&mut body, &login.password);
        }
        device.packets.send(0x10, &body).await;
        let (kind, body) = device.packets.read().await.expect("CONNACK");
        assert_eq!(kind, 0x20);
        device.session_present = body[0] == 1;
        match body[1] {
            0 => Ok(device),
            reason => Err(reason),
        }
    }

    /// SUBSCRIBE (3.8) with QoS 1; the reason code.
    pub(super) async fn subscribe(&mut self, filter: &str) -> u8 {
        let mut body = self.next_packet().to_be_bytes().to_vec();
        body.push(0);
        text(&mut body, filter);
        body.push(1);
        self.packets.send(0x82, &body).await;
        let body = self.answer(0x90).await;
        *body.last().expect("a code")
    }

    /// PUBLISH (3.3) with QoS 1; the reason code of its PUBACK.
    pub(super) async fn publish(&mut self, topic: &str, payload: &str, retain: bool) -> u8 {
        let mut body = Vec::new();
        text(&mut body, topic);
        body.extend(self.next_packet().to_be_bytes());
        body.push(0);
        body.extend(payload.as_bytes());
        self.packets.send(0x32 | u8::from(retain), &body).await;
        let body = self.answer(0x40).await;
        body.get(2).copied().unwrap_or(0)
    }

    /// The next message, within the bound.
    pub(super) async fn message(&mut self) -> Message {
        self.until(|_| true).await
    }

    /// The next message that satisfies `is`, within the bound; those before it are dropped.
    pub(super) async fn until(&mut self, is: impl Fn(&Message) -> bool) -> Message {
        let wait = async {
            loop {
                while let Some(message) = self.inbox.pop_front() {
                    if is(&message) {
                        return message;
                    }
                }
                let (kind, body) = self.packets.read().await.expect("a packet");
                self.take(kind, &body).await;
            }
        };
        tokio::time::timeout(BOUND, wait).await.expect("in time")
    }

    /// Goes without a word: the broker has to say the last will.
    pub(super) fn vanish(self) {
        drop(self);
    }

    /// DISCONNECT (3.14).
    pub(super) async fn leave(mut self) {
        self.packets.send(0xe0, &[]).await;
    }

    /// Whether the broker ends the connection, within the bound.
    pub(super) async fn is_sent_away(&mut self) -> bool {
        let wait = async {
            while let Some((kind, body)) = self.packets.read().await {
                self.take(kind, &body).await;
            }
        };
        tokio::time::timeout(BOUND, wait).await.is_ok()
    }

    async fn answer(&mut self, wanted: u8) -> Vec<u8> {
        let wait = async {
            loop {
                let (kind, body) = self.packets.read().await.expect("an answer");
                if kind == wanted {
                    return body;
                }
                self.take(kind, &body).await;
            }
        };
        tokio::time::timeout(BOUND, wait).await.expect("in time")
    }

    /// Takes a message in and acknowledges it.
    async fn take(&mut self, kind: u8, body: &[u8]) {
        if kind & 0xf0 != 0x30 {
            return;
        }
        let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let topic = String::from_utf8(body[2..2 + length].to_vec()).expect("a topic");
        let mut rest = &body[2 + length..];
        if kind & 0x06 != 0 {
            let packet = [rest[0], rest[1]];
            rest = &rest[2..];
            self.packets.send(0x40, &packet).await;
        }
        let (properties, used) = varint(rest);
        let payload = rest[used + properties..].to_vec();
        let retain = kind & 1 == 1;
        let message = Message {
            topic,
            payload,
            retain,
        };
        self.inbox.push_back(message);
    }

    fn next_packet(&mut self) -> u16 {
        self.packet += 1;
        self.packet
    }
}

impl Packets {
    pub(super) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket");
        Self(stream)
    }

    pub(super) async fn send(&mut self, kind: u8, body: &[u8]) {
        let mut packet = vec![kind];
        let mut length = body.len();
        loop {
            let byte = u8::try_from(length % 128).expect("seven bits");
            length /= 128;
            packet.push(byte | u8::from(length > 0) << 7);
            if length == 0 {
                break;
            }
        }
        packet.extend(body);
        // A broker that went away is noticed by the next read.
        let _ = self.0.write_all(&packet).await;
    }

    pub(super) async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let kind = self.0.read_u8().await.ok()?;
        let mut length = 0_usize;
        for shift in [0, 7, 14, 21] {
            let byte = self.0.read_u8().await.ok()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        Some((kind, body))
    }
}

pub(super) fn text(body: &mut Vec<u8>, text: &str) {
    body.extend(u16::try_from(text.len()).expect("short").to_be_bytes());
    body.extend(text.as_bytes());
}

fn varint(bytes: &[u8]) -> (usize, usize) {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return (value, index + 1);
        }
    }
    panic!("no length");
}
