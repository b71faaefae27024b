//! Judging in stages that are types: `Proof → Prepared → Checked → Pending → Verified`. Each takes the one before;
//! skipping one does not compile.
//!
//! ```text
//! Dialect::read ─► Proof ─wants()─► [shell: which keys?] ─prepare─► Prepared ─job()─► [shell: verify] ─finish─► Checked
//!                                                                      ▲  next candidate │                 ├─ Done(Verified)
//!                                                                      └─────────────────┘                 └─ Once(Pending)
//!                                                                 [shell: first use?] ─settle─► Verified ◄────┘
//! ```
//!
//! A proof is no witness, and nothing but a settled judgement makes one:
//!
//! ```compile_fail,E0451
//! // `Verified` has private fields: nobody outside makes one.
//! fn forge() -> countersign::verified::Verified {
//!     countersign::verified::Verified { identifier: String::new() }
//! }
//! ```
//! ```compile_fail,E0599
//! // A proof that was only read cannot be settled.
//! fn skip(proof: countersign::proof::Proof<'_>) { proof.settle(countersign::ask::Use::First, &mut ()); }
//! ```
//! ```compile_fail,E0382
//! // A stage is used up by the next: one answer of the replay memory cannot settle twice.
//! fn twice(pending: countersign::proof::Pending) {
//!     let _ = pending.settle(countersign::ask::Use::First, &mut ());
//!     let _ = pending.settle(countersign::ask::Use::First, &mut ());
//! }
//! ```
mod attempts;
mod coverage;
pub(crate) mod found;
mod pending;
mod prepared;

pub use coverage::COVERAGE;
pub use found::Proof;
pub use pending::{Bound, Checked, Pending};
pub use prepared::{Finish, Prepared};
