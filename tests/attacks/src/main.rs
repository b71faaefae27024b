//! Runs every recorded attack, or those whose names begin with an argument; ends with 1 when one got through or a good
//! request did not.
use std::process::ExitCode;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let only = std::env::args().nth(1).unwrap_or_default();
    match countersign_attacks::run(&only).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("attacks: {why}");
            ExitCode::from(2)
        }
    }
}
