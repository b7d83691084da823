//! The 20 nasty behaviours of docs/simulator.md, each on every way on which it can be, and how it must be taken.

/// Which way a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Tcp,
    Serial,
}

const BOTH: &[Way] = &[Way::Tcp, Way::Serial];
const TCP: &[Way] = &[Way::Tcp];
const SERIAL: &[Way] = &[Way::Serial];

/// How a behaviour must be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// As if nothing were: no loss is told, every change is seen while it lasts.
    Reads,
    /// The unit is told as lost for one of these reasons while the other unit of the line goes on.
    Lost(&'static [&'static str]),
    /// The unit answers and refuses: its points are faulty, and it is not told as lost.
    Refused,
    /// As [`Expect::Reads`], but this device does not exist and is a fault.
    Hole(u16),
    /// The line is lost, for one of these reasons, and found again.
    Outage(&'static [&'static str]),
    /// The line is cut and restored, and the unit is not ready at once.
    Cut,
    /// The panel starts anew; what it shows meanwhile is what it shows.
    Restart,
    /// An alarm that is over before anybody can have read it, on a panel that latches.
    Brief,
    /// An alarm of some scans on a panel that does not latch.
    Unlatched,
    /// A write ends in one of these states and is on the wire at most so often.
    Write(&'static [&'static str], usize),
    /// A write that was done is undone by the module while nobody polls; it is told and not done again.
    Dropped,
}

/// One behaviour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    /// Its number in the list and a name of its own, for the line too.
    pub(super) number: u8,
    pub(super) name: &'static str,
    pub(super) ways: &'static [Way],
    /// What unit 1, or the module of a write, is asked to do; nothing for what a panel does by itself.
    pub(super) order: &'static str,
    pub(super) expect: Expect,
    /// `/metrics` counts it as one of these kinds; nothing for what leaves no trace.
    pub(super) kinds: &'static [&'static str],
    /// More keys of the bus and of unit 1 in site.toml, and the profile of the unit that misbehaves.
    pub(super) bus: &'static str,
    pub(super) unit: &'static str,
    pub(super) profile: &'static str,
}

const fn case(
    (number, name): (u8, &'static str),
    ways: &'static [Way],
    order: &'static str,
    expect: Expect,
    kinds: &'static [&'static str],
) -> Case {
    Case {
        number,
        name,
        ways,
        order,
        expect,
        kinds,
        bus: "",
        unit: "",
        profile: "",
    }
}

const BAD: Expect = Expect::Lost(&["bad_reply", "garbled"]);
const GARBLED: Expect = Expect::Lost(&["garbled"]);
const SILENT: Expect = Expect::Lost(&["timeout"]);
const ANY: Expect = Expect::Lost(&["timeout", "bad_reply", "garbled"]);
const GATEWAY: Expect = Expect::Lost(&["gateway"]);
const DONE: Expect = Expect::Write(&["done"], 2);
const NOT_DONE: Expect = Expect::Write(&["no_feedback", "refused"], 2);
const GONE: &[&str] = &["unplugged", "missing"];

/// All of them.
pub(super) fn cases() -> Vec<Case> {
    let mut all = replies();
    all.extend(devices());
    all
}

/// What is wrong with a reply.
#[rustfmt::skip]
fn replies() -> Vec<Case> {
    vec![
        // 1 500 ms are three times the timeout of every line here.
        case((1, "late"), BOTH, r#"[{"name":"late"}]"#, Expect::Reads, &["timeout"]),
        case((1, "late-always"), BOTH, r#"[{"name":"late","delay_ms":700,"times":0}]"#, ANY, &["timeout"]),
        case((2, "overtaken"), BOTH, r#"[{"name":"overtaken"}]"#, Expect::Reads, &["timeout"]),
        case((2, "overtaken-always"), BOTH, r#"[{"name":"overtaken","times":0}]"#, ANY, &["timeout"]),
        case((3, "twice"), BOTH, r#"[{"name":"twice"}]"#, Expect::Reads, &["late", "transaction"]),
        case((4, "transaction"), TCP, r#"[{"name":"wrong_transaction"}]"#, BAD, &["transaction"]),
        Case {
            profile: "lenient_panel",
            ..case((4, "transaction-allowed"), TCP, r#"[{"name":"wrong_transaction"}]"#, Expect::Reads, &["ok"])
        },
        case((5, "unit-0"), BOTH, r#"[{"name":"wrong_unit"}]"#, BAD, &["unit"]),
        Case {
            profile: "lenient_panel",
            ..case((5, "unit-0-allowed"), BOTH, r#"[{"name":"wrong_unit"}]"#, Expect::Reads, &["ok"])
        },
        case((5, "unit-of-another"), BOTH, r#"[{"name":"wrong_unit","unit":2}]"#, BAD, &["unit"]),
        case((6, "checksum"), SERIAL, r#"[{"name":"bad_checksum"}]"#, GARBLED, &["checksum"]),
        case((6, "short"), BOTH, r#"[{"name":"short_frame"}]"#, ANY, &["length", "truncated", "noise", "byte_count"]),
        case((6, "long"), BOTH, r#"[{"name":"long_frame","bytes":2}]"#, BAD, &["length", "checksum"]),
        case((7, "truncated"), BOTH, r#"[{"name":"truncated"}]"#, ANY, &["timeout", "truncated", "length"]),
        case((8, "split"), BOTH, r#"[{"name":"split","gap_ms":12}]"#, Expect::Reads, &["ok"]),
        case((9, "noise"), TCP, r#"[{"name":"noise"}]"#, BAD, &["protocol", "transaction", "length"]),
        case((9, "noise"), SERIAL, r#"[{"name":"noise"}]"#, Expect::Reads, &["noise"]),
        case((10, "echo"), SERIAL, r#"[{"name":"echo"}]"#, Expect::Lost(&["echo"]), &["own_echo"]),
        case((11, "foreign"), BOTH, r#"[{"name":"foreign"}]"#, BAD, &["unit"]),
        case((11, "foreign-first"), SERIAL, r#"[{"name":"foreign","instead":false}]"#, Expect::Reads, &["unit"]),
        case((12, "byte-count"), BOTH, r#"[{"name":"byte_count"}]"#, ANY, &["byte_count", "truncated", "length", "noise", "checksum"]),
        case((12, "fewer"), BOTH, r#"[{"name":"fewer_registers"}]"#, BAD, &["length", "byte_count"]),
        case((12, "more"), BOTH, r#"[{"name":"more_registers"}]"#, BAD, &["length", "byte_count"]),
    ]
}

/// What a device, its gateway or its line does.
#[rustfmt::skip]
fn devices() -> Vec<Case> {
    vec![
        case((13, "echo-value"), BOTH, r#"[{"name":"echo_value"}]"#, DONE, &["echo"]),
        case((13, "coil-value"), BOTH, r#"[{"name":"coil_value"}]"#, DONE, &["echo"]),
        Case {
            profile: "clone_io",
            ..case((13, "coil-value-known"), BOTH, r#"[{"name":"coil_value"}]"#, Expect::Write(&["done"], 1), &["ok"])
        },
        case((13, "not-done"), BOTH, r#"[{"name":"not_done"}]"#, NOT_DONE, &["ok"]),
        case((14, "busy"), BOTH, r#"[{"name":"busy"}]"#, Expect::Reads, &["exception_06"]),
        case((15, "holes"), BOTH, r#"[{"name":"holes","addresses":[3]}]"#, Expect::Hole(4), &["exception_02"]),
        case((15, "failure"), BOTH, r#"[{"name":"exception","code":4}]"#, Expect::Refused, &["exception_04"]),
        case((15, "exception-41"), BOTH, r#"[{"name":"exception","code":65}]"#, GATEWAY, &["exception_41"]),
        case((15, "exception-43"), TCP, r#"[{"name":"exception","code":67}]"#, GATEWAY, &["exception_43"]),
        case((15, "exception-4b"), TCP, r#"[{"name":"exception","code":75}]"#, GATEWAY, &["exception_4b"]),
        case((16, "gateway"), TCP, r#"[{"name":"gateway","delay_ms":100}]"#, GATEWAY, &["exception_0b"]),
        case((16, "silent"), BOTH, r#"[{"name":"silent"}]"#, SILENT, &["timeout"]),
        case((16, "one-client"), TCP, r#"[{"name":"one_client"}]"#, Expect::Reads, &["ok"]),
        case((16, "half-open"), TCP, r#"[{"name":"half_open"}]"#, Expect::Reads, &["timeout"]),
        case((16, "reset"), TCP, r#"[{"name":"reset_mid_reply"}]"#, Expect::Reads, &["reset"]),
        Case {
            unit: ", gap_ms = 250",
            ..case((17, "pause"), BOTH, r#"[{"name":"needs_pause","ms":200}]"#, Expect::Reads, &["ok"])
        },
        Case {
            bus: "pause_after_connect_ms = 1500",
            ..case((17, "warm-up"), TCP, r#"[{"name":"needs_warm_up","ms":1000}]"#, Expect::Cut, &["ok"])
        },
        Case {
            // The pause is added to how long a line may be gone before that is told.
            bus: "pause_after_connect_ms = 1500",
            ..case((17, "warm-up"), SERIAL, r#"[{"name":"needs_warm_up","ms":1000},{"name":"unplug","ms":5000}]"#, Expect::Outage(GONE), &["port"])
        },
        Case {
            profile: "short_panel",
            ..case((18, "max"), BOTH, r#"[{"name":"max_registers","max":29}]"#, Expect::Reads, &["ok"])
        },
        case((19, "zeros"), BOTH, r#"[{"name":"reboot","silent_ms":100,"each_ms":20}]"#, Expect::Restart, &["ok"]),
        case((19, "absent"), BOTH, r#"[{"name":"reboot","silent_ms":100,"each_ms":20,"shows":"ones"}]"#, Expect::Restart, &["ok"]),
        case((19, "brief"), BOTH, "[]", Expect::Brief, &["ok"]),
        case((19, "unlatched"), BOTH, r#"[{"name":"unlatched"}]"#, Expect::Unlatched, &["ok"]),
        case((20, "unplug"), SERIAL, r#"[{"name":"unplug","ms":2500}]"#, Expect::Outage(GONE), &["port"]),
        case((20, "collision"), SERIAL, r#"[{"name":"collision"}]"#, GARBLED, &["checksum", "noise"]),
        case((20, "collision-second"), SERIAL, r#"[{"name":"collision","garbled":false}]"#, GARBLED, &["two_answers"]),
        case((20, "watchdog"), BOTH, r#"[{"name":"watchdog","ms":1500}]"#, Expect::Dropped, &["ok"]),
    ]
}
