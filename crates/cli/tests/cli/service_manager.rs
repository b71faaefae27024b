//! What the real program tells the service manager that started it, over the manager's own socket.
use crate::run::{Place, Server};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// A manager's socket, and what `NOTIFY_SOCKET` calls it.
struct Manager {
    socket: UnixDatagram,
    name: String,
}

impl Manager {
    fn at(place: &Place) -> Self {
        let path = place.path("notify");
        Self::over(UnixDatagram::bind(&path).unwrap(), path.display().to_string())
    }

    #[cfg(target_os = "linux")]
    fn without_file() -> Self {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::SocketAddr;
        let name = format!("countersign-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        Self::over(UnixDatagram::bind_addr(&address).unwrap(), format!("@{name}"))
    }

    fn over(socket: UnixDatagram, name: String) -> Self {
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { socket, name }
    }

    /// The lines of the next message that has a line which begins so.
    fn told(&self, line: &str) -> Vec<String> {
        let mut bytes = [0; 4096];
        // More than any test makes it say.
        for _ in 0..100 {
            let heard = self.socket.recv(&mut bytes);
            assert!(heard.is_ok(), "{line}: {heard:?}");
            let text = String::from_utf8(bytes.get(..heard.unwrap()).unwrap().to_vec()).unwrap();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            if lines.iter().any(|told| told.starts_with(line)) {
                return lines;
            }
        }
        unreachable!("{line}: never told")
    }
}

fn value<'l>(lines: &'l [String], name: &str) -> &'l str {
    let value = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    assert!(value.is_some(), "{name}: {lines:?}");
    value.unwrap()
}

#[test]
fn the_manager_hears_of_start_reloads_and_end() {
    let place = Place::new();
    let manager = Manager::at(&place);
    let server = Server::within(&place, "", &[("NOTIFY_SOCKET", &manager.name)]);
    let ready = manager.told("READY=1");
    assert_eq!(value(&ready, "STATUS"), "Serving; configuration 1 is in force");
    server.signal("HUP");
    let reloading = manager.told("RELOADING=1");
    let micros: u64 = value(&reloading, "MONOTONIC_USEC").parse().unwrap();
    assert!(micros > 0);
    assert_eq!(value(&manager.told("READY=1"), "STATUS"), "Serving; configuration 2 is in force");
    // An operator's reload is one, too.
    place.run(&format!("reload --server {}", server.manage)).ok();
    manager.told("RELOADING=1");
    assert_eq!(value(&manager.told("READY=1"), "STATUS"), "Serving; configuration 3 is in force");
    let file = place.path("server.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}[nonsense]\n")).unwrap();
    server.signal("HUP");
    let again = manager.told("RELOADING=1");
    assert!(value(&again, "MONOTONIC_USEC").parse::<u64>().unwrap() > micros);
    let ready = manager.told("READY=1");
    assert!(value(&ready, "STATUS").contains("the old one stays in force"), "{ready:?}");
    server.signal("TERM");
    manager.told("STOPPING=1");
    assert_eq!(server.ended(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_manager_without_a_file_hears_that_the_process_lives() {
    let place = Place::new();
    let manager = Manager::without_file();
    let _server =
        Server::within(&place, "", &[("NOTIFY_SOCKET", &manager.name), ("WATCHDOG_USEC", "100000")]);
    manager.told("READY=1");
    for _ in 0..3 {
        manager.told("WATCHDOG=1");
    }
}

#[test]
fn a_watchdog_for_another_process_is_not_fed_and_a_name_that_is_none_is_told() {
    let place = Place::new();
    let manager = Manager::at(&place);
    let variables =
        [("NOTIFY_SOCKET", manager.name.as_str()), ("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1")];
    let server = Server::within(&place, "", &variables);
    manager.told("READY=1");
    server.signal("HUP");
    // Everything it says until the second READY is here.
    let mut bytes = [0; 4096];
    for _ in 0..2 {
        let count = manager.socket.recv(&mut bytes).unwrap();
        assert!(!String::from_utf8_lossy(bytes.get(..count).unwrap()).contains("WATCHDOG"));
    }
    drop(server);
    let mut command = place.command(&["serve", "--config", "server.toml"]);
    let ended = command.env("NOTIFY_SOCKET", "somewhere").output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("NOTIFY_SOCKET: wanted a path"));
}
