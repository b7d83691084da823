//! MQTT over real sockets: what is relied on of a broker, and a fire from the first signal to a heard reply.

use std::time::Duration;

mod campus;
mod conformance;
mod device;
mod flow;
mod loss;
mod schemas;

/// How long anything may take that must happen.
const BOUND: Duration = Duration::from_secs(10);

/// Asks again until there is something, within the bound: for what tells nobody when it happens, like a port that becomes free.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        let mut turns = tokio::time::interval(Duration::from_millis(20));
        loop {
            turns.tick().await;
            if let Some(found) = ask().await {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(BOUND, asking).await;
    found.unwrap_or_else(|_| panic!("not in time: {what}"))
}
