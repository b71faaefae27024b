//! Nodes with one account on them: started together, the keys registered by an operator's commands.
use crate::node::{Node, Setting};
use crate::proofs::{EMAIL, Signer, USER};
use crate::upstream;
use crate::wire::ask;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long an installation may take to find its feet again: the longest wait between attempts is five seconds, and machines are busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// One installation, its nodes equal.
pub(crate) struct Installation {
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) signer: Arc<Signer>,
    /// Which node made the owner, and so has the key of it.
    owner: Arc<Node>,
    ahead: i64,
    orders: AtomicU64,
}

/// The routes that every trial has: proofs that work once, tokens that are shown often, sessions; and the store's settings.
pub(crate) fn settings(upstream: &str, store: &str) -> String {
    let route = |name: &str, dialect: &str| {
        format!(
            "[[route]]\nname = \"{name}\"\npath = \"/{name}/\"\ndialects = [\"{dialect}\"]\nupstream = \"{upstream}\"\n"
        )
    };
    let routes = [route("once", "asymmetric-jwt"), route("often", "skykit"), route("inside", "own-session")];
    // Everybody here is one address, and shows again what was refused: that there are limits for that is tried elsewhere.
    let limits = "[limits]\nconnections_per_address = 0\nfailures_per_address = 0\n";
    format!("{}{limits}[store]\n{store}\n", routes.concat())
}

/// The store's settings for a database.
pub(crate) fn database(url: &str) -> String {
    format!("url = \"{url}\"\nstale_after = \"2s\"\nstatement_timeout = \"2s\"\n")
}

impl Installation {
    /// Nodes on loopback, one for each of the stores' settings.
    pub(crate) fn on(stores: &[String]) -> Self {
        let upstream = upstream::start("127.0.0.1");
        Self::start(stores.iter().map(|store| Setting::with(settings(&upstream, store))).collect())
    }

    /// Nodes with these settings.
    pub(crate) fn start(settings: Vec<Setting>) -> Self {
        Self::dated(settings, 0)
    }

    /// The same with clocks that are so many seconds ahead of this machine's.
    pub(crate) fn dated(settings: Vec<Setting>, ahead: i64) -> Self {
        let starting: Vec<_> = settings
            .into_iter()
            .map(|setting| std::thread::spawn(|| Arc::new(Node::start(setting))))
            .collect();
        let nodes: Vec<Arc<Node>> = starting.into_iter().map(|node| node.join().unwrap()).collect();
        let owner = nodes.iter().find(|node| node.data().join("operator.key").exists()).unwrap();
        let owner = Arc::clone(owner);
        done(owner.run("key new once.pem"));
        done(owner.run("key new --for skykit --bits 2048 often.pem"));
        let signer = Arc::new(Signer::read(&owner.path("once.pem"), &owner.path("often.pem")));
        let all = Self { nodes, signer, owner, ahead, orders: AtomicU64::new(0) };
        all.order(&format!("account add {USER} --identifier user={USER} --identifier email={EMAIL}"));
        all.order(&format!("key register {USER} --file once.pem.pub -d asymmetric-jwt"));
        all.order(&format!("key register {USER} --file often.pem.pub -d skykit"));
        all.is_well();
        all
    }

    /// An operator's command, to the first node. Told that nothing was changed and to try again, an operator does, a few times.
    pub(crate) fn order(&self, line: &str) -> String {
        let again = |said: &Result<String, String>| {
            said.as_ref().is_err_and(|why| why.contains("Nothing was changed"))
        };
        let mut said = self.try_order(0, line);
        for _ in 0..5 {
            if !again(&said) {
                break;
            }
            std::thread::sleep(Duration::from_millis(300));
            said = self.try_order(0, line);
        }
        match said {
            Ok(said) => said,
            Err(why) => panic!("{why}; lives: {}; {}", self.nodes[0].lives(), self.nodes[0].tail()),
        }
    }

    /// The same to one of the nodes, giving its failure.
    pub(crate) fn try_order(&self, node: usize, line: &str) -> Result<String, String> {
        self.owner.run(&format!("{line} --server http://{}", self.nodes[node].manage()))
    }

    /// A caller's session, and the `Authorization` that shows it.
    pub(crate) fn try_login(&self, node: usize, name: &str) -> Result<String, String> {
        let (to, owner) = (self.nodes[node].public(), &self.owner);
        if !owner.path("session.pem").exists() {
            done(owner.run("key new session.pem"));
        }
        let line = format!("login http://{to} -k session.pem --as caller --session-file {name}.json --token");
        owner.run(&line).map(|token| format!("Bearer {}", token.trim()))
    }

    /// The owner's folder, where keys are made.
    pub(crate) fn owner(&self) -> &Node {
        &self.owner
    }

    /// Waits until every node takes proofs and orders again, without anybody's hands; gives how long it took.
    pub(crate) fn is_well(&self) -> Duration {
        let from = Instant::now();
        for node in &self.nodes {
            until(&format!("{} to take proofs", node.public()), || {
                let (once, often) = (self.signer.once(self.ahead), self.signer.often(self.ahead));
                let answers = [
                    ask(node.public(), "/once/x", &once).status,
                    ask(node.public(), "/often/x", &often).status,
                    ask(node.public(), "/readyz", "").status,
                ];
                if answers == [200; 3] { Ok(()) } else { Err(format!("{answers:?}: {}", node.tail())) }
            });
        }
        for node in 0..self.nodes.len() {
            let number = self.orders.fetch_add(1, Ordering::Relaxed);
            until("orders to be taken", || {
                let taken = self.try_order(node, &format!("account add well-{number}"));
                taken.map_err(|why| format!("{why}: {}", self.nodes[node].tail()))
            });
        }
        from.elapsed()
    }
}

/// Waits until something holds.
pub(crate) fn until<T>(what: &str, mut holds: impl FnMut() -> Result<T, String>) -> T {
    let from = Instant::now();
    loop {
        match holds() {
            Ok(found) => return found,
            Err(why) => assert!(from.elapsed() < PATIENCE, "wanted {what} in the end, found {why}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn done(ran: Result<String, String>) -> String {
    match ran {
        Ok(said) => said,
        Err(why) => panic!("{why}"),
    }
}
