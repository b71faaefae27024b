//! The Kubernetes manifests and the container file, held against the real program: their configuration is started, and their probes are asked.
use crate::nodes::ask;
use crate::run::{Place, Server};
use countersign_testkit::postgres::Postgres;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging")
}

fn manifest(name: &str) -> Value {
    let text = std::fs::read_to_string(packaging().join("kubernetes").join(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// The values in a list under these names, one below the other.
#[track_caller]
fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[track_caller]
fn word<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    assert!(found.is_some(), "no text at {pointer} in {value}");
    found.unwrap()
}

/// The listeners of the configuration by their port.
fn listeners(config: &toml::Value) -> Vec<(u64, Vec<&str>, &str)> {
    config["listener"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let address = one["address"].as_str().unwrap();
            let surfaces =
                one["surfaces"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            (address.rsplit(':').next().unwrap().parse().unwrap(), surfaces, address)
        })
        .collect()
}

#[test]
fn the_manifests_name_what_the_program_has() {
    let (config, deployment) = (manifest("config.yaml"), manifest("deployment.yaml"));
    let text = word(&config, "/data/server.toml");
    let parsed: toml::Value = toml::from_str(text).unwrap();
    let listeners = listeners(&parsed);
    let surfaces = |port: u64| &listeners.iter().find(|(number, ..)| *number == port).unwrap().1;
    let pod = deployment.pointer("/spec/template/spec").unwrap();
    let container = &list(pod, "/containers")[0];
    // Ports, and what is asked at each.
    let port = |name: &str| {
        let found = list(container, "/ports").iter().find(|port| port["name"] == name).unwrap();
        found["containerPort"].as_u64().unwrap()
    };
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let asked = container[probe].pointer("/httpGet").unwrap();
        assert!(surfaces(port(asked["port"].as_str().unwrap())).contains(&"health"), "{probe}");
        let wanted = if probe == "readinessProbe" { "/readyz" } else { "/healthz" };
        assert_eq!(asked["path"], wanted);
    }
    let annotations = deployment.pointer("/spec/template/metadata/annotations").unwrap();
    assert_eq!(annotations["prometheus.io/port"], port("metrics").to_string());
    assert!(surfaces(port("metrics")).contains(&"metrics"));
    let service = manifest("service.yaml");
    assert_eq!(list(&service, "/spec/ports")[0]["targetPort"], "http");
    let network = manifest("network.yaml");
    for rule in list(&network, "/spec/ingress") {
        let open = list(rule, "/ports")[0]["port"].as_u64().unwrap();
        assert!(["http", "metrics"].map(port).contains(&open), "{open}");
    }
    // Operators come in over loopback alone, and nothing leads there.
    for (number, surfaces, address) in &listeners {
        let beyond = !address.starts_with("127.0.0.1:");
        assert!(!(beyond && surfaces.contains(&"manage")), "{address}");
        assert_eq!(beyond, ["http", "metrics"].map(port).contains(number), "{address}");
    }
    // All of them mean the same pods.
    let labels = deployment.pointer("/spec/template/metadata/labels").unwrap();
    let disruption = manifest("disruption.yaml");
    for (of, pointer) in [
        (&deployment, "/spec/selector/matchLabels"),
        (&service, "/spec/selector"),
        (&disruption, "/spec/selector/matchLabels"),
        (&network, "/spec/podSelector/matchLabels"),
    ] {
        assert_eq!(of.pointer(pointer), Some(labels), "{pointer}");
    }
    let (replicas, least) = (deployment.pointer("/spec/replicas"), disruption.pointer("/spec/minAvailable"));
    assert!(replicas.unwrap().as_u64() > least.unwrap().as_u64(), "a node can be drained");
    // Every file that the configuration names lies in a volume, and each volume is there.
    let mounts: Vec<&str> =
        list(container, "/volumeMounts").iter().map(|mount| word(mount, "/mountPath")).collect();
    for file in ["password_file", "key_encryption_key_file"] {
        let path = parsed["store"][file].as_str().unwrap();
        assert!(mounts.iter().any(|mount| path.starts_with(&format!("{mount}/"))), "{path}");
    }
    for mount in list(container, "/volumeMounts") {
        assert!(list(pod, "/volumes").iter().any(|volume| volume["name"] == mount["name"]), "{mount}");
    }
    assert!(container["env"].is_null(), "secrets are files");
    // Kubernetes waits for longer than the server takes to end.
    let drain = parsed["server"]["drain"].as_str().unwrap().trim_end_matches('s').parse::<u64>().unwrap();
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() >= drain + 60);
}

#[test]
fn the_configuration_of_the_manifests_starts_and_answers_the_probes() {
    let place = Place::new();
    let text = word(&manifest("config.yaml"), "/data/server.toml").to_owned();
    place.write("server.toml", &text);
    place.write("database-password", "none");
    place.write("kek", &"07".repeat(32));
    let words: Vec<String> = list(&manifest("deployment.yaml"), "/spec/template/spec/containers")
        .iter()
        .flat_map(|container| list(container, "/args"))
        .map(|word| word.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(words[0], "serve");
    // As it stands, but for the places that exist in a pod alone.
    let here = |word: &str| match word {
        "/etc/countersign/server.toml" => place.path("server.toml").display().to_string(),
        "/var/lib/countersign" => place.path("data").display().to_string(),
        other => other.to_owned(),
    };
    let arguments: Vec<String> = words.iter().skip(1).map(|word| here(word)).collect();
    let check: Vec<&str> =
        ["config", "check"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    assert!(place.run_all(&check).ok().contains("can be used"));
    let url = Postgres::shared().database();
    let moved = text
        .replace("0.0.0.0:8700", "127.0.0.1:0")
        .replace("127.0.0.1:8701", "127.0.0.1:0")
        .replace("0.0.0.0:8702", "127.0.0.1:0")
        .replace("postgres://countersign@db.example.com/countersign", &url)
        .replace("/run/secrets/countersign/database-password", &here("database-password"))
        .replace("/run/secrets/countersign/", "")
        .replace("drain = \"15s\"", "drain = \"0s\"");
    let server = Server::of(&place, &moved);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(&server.public, path, "none").0, 200, "{path}");
    }
    assert_eq!(ask(&server.public, "/orders", "none").0, 401);
    assert!(place.run(&format!("health {}", server.public)).ok().contains("ready"));
    place.run("health http://127.0.0.1:9 --timeout 1").fails(5, &["127.0.0.1:9"]);
}

#[test]
fn the_container_file_starts_what_there_is() {
    let text = std::fs::read_to_string(packaging().join("container/Containerfile")).unwrap();
    let line =
        |name: &str| text.lines().rev().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let words = |name: &str| -> Vec<String> { serde_json::from_str(&line(name)).unwrap() };
    assert_eq!(words("ENTRYPOINT"), ["/usr/bin/countersign"]);
    let place = Place::new();
    // Each command is one that the program understands.
    let start = words("CMD");
    place.run(&format!("{} --help", start.join(" "))).ok();
    let health: Vec<String> = serde_json::from_str(
        text.split_once("HEALTHCHECK").unwrap().1.split_once("CMD ").unwrap().1.lines().next().unwrap(),
    )
    .unwrap();
    assert_eq!(health[0], "/usr/bin/countersign");
    place.run(&format!("{} --help", health[1..].join(" "))).ok();
    assert_ne!(line("USER").split(':').next(), Some("0"), "nobody is root");
    let ports = line("EXPOSE");
    let default = place.run("config default").ok();
    for port in ports.split(' ') {
        assert!(default.contains(&format!("127.0.0.1:{port}\"")), "{port}");
    }
}
