//! Starts the server: listeners, each a list of surfaces, over one guard and one set of stores.
// Signature, for those who start the server:
//
// pub struct Parts {
//     pub clock: Arc<dyn Clock>,          // countersign_guard::clock
//     pub entropy: Arc<dyn Entropy>,
//     pub registry: Arc<dyn Registry>,    // countersign_store
//     pub once: Arc<dyn Once>,
//     pub sessions: Arc<dyn Sessions>,
// }
// pub struct Server;
// impl Server { pub async fn start(config: Config, parts: Parts) -> Result<Running, StartError>; }
// impl Running {
//     pub fn addresses(&self) -> &[Bound];                     // Bound { address: SocketAddr, surfaces: Vec<Surface> }
//     pub fn address(&self, surface: Surface) -> Option<SocketAddr>;
//     pub fn app(&self) -> &Arc<App>;
//     pub async fn until_signal(self);                          // SIGTERM/SIGINT, then drains; a second signal ends at once
//     pub async fn shutdown(self);                              // drains
// }
// countersign_server::storage::open(&Config, data_dir) -> Result<(registry, once, sessions), Fault>   // SQLite
// countersign_server::telemetry::init(&ServerSection)
// countersign_server::echo::start(address) -> Result<Echo, io::Error>   // Echo { address, shutdown() }
// surfaces: `pub fn router(app: Arc<App>) -> axum::Router` in surface/session.rs and surface/manage.rs with their full paths;
//   each request has `Call` among its extensions; an answer may carry `Outcome` among its own.
// App { config, clock, entropy, registry, once, sessions, directory, registrar, guard, metrics, … } all pub(crate) Arcs.
