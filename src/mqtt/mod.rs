//! Orders and status over MQTT, and the broker inside the process.
