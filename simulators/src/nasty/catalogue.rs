//! The behaviours in words, for `GET /behaviours` and the page: what each is, where it can be, its parameters and what stands for
//! one that is left out. An order is read against it, so a typing error is told and not ignored.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Behaviour, Order};
use crate::layout::Name;

/// A behaviour in words.
#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u8,
    name: &'static str,
    zh: &'static str,
    en: &'static str,
    ways: Ways,
    /// For so many replies when nothing is said; 0 until it is switched off.
    times: u64,
    /// Name and default as JSON.
    parameters: &'static [(&'static str, &'static str)],
}

/// Where a behaviour can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ways {
    All,
    /// Modbus TCP alone: only there is a transaction.
    Tcp,
    /// Anything behind a socket.
    Socket,
    /// Frames with a checksum, on a serial line or through a gateway.
    Rtu,
    /// A serial line alone.
    Serial,
}

/// Which way a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Modbus TCP.
    Tcp,
    /// RTU frames through a socket.
    RtuTcp,
    /// RTU on a pseudo-terminal.
    Serial,
}

const ALL: [Way; 3] = [Way::Tcp, Way::RtuTcp, Way::Serial];

impl Ways {
    fn allows(self, way: Way) -> bool {
        match self {
            Self::All => true,
            Self::Tcp => way == Way::Tcp,
            Self::Socket => way != Way::Serial,
            Self::Rtu => way != Way::Tcp,
            Self::Serial => way == Way::Serial,
        }
    }
}

const fn entry(
    (number, name): (u8, &'static str),
    (zh, en): (&'static str, &'static str),
    (ways, times): (Ways, u64),
    parameters: &'static [(&'static str, &'static str)],
) -> Entry {
    Entry {
        number,
        name,
        zh,
        en,
        ways,
        times,
        parameters,
    }
}

/// In the order of the list. `times` 1: it happens once and the unit behaves again.
const ENTRIES: [Entry; 36] = [
    entry(
        (1, "late"),
        ("应答晚于超时", "The reply comes later than the timeout"),
        (Ways::All, 1),
        &[("delay_ms", "1500")],
    ),
    entry(
        (2, "overtaken"),
        (
            "应答在下一个请求之后才到",
            "The reply comes after the next request",
        ),
        (Ways::All, 1),
        &[],
    ),
    entry(
        (3, "twice"),
        ("同一应答发两次", "The reply comes twice"),
        (Ways::All, 0),
        &[("pause_ms", "10")],
    ),
    entry(
        (4, "wrong_transaction"),
        ("事务号总是差一", "The transaction is always off by one"),
        (Ways::Tcp, 0),
        &[("by", "1")],
    ),
    entry(
        (5, "wrong_unit"),
        ("应答的单元号不对", "The reply names another unit, or 0"),
        (Ways::All, 0),
        &[("unit", "0")],
    ),
    entry(
        (6, "bad_checksum"),
        ("校验码错", "The checksum is wrong"),
        (Ways::Rtu, 0),
        &[],
    ),
    entry(
        (6, "short_frame"),
        ("帧短了", "The frame is too short, well framed"),
        (Ways::All, 0),
        &[("bytes", "1")],
    ),
    entry(
        (6, "long_frame"),
        ("帧长了", "The frame is too long, well framed"),
        (Ways::All, 0),
        &[("bytes", "1")],
    ),
    entry(
        (7, "truncated"),
        ("发一半就停", "The frame breaks off, then silence"),
        (Ways::All, 0),
        &[("keep", "6")],
    ),
    entry(
        (8, "split"),
        (
            "一帧分几段,段间停顿",
            "The frame comes in pieces with pauses",
        ),
        (Ways::All, 0),
        &[("pieces", "3"), ("gap_ms", "12.0")],
    ),
    entry(
        (9, "noise"),
        (
            "帧前有 00/FF,帧后有杂字节",
            "00 and FF before the frame, noise behind it",
        ),
        (Ways::All, 0),
        &[("before", "[0, 255]"), ("after", "[255, 0]")],
    ),
    entry(
        (10, "echo"),
        ("先听到自己发的请求", "Our own request comes back first"),
        (Ways::Rtu, 0),
        &[],
    ),
    entry(
        (11, "foreign"),
        ("来的是别的单元的应答", "Another unit's reply comes"),
        (Ways::All, 0),
        &[("unit", "0"), ("instead", "true")],
    ),
    entry(
        (12, "byte_count"),
        ("字节数字段不对", "The byte count is wrong"),
        (Ways::All, 0),
        &[("by", "2")],
    ),
    entry(
        (12, "fewer_registers"),
        ("寄存器少了", "Fewer registers than asked for"),
        (Ways::All, 0),
        &[("by", "1")],
    ),
    entry(
        (12, "more_registers"),
        ("寄存器多了", "More registers than asked for"),
        (Ways::All, 0),
        &[("by", "1")],
    ),
    entry(
        (13, "echo_value"),
        (
            "写入的回显是别的值",
            "A write is answered with another value",
        ),
        (Ways::All, 0),
        &[("value", "4660")],
    ),
    entry(
        (13, "coil_value"),
        ("线圈接通回显 0100", "A coil is on with 0100 in the reply"),
        (Ways::All, 0),
        &[("on", "256")],
    ),
    entry(
        (13, "not_done"),
        ("回显正确,输出没动", "The echo is right and nothing is done"),
        (Ways::All, 0),
        &[],
    ),
    entry(
        (14, "busy"),
        (
            "先答忙(06),再答已受理(05)",
            "Busy (06) some times, then acknowledge (05)",
        ),
        (Ways::All, 4),
        &[("busy", "3"), ("acknowledge", "1")],
    ),
    entry(
        (15, "holes"),
        (
            "块内有地址不存在(02)",
            "Addresses inside the block do not exist (02)",
        ),
        (Ways::All, 0),
        &[("addresses", "[3]")],
    ),
    entry(
        (15, "exception"),
        ("非标准异常码", "An exception that no standard knows"),
        (Ways::All, 0),
        &[("code", "65")],
    ),
    entry(
        (16, "gateway"),
        (
            "网关过一会儿才答 0B",
            "The gateway answers 0B after a while",
        ),
        (Ways::Socket, 0),
        &[("code", "11"), ("delay_ms", "300")],
    ),
    entry((16, "silent"), ("不应答", "Silence"), (Ways::All, 0), &[]),
    entry(
        (16, "one_client"),
        ("只接一个客户端", "One client only"),
        (Ways::Socket, 0),
        &[],
    ),
    entry(
        (16, "half_open"),
        (
            "连接还在,人已不在",
            "The connection stays open and nobody is there",
        ),
        (Ways::Socket, 1),
        &[],
    ),
    entry(
        (16, "reset_mid_reply"),
        (
            "答到一半连接被复位",
            "The connection is reset in the middle of the reply",
        ),
        (Ways::Socket, 1),
        &[("keep", "8")],
    ),
    entry(
        (17, "needs_pause"),
        (
            "两次请求之间要停一停,否则不理",
            "Ignores requests that come too soon",
        ),
        (Ways::All, 0),
        &[("ms", "200")],
    ),
    entry(
        (17, "needs_warm_up"),
        (
            "刚接通时不理",
            "Ignores requests right after the connection",
        ),
        (Ways::All, 0),
        &[("ms", "1500")],
    ),
    entry(
        (18, "max_registers"),
        (
            "一次读多了就不理",
            "Silent when asked for too many registers",
        ),
        (Ways::All, 0),
        &[("max", "29")],
    ),
    entry(
        (19, "reboot"),
        (
            "主机重启:全 0 或全 FFFF,再逐个恢复",
            "The panel starts anew: all 0 or all FFFF, then one after the other",
        ),
        (Ways::All, 0),
        &[
            ("shows", "\"zeros\""),
            ("silent_ms", "500"),
            ("blank_ms", "1500"),
            ("each_ms", "50"),
        ],
    ),
    entry(
        (19, "unlatched"),
        (
            "主机不锁存:烟散即恢复",
            "The panel does not latch: an alarm ends with its smoke",
        ),
        (Ways::All, 0),
        &[],
    ),
    entry(
        (19, "shifted"),
        ("点表错一位", "The map is shifted"),
        (Ways::All, 0),
        &[("by", "1")],
    ),
    entry(
        (20, "unplug"),
        (
            "串口被拔,换个名字回来",
            "The adapter is pulled out and comes back under another name",
        ),
        (Ways::Serial, 1),
        &[("ms", "1000")],
    ),
    entry(
        (20, "collision"),
        ("两个单元同一地址", "Two units have the same address"),
        (Ways::Rtu, 0),
        &[("garbled", "true")],
    ),
    entry(
        (20, "watchdog"),
        ("没人轮询就放开继电器", "Relays drop when polling stops"),
        (Ways::All, 0),
        &[("ms", "3000")],
    ),
];

/// A behaviour in words, as the control API shows it.
#[derive(Clone, Debug, Serialize)]
pub struct BehaviourView {
    /// Its number in the list of docs/simulator.md.
    pub number: u8,
    /// How it is asked for.
    pub name: &'static str,
    /// In words.
    pub words: Name,
    /// Lines on which it can be.
    pub ways: Vec<Way>,
    /// For so many replies when nothing is said; `None` until it is switched off.
    pub times: Option<u64>,
    /// Parameters with what stands for each that is left out.
    pub parameters: Map<String, Value>,
}

/// All behaviours, in the order of the list.
#[must_use]
pub fn all() -> Vec<BehaviourView> {
    let view = |entry: &Entry| BehaviourView {
        number: entry.number,
        name: entry.name,
        words: Name {
            zh: entry.zh.to_owned(),
            en: entry.en.to_owned(),
        },
        ways: ALL
            .into_iter()
            .filter(|way| entry.ways.allows(*way))
            .collect(),
        times: (entry.times > 0).then_some(entry.times),
        parameters: defaults(entry),
    };
    ENTRIES.iter().map(view).collect()
}

fn defaults(entry: &Entry) -> Map<String, Value> {
    let parameters = entry.parameters.iter();
    parameters
        .map(|(name, default)| {
            // Each is JSON, which a test has read.
            let value = serde_json::from_str(default).unwrap_or_default();
            ((*name).to_owned(), value)
        })
        .collect()
}

/// Reads an order: `name`, its parameters, `times` (0 = until it is switched off), `function`.
///
/// # Errors
/// Why it cannot be understood, or cannot be on this line.
pub fn read(mut asked: Map<String, Value>, way: Way) -> Result<Order, String> {
    let name = asked
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let Some(entry) = ENTRIES.iter().find(|entry| entry.name == name) else {
        let names: Vec<_> = ENTRIES.iter().map(|entry| entry.name).collect();
        return Err(format!(
            "no behaviour {name:?}; there are {}",
            names.join(", ")
        ));
    };
    if !entry.ways.allows(way) {
        return Err(format!("{name} cannot be on this kind of line"));
    }
    let times = number(asked.remove("times"), "times")?.unwrap_or(entry.times);
    let function = number(asked.remove("function"), "function")?;
    for (name, default) in defaults(entry) {
        asked.entry(name).or_insert(default);
    }
    let behaviour = serde_json::from_value(Value::Object(asked)).map_err(|why| why.to_string())?;
    let function = function.map(u8::try_from).transpose();
    let mut times = (times > 0).then_some(times);
    if let Behaviour::Busy { busy, acknowledge } = behaviour {
        times = Some(busy + acknowledge);
    }
    Ok(Order {
        behaviour,
        times,
        function: function.map_err(|_| "function is a number up to 255".to_owned())?,
    })
}

fn number(value: Option<Value>, name: &str) -> Result<Option<u64>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => Err(format!("{name} is a whole number")),
        },
    }
}

/// `late`, `wrong_unit` …
pub(super) fn name(behaviour: &Behaviour) -> &'static str {
    let tagged = serde_json::to_value(behaviour).unwrap_or_default();
    let found = ENTRIES.iter().find(|entry| tagged["name"] == entry.name);
    found.map_or("", |entry| entry.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn every_entry_is_a_behaviour_with_the_parameters_it_names() {
        for entry in &ENTRIES {
            let way = ALL.into_iter().find(|way| entry.ways.allows(*way)).unwrap();
            let order = read(asked(json!({ "name": entry.name })), way).unwrap();
            assert_eq!(order.behaviour.name(), entry.name);
            let mut shown = serde_json::to_value(&order.behaviour).unwrap();
            shown.as_object_mut().unwrap().remove("name");
            assert_eq!(Value::Object(defaults(entry)), shown, "{}", entry.name);
        }
        let numbers: Vec<u8> = ENTRIES.iter().map(|entry| entry.number).collect();
        assert!(numbers.is_sorted());
        assert!((1..=20).all(|number| numbers.contains(&number)));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for (order, way, word) in [
            (json!({ "name": "tardy" }), Way::Tcp, "tardy"),
            (json!({}), Way::Tcp, "no behaviour"),
            (json!({ "name": "late", "delay": 3 }), Way::Tcp, "delay"),
            (json!({ "name": "echo", "loud": true }), Way::Serial, "loud"),
            (
                json!({ "name": "late", "times": "often" }),
                Way::Tcp,
                "times",
            ),
            (
                json!({ "name": "bad_checksum" }),
                Way::Tcp,
                "this kind of line",
            ),
        ] {
            let why = read(asked(order), way).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
        let order = read(asked(json!({ "name": "late", "times": 0 })), Way::Tcp).unwrap();
        assert_eq!(order.times, None);
    }
}
