//! What goes over the wire is what docs/asyncapi.yaml and docs/schemas say, and nothing that they do not say.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::domain::order::Cause;
use crate::mqtt::payload;

/// Schema and text by name.
const SCHEMAS: [(&str, &str); 8] = [
    ("order", include_str!("../../../docs/schemas/order.json")),
    ("reply", include_str!("../../../docs/schemas/reply.json")),
    ("report", include_str!("../../../docs/schemas/report.json")),
    (
        "presence",
        include_str!("../../../docs/schemas/presence.json"),
    ),
    ("alarm", include_str!("../../../docs/schemas/alarm.json")),
    (
        "status-daemon",
        include_str!("../../../docs/schemas/status-daemon.json"),
    ),
    (
        "status-link",
        include_str!("../../../docs/schemas/status-link.json"),
    ),
    (
        "status-point",
        include_str!("../../../docs/schemas/status-point.json"),
    ),
];

const ASYNCAPI: &str = include_str!("../../../docs/asyncapi.yaml");

static VALIDATORS: LazyLock<BTreeMap<&str, (Validator, Value)>> = LazyLock::new(|| {
    let compile = |(name, text): (&'static str, &str)| {
        let schema: Value = serde_json::from_str(text).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        (name, (validator, schema))
    };
    SCHEMAS.map(compile).into()
});

/// Fails unless a payload is what the schema of its topic says, field by field.
pub(super) fn check(topic: &str, payload: &Value) {
    let levels: Vec<&str> = topic.split('/').skip(3).collect();
    let name = match *levels.as_slice() {
        ["status", kind, ..] => format!("status-{kind}"),
        [kind, ..] => kind.to_owned(),
        [] => panic!("{topic} is none of ours"),
    };
    conforms(&name, payload);
    let fields = &VALIDATORS[name.as_str()].1["properties"];
    for field in payload.as_object().expect("an object").keys() {
        assert!(
            fields.get(field).is_some(),
            "{topic}: `{field}` is in no schema"
        );
    }
}

fn conforms(name: &str, payload: &Value) {
    let (validator, _) = &VALIDATORS[name];
    let errors: Vec<String> = validator
        .iter_errors(payload)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:#?} in {payload}");
}

#[test]
fn what_the_schema_of_a_reply_allows_is_read() {
    let rows = [
        (
            json!({ "v": 1, "reply_id": "r", "verb": "received", "at": 1 }),
            true,
        ),
        (json!({ "v": 1, "reply_id": "r", "verb": "accept" }), true),
        (
            json!({ "v": 1, "reply_id": "r", "verb": "accept", "later": true }),
            true,
        ),
        (
            json!({ "v": 1, "reply_id": "r", "verb": "unable", "reason": "door_locked" }),
            true,
        ),
        (json!({ "v": 2, "reply_id": "r", "verb": "accept" }), false),
        (json!({ "v": 1, "reply_id": "", "verb": "accept" }), false),
        (
            json!({ "v": 1, "reply_id": "r", "verb": "open_gas" }),
            false,
        ),
        (
            json!({ "v": 1, "reply_id": "r", "verb": "report_false", "cause": "bored" }),
            false,
        ),
        (json!({ "v": 1, "verb": "accept" }), false),
    ];
    for (payload, is_reply) in rows {
        let valid = VALIDATORS["reply"].0.is_valid(&payload);
        let read = payload::reply("post2".into(), "o1".into(), payload.to_string().as_bytes());
        assert_eq!((valid, read.is_ok()), (is_reply, is_reply), "{payload}");
    }
    for cause in Cause::ALL {
        let verb = "report_false";
        let payload = json!({ "v": 1, "reply_id": "r", "verb": verb, "cause": cause, "at": 1 });
        conforms("reply", &payload);
    }
}

#[test]
fn the_examples_of_the_schemas_are_valid() {
    for (name, (_, schema)) in VALIDATORS.iter() {
        for example in schema["examples"].as_array().into_iter().flatten() {
            conforms(name, example);
        }
    }
}

#[test]
fn the_description_names_every_schema_and_no_other() {
    for (name, _) in SCHEMAS {
        let reference = format!("./schemas/{name}.json");
        assert!(ASYNCAPI.contains(&reference), "{reference}");
    }
    let references = ASYNCAPI.matches("./schemas/").count();
    assert_eq!(references, SCHEMAS.len());
}
