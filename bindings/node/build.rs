//! Lets the linker leave Node's own functions to Node.
fn main() {
    napi_build::setup();
}
