//! Fields for measurements: many panels that answer after a constant time, and one serial line with its clock. Each counts what it
//! is asked and says it on its control port: `GET /report`, and `POST /reset` begins anew.

pub mod field;
pub mod line;

use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

/// Something that is measured.
pub trait Measured: Clone + Send + Sync + 'static {
    /// What it says.
    type Report: Serialize;
    /// What happened since the start or the last reset.
    fn report(&self) -> Self::Report;
    /// Forgets what has happened.
    fn reset(&self);
    /// A register of the n-th server, or of unit n of the line, gets a value; false when there is none.
    fn put(&self, n: usize, address: u16, value: u16) -> bool;
}

/// Serves the control port until its task is dropped.
///
/// # Errors
/// When the port fails.
pub async fn serve(listener: TcpListener, measured: impl Measured) -> std::io::Result<()> {
    let (read, forget) = (measured.clone(), measured.clone());
    let put = move |place: (usize, u16, u16)| Json(measured.put(place.0, place.1, place.2));
    let router = Router::new()
        .route("/report", get(async move || Json(read.report())))
        .route(
            "/reset",
            post(async move || {
                forget.reset();
                Json(true)
            }),
        )
        .route(
            "/registers/{n}/{address}/{value}",
            post(async move |axum::extract::Path(place)| put(place)),
        );
    axum::serve(listener, router).await
}
