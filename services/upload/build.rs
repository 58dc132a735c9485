//! A migration that was added must rebuild what embeds it.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
