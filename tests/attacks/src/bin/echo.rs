//! The echo upstream as a program of its own, for scripts: `countersign-echo ADDRESS`.
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let address = std::env::args().nth(1).unwrap_or_default();
    let Ok(address) = address.parse() else {
        eprintln!("countersign-echo: wanted an address such as 127.0.0.1:9000, found {address:?}");
        return ExitCode::from(2);
    };
    match countersign_server::echo::start(address).await {
        Ok(echo) => {
            println!("echo at http://{}", echo.address());
            std::future::pending::<()>().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("countersign-echo: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}
