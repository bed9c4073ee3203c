//! A new file in migrations/ must rebuild the binary, which embeds them.

fn main() {
    println!("cargo::rerun-if-changed=../migrations");
}
