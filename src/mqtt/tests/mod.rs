//! MQTT over real sockets: what is relied on of a broker, and a fire from the first signal to a heard reply.

mod campus;
mod conformance;
mod device;
mod flow;
mod loss;
mod schemas;
