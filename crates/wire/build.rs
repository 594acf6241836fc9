//! Generates the gRPC code with a pure-Rust compiler, so that no machine needs `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(["nines/v1/control.proto"], ["proto"])?;
    // Documents of up to a MiB go to many subscribers: as `Bytes` they are shared and not copied.
    tonic_prost_build::configure().bytes(".").compile_fds(files)?;
    Ok(())
}
