//! Prints how often explain names the right cause first, the percentage last; ends with 1 under 95 %.
use countersign_explain_corpus::score;
use std::process::ExitCode;

/// Of a thousand broken requests, so many must be told right.
const LEAST: usize = 950;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let scored = async {
        score::check_drafts().await?;
        score::run().await
    };
    match scored.await {
        Ok(cases) => {
            print!("{}", score::report(&cases));
            let right = cases.iter().filter(|case| case.is_right()).count();
            if right * 1000 >= cases.len() * LEAST { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(why) => {
            eprintln!("explain-score: {why}");
            ExitCode::from(2)
        }
    }
}
