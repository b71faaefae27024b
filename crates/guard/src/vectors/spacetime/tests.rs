//! Every session call of the seed's vectors is answered as known.
use super::*;

#[tokio::test]
async fn every_call_is_answered_as_known() {
    let path = format!("{}/../dialects/spacetime/vectors/seed.json", env!("CARGO_MANIFEST_DIR"));
    let file = FlowFile::read(&std::fs::read_to_string(path).unwrap()).unwrap();
    let reports = file.run().await.unwrap();
    assert_eq!(file.cases.len(), 36);
    let failed: Vec<_> = reports.iter().filter(|report| report.failed.is_some()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
