//! Runs every recorded attack and ends with 1 when one of them got through or a good request did not.
use std::process::ExitCode;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match countersign_attacks::run().await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("attacks: {why}");
            ExitCode::from(2)
        }
    }
}
