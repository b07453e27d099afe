//! Tells the code whether it is built for Armv7-M or a later architecture with all of its instructions: `cfg` doesn't.

use std::env;

fn main() {
    println!("cargo:rustc-check-cfg=cfg(armv7m)");
    let target = env::var("TARGET").unwrap_or_default();
    if target.starts_with("thumbv7") || target.starts_with("thumbv8m.main") {
        println!("cargo:rustc-cfg=armv7m");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
