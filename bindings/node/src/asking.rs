//! A judgement's questions to the program: kept until the program has answered, while nobody waits on a thread.
use countersign_embedded::holders::{Asked, Holder, Holders};
use countersign_embedded::memory::SharedMemory;
use countersign_embedded::{Answer, Fault};
use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

/// What a judgement wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Who has which keys.
    Keys { dialect: String, namespace: Option<String>, identifier: String, kid: Option<String> },
    /// Whether this is the first use.
    Claim { digest: [u8; 32], expires: i64 },
}

/// What the program says.
#[derive(Debug)]
pub(crate) enum Said {
    Keys(Result<Option<Holder>, Fault>),
    Claim(Result<bool, Fault>),
}

/// One judgement's question and its answer, and what is wrong with the keys that it was told.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<Talk>, Mutex<Option<String>>);

#[derive(Debug, Default)]
enum Talk {
    #[default]
    Nothing,
    Asked(Question),
    Said(Said),
}

thread_local! {
    /// The slot of the judgement that goes on in this thread now.
    static CURRENT: RefCell<Option<Arc<Slot>>> = const { RefCell::new(None) };
}

impl Slot {
    /// Does something whose questions come here.
    pub(crate) fn during<T>(self: &Arc<Self>, doing: impl FnOnce() -> T) -> T {
        CURRENT.with_borrow_mut(|current| *current = Some(Arc::clone(self)));
        let done = doing();
        CURRENT.with_borrow_mut(|current| *current = None);
        done
    }

    /// The question that stands open.
    pub(crate) fn open(&self) -> Option<Question> {
        match &*self.talk() {
            Talk::Asked(question) => Some(question.clone()),
            Talk::Nothing | Talk::Said(_) => None,
        }
    }

    /// Takes the program's answer; whether one was waited for.
    pub(crate) fn say(&self, said: Said) -> bool {
        let mut talk = self.talk();
        let fits = matches!(
            (&*talk, &said),
            (Talk::Asked(Question::Keys { .. }), Said::Keys(_))
                | (Talk::Asked(Question::Claim { .. }), Said::Claim(_))
        );
        if fits {
            *talk = Talk::Said(said);
        }
        fits
    }

    /// What is wrong with the keys that were told, when none of them can be used.
    pub(crate) fn problem(&self) -> Option<String> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn talk(&self) -> std::sync::MutexGuard<'_, Talk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, and waits for what the program says.
    async fn ask(question: Question) -> Result<Said, Fault> {
        let slot = CURRENT.with_borrow(Clone::clone);
        let slot = slot.ok_or_else(|| Fault::new("a question was asked outside of a judgement"))?;
        *slot.talk() = Talk::Asked(question);
        // Nobody is woken: whoever brings the answer goes on with the judgement.
        let said = poll_fn(|_| {
            let mut talk = slot.talk();
            match std::mem::take(&mut *talk) {
                Talk::Said(said) => Poll::Ready(said),
                open => {
                    *talk = open;
                    Poll::Pending
                }
            }
        });
        Ok(said.await)
    }
}

/// Asks the program.
pub(crate) struct Program;

impl Holders for Program {
    fn find<'a>(&'a self, asked: Asked<'a>) -> Answer<'a, Result<Option<Holder>, Fault>> {
        let question = Question::Keys {
            dialect: asked.dialect.to_owned(),
            namespace: asked.namespace.map(str::to_owned),
            identifier: asked.identifier.to_owned(),
            kid: asked.kid.map(str::to_owned),
        };
        Box::pin(async move {
            match Slot::ask(question).await? {
                Said::Keys(said) => said,
                Said::Claim(_) => Err(Fault::new("keys were asked for, and the answer was about a use")),
            }
        })
    }

    fn unusable(&self, account: &str, problem: &str) {
        if let Some(slot) = CURRENT.with_borrow(Clone::clone) {
            let problem = format!("no key of account {account} can be used: {problem}");
            *slot.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
        }
    }
}

impl SharedMemory for Program {
    fn claim<'a>(&'a self, digest: &'a [u8; 32], expires: i64) -> Answer<'a, Result<bool, Fault>> {
        let question = Question::Claim { digest: *digest, expires };
        Box::pin(async move {
            match Slot::ask(question).await? {
                Said::Claim(said) => said,
                Said::Keys(_) => Err(Fault::new("a use was asked about, and the answer was keys")),
            }
        })
    }
}
