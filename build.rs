//! Makes a build take the pages in again when they were built anew; it never builds them (`make web` does).

fn main() {
    println!("cargo:rerun-if-changed=web/dist");
}
