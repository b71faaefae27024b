#!/usr/bin/env python3
"""Drives the real countersign with OpenTelemetry's own SDK before and behind it, and a collector that may behave badly.

    check.py --countersign target/debug/countersign --work DIR

The SDK and the official protobuf definitions come from PyPI, in a virtual environment below DIR. Nothing is ever skipped.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"
SERVER, CLIENT = 2, 3
TRUSTING = {"COUNTERSIGN_SERVER__TRUSTED_PROXIES": "127.0.0.1"}


def main():
    options = read_options()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if not options.inside:
        from run import environment  # the clients' own, which makes virtual environments

        python = environment(HERE / "requirements.txt", work)
        os.execv(python, [str(python), __file__, "--inside", *sys.argv[1:]])
    from collector import Collector
    from world import World

    check = Check()
    with contextlib.ExitStack() as stack:
        world, collector = World(options.countersign, work, stack), Collector()
        for case in [joined, what_is_told, strangers, proxies, passed_on, checks, bounded, shares, with_secrets, comes_back, bad_answers, at_the_end, hangs, refuses, over_tls, side_by_side, off_and_on, reloaded]:
            collector.clear()
            world.seen.clear()
            try:
                case(check, world, collector)
            except (LookupError, ValueError) as error:
                check.that(f"{case.__name__} ends", False, repr(error))
    for line in check.failures:
        print(f"FAIL  {line}")
    print(f"traces: {check.passed} passed, {len(check.failures)} failed")
    sys.exit(1 if check.failures or not check.passed else 0)


def settings(collector, **more):
    return {"COUNTERSIGN_TRACES__ENDPOINT": collector.endpoint, **{f"COUNTERSIGN_TRACES__{name}": value for name, value in more.items()}}


def joined(check, world, collector):
    """One trace from the caller's SDK through us to the upstream's SDK."""
    import requests

    with world.serving(**settings(collector, TRUST="all")):
        for path, dialect, parts in [("/skykit/a", "skykit", ["keys", "signature"]), ("/once/a", "asymmetric-jwt", ["keys", "signature", "claim"])]:
            world.caller.clear()
            world.callee.clear()
            answer = requests.get(world.url + path, headers=world.sign(dialect, path), timeout=10)
            check.that(f"{dialect}: passes", answer.status_code == 200, answer.text)
            [before], [behind] = world.caller.get_finished_spans(), world.callee.get_finished_spans()
            trace = f"{before.context.trace_id:032x}"
            collector.wait(lambda _: len(collector.of(trace)) >= 2 + len(parts))
            by = {span.span_id.hex(): span for span in collector.of(trace)}
            servers = [span for span in by.values() if span.kind == SERVER]
            clients = [span for span in by.values() if span.kind == CLIENT]
            if not check.that(f"{dialect}: one span of each side", len(servers) == len(clients) == 1, by):
                continue
            [server], [client] = servers, clients
            check.that(f"{dialect}: below the caller's", server.parent_span_id.hex() == f"{before.context.span_id:016x}", server)
            check.that(f"{dialect}: the caller's is somebody else's", server.flags & 0x300 == 0x300, server.flags)
            check.that(f"{dialect}: the call is below it", client.parent_span_id == server.span_id, client)
            check.that(f"{dialect}: the upstream's is in the trace", f"{behind.context.trace_id:032x}" == trace, behind)
            check.that(f"{dialect}: the upstream's is below the call", f"{behind.parent.span_id:016x}" == client.span_id.hex(), behind)
            inner = [span for span in by.values() if span.kind == 1]
            check.that(f"{dialect}: the parts of the judgement", [span.name for span in sorted(inner, key=lambda span: span.start_time_unix_nano)] == [f"countersign.{part}" for part in parts], inner)
            check.that(f"{dialect}: the parts lie within", all(server.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano <= server.end_time_unix_nano and span.parent_span_id == server.span_id for span in inner), inner)
            check.that(f"{dialect}: within the caller's own", before.start_time <= server.start_time_unix_nano <= server.end_time_unix_nano <= before.end_time + 50_000_000, server)
            check.that(f"{dialect}: the log has the trace", any(line.get("trace") == trace for line in world.lines()), trace)


def what_is_told(check, world, collector):
    """The names of the conventions, and neither credentials nor queries."""
    from collector import values

    proof = world.sign("skykit", "/skykit/a?secret=hidden")
    with world.serving(**settings(collector, SERVICE="edge", RESOURCE="deployment.environment.name=test")):
        for path, headers, status in [("/skykit/a?secret=hidden", proof, 200), ("/skykit/a", {}, 401), ("/gone/a", proof, 502)]:
            collector.spans.clear()
            check.that(f"{path}: {status}", get(world.url + path, headers) == status)
            collector.wait(lambda spans: any(span.kind == SERVER for span in spans))
            server = next((span for span in list(collector.spans) if span.kind == SERVER), None)
            if not check.that(f"{path}: told", server is not None, collector.spans):
                continue
            told = values(server.attributes)
            route = "/gone" if path.startswith("/gone") else "/skykit"
            wanted = {"http.request.method": "GET", "url.path": path.split("?")[0], "url.scheme": "http", "http.route": route, "http.response.status_code": status, "client.address": "127.0.0.1", "server.address": "127.0.0.1", "server.port": world.ports["public"], "network.protocol.version": "1.1", "countersign.surface": "gateway", "countersign.dialect": "skykit"}
            wanted["countersign.verdict"] = "absent" if status == 401 else "verified"
            if status == 401:
                wanted |= {"countersign.reason": "missing-credentials"}
                wanted.pop("countersign.dialect")
            wrong = {name: told.get(name) for name, value in wanted.items() if told.get(name) != value}
            check.that(f"{path}: attributes", not wrong, wrong)
            check.that(f"{path}: the request's id", told.get("countersign.request.id", "").startswith("req_"), told)
            check.that(f"{path}: the account's id, where it proved itself", told.get("countersign.account.id", "").startswith("acc_") == (status != 401), told)
            check.that(f"{path}: name", server.name == f"GET {route}", server.name)
            check.that(f"{path}: only our own fault is one", (server.status.code == 2) == (status >= 500) == ("error.type" in told), server.status)
            calls = [values(span.attributes) for span in list(collector.spans) if span.kind == CLIENT]
            if status != 401:
                port = world.ports["nobody" if status == 502 else "upstream"]
                check.that(f"{path}: the call", calls[0].get("url.full") == f"http://127.0.0.1:{port}{path.split('?')[0]}" and calls[0].get("server.port") == port, calls)
                check.that(f"{path}: what the call came to", calls[0].get("error.type" if status == 502 else "http.response.status_code") == ("no_answer" if status == 502 else 200), calls)
        everything = b"".join(collector.bodies)
        token = next(iter(proof.values())).split(".")[-1].encode()
        check.that("no credential", token not in everything and token[:16] not in everything)
        check.that("no query", b"hidden" not in everything)
        resource = collector.resources[0]
        check.that("who tells it", resource.get("service.name") == "edge" and resource.get("deployment.environment.name") == "test" and resource.get("service.instance.id"), resource)
    collector.clear()
    with world.serving(**settings(collector, QUERY="true")):
        get(world.url + "/skykit/a?shown=yes", {})
        collector.wait(lambda spans: spans)
        check.that("queries when asked for", values(collector.spans[-1].attributes).get("url.query") == "shown=yes")


def strangers(check, world, collector):
    """A stranger decides nothing: neither the trace nor whether it is told."""
    proof = world.sign("skykit", "/skykit/a")
    with world.serving(**settings(collector, RATIO="0")):
        for told in [SAMPLED, UNSAMPLED]:
            check.that("answered", get(world.url + "/skykit/a", proof | {"traceparent": told, "tracestate": "a=1"}) == 200)
        check.that("nothing of the stranger's goes on", all(TRACE not in seen["HTTP_TRACEPARENT"] and seen["HTTP_TRACEPARENT"].endswith("-02") and seen["HTTP_TRACESTATE"] is None for seen in world.seen), world.seen)
        time.sleep(1.5)
        check.that("nothing is told", not collector.spans, collector.spans)
    with world.serving(**settings(collector)):
        get(world.url + "/skykit/a", proof | {"traceparent": UNSAMPLED})
        collector.wait(lambda spans: any(span.kind == SERVER for span in spans))
        [server] = [span for span in collector.spans if span.kind == SERVER]
        check.that("a trace of its own with a link", server.trace_id.hex() != TRACE and not server.parent_span_id and [link.span_id.hex() for link in server.links] == [SPAN], server)


def proxies(check, world, collector):
    """A trusted proxy decides."""
    proof = world.sign("skykit", "/skykit/a")
    with world.serving(**settings(collector, RATIO="0"), **TRUSTING):
        get(world.url + "/skykit/a", proof | {"traceparent": UNSAMPLED})
        get(world.url + "/skykit/a", proof | {"traceparent": SAMPLED})
        collector.wait(lambda spans: any(span.kind == SERVER for span in spans))
        check.that("only what it has told is told", len([span for span in collector.spans if span.kind == SERVER]) == 1, collector.spans)
        check.that("both go on in its trace", [seen["HTTP_TRACEPARENT"][3:35] + seen["HTTP_TRACEPARENT"][-3:] for seen in world.seen] == [f"{TRACE}-00", f"{TRACE}-01"], world.seen)
        check.that("not as its own span", all(SPAN not in seen["HTTP_TRACEPARENT"] for seen in world.seen), world.seen)
    world.seen.clear()
    with world.serving(**settings(collector, TRUST="none"), **TRUSTING):
        get(world.url + "/skykit/a", proof | {"traceparent": SAMPLED})
        check.that("not where nobody is believed", TRACE not in world.seen[0]["HTTP_TRACEPARENT"], world.seen)


def passed_on(check, world, collector):
    """What is wrong is dropped, as the Recommendation wants it."""
    proof = world.sign("skykit", "/skykit/a")
    with world.serving(**settings(collector, TRUST="all")):
        for parent, state, trace, wanted in [
            (SAMPLED, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", True, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
            (SAMPLED, "a=1,a=2", True, None),
            (f"cc-{TRACE}-{SPAN}-01-later", "a=1", True, "a=1"),
            (SAMPLED.upper(), "a=1", False, None),
            (f"ff-{TRACE}-{SPAN}-01", "a=1", False, None),
            (f"00-{'0' * 32}-{SPAN}-01", "a=1", False, None),
            (SAMPLED + "-x", "a=1", False, None),
            ("", "a=1", False, None),
        ]:
            get(world.url + "/skykit/a", proof | {"traceparent": parent, "tracestate": state})
            seen = world.seen[-1]
            check.that(f"{parent} {state}", (TRACE in seen["HTTP_TRACEPARENT"]) == trace and seen["HTTP_TRACESTATE"] == wanted, seen)


def checks(check, world, collector):
    """A proxy that asks is joined: forward-auth, and Envoy's check."""
    from collector import values

    proof = world.sign("skykit", "/skykit/a")
    original = {"X-Forwarded-Method": "GET", "X-Forwarded-Proto": "http", "X-Forwarded-Host": world.url[7:], "X-Forwarded-Uri": "/skykit/a"}
    with world.serving(**settings(collector), **TRUSTING):
        for surface, url, headers in [("forward-auth", f"{world.url}/verify", original), ("ext-authz", f"http://127.0.0.1:{world.ports['checks']}/ext-authz/headers/skykit/a", {"X-Forwarded-Proto": "http"})]:
            collector.spans.clear()
            check.that(f"{surface}: passes", get(url, proof | headers | {"traceparent": SAMPLED}) == 200)
            collector.wait(lambda spans: any(span.kind == SERVER for span in spans))
            server = [span for span in collector.spans if span.kind == SERVER]
            told = values(server[0].attributes) if server else {}
            check.that(f"{surface}: in the proxy's trace", server and server[0].trace_id.hex() == TRACE and server[0].parent_span_id.hex() == SPAN, server)
            check.that(f"{surface}: told", told.get("countersign.surface") == surface and told.get("countersign.verdict") == "verified" and told.get("countersign.route") == "sky", told)


def bounded(check, world, collector):
    """Whoever may decide cannot have everything told."""
    with world.serving(**settings(collector, TRUST="all", PER_SECOND="3")):
        begun = time.monotonic()
        for _ in range(60):
            get(world.url + "/skykit/a", {"traceparent": SAMPLED})
        seconds = int(time.monotonic() - begun) + 2
        limited = world.metric("traces_limited_total")
        time.sleep(1.5)
        told = len([span for span in collector.spans if span.kind == SERVER])
        check.that("no more than three a second", 0 < told <= 3 * seconds and told + limited == 60, (told, limited, seconds))


def shares(check, world, collector):
    with world.serving(**settings(collector, RATIO="0.5")):
        for _ in range(80):
            get(world.url + "/skykit/a", {})
        time.sleep(1.5)
        told = len([span for span in collector.spans if span.kind == SERVER])
        check.that("about half of them", 15 <= told <= 65, told)


def with_secrets(check, world, collector):
    file = world.data / "collector-headers"
    file.write_text("Authorization: Bearer of-the-collector\nX-Tenant: one\n")
    with world.serving(**settings(collector, HEADERS_FILE=str(file))):
        get(world.url + "/skykit/a", {})
        collector.wait(lambda spans: spans)
        sent = collector.headers[0]
        check.that("headers of the file", sent.get("authorization") == "Bearer of-the-collector" and sent.get("x-tenant") == "one", sent)
        check.that("not in the log", "of-the-collector" not in world.log.read_text())


def comes_back(check, world, collector):
    """A collector that is busy once gets the same spans again."""
    collector.mood = "busy"
    with world.serving(**settings(collector)):
        get(world.url + "/skykit/a", {})
        check.that("sent again", collector.wait(lambda spans: len(spans) == 1), collector.spans)
        time.sleep(0.2)
        check.that("counted once", (world.metric("trace_spans_exported_total"), world.metric('trace_spans_dropped_total{why="failed"}')) == (1, 0))


def bad_answers(check, world, collector):
    for mood, why in [("bad", "failed"), ("reject", "rejected")]:
        collector.mood = mood
        with world.serving(**settings(collector)):
            get(world.url + "/skykit/a", {})
            check.that(f"{mood}: counted", eventually(lambda: world.metric(f'trace_spans_dropped_total{{why="{why}"}}') == 1))
            check.that(f"{mood}: asked once", collector.asked == (1 if mood == "bad" else 2), collector.asked)


def at_the_end(check, world, collector):
    """What waits when the server is told to stop is sent first."""
    with world.serving(**settings(collector)):
        for _ in range(5):
            get(world.url + "/skykit/a", {})
        world.stop()
    check.that("sent before the end", len(collector.spans) == 5, collector.spans)
    collector.mood = "hang"
    with world.serving(**settings(collector)):
        for _ in range(5):
            get(world.url + "/skykit/a", {})
        world.stop()
        said = [line for line in world.log.read_text().splitlines() if "did not take the last spans in time" in line]
        check.that("what is left is told", len(said) == 1 and '"spans":5' in said[0], world.log.read_text()[-900:])


def hangs(check, world, collector):
    """A collector that never answers harms nobody, and the server still ends."""
    collector.mood = "hang"
    proof = world.sign("skykit", "/skykit/a")
    with world.serving(**settings(collector, QUEUE="4", TIMEOUT="2s", PER_SECOND="100000")):
        answers = [get(world.url + "/skykit/a", proof) for _ in range(300)]
        check.that("every request is answered", answers == [200] * 300, answers)
        check.that("what does not fit is counted", eventually(lambda: world.metric('trace_spans_dropped_total{why="queue"}') > 0))
        check.that("and what was given up", eventually(lambda: world.metric('trace_spans_dropped_total{why="failed"}') > 0))
        check.that("it is told once", world.log.read_text().count("the collector did not take spans") == 1, world.log.read_text()[-500:])
        world.stop()
        check.that("and it ends by itself", world.program.returncode == 0, world.program.returncode)
    collector.clear()
    collector.mood = "slow"
    with world.serving(**settings(collector)):
        answers = [get(world.url + "/skykit/a", proof) for _ in range(50)]
        check.that("a slow one holds nobody up", answers == [200] * 50, answers)
        check.that("and gets all of it", collector.wait(lambda spans: len([span for span in spans if span.kind == SERVER]) == 50), len(collector.spans))


def refuses(check, world, collector):
    nobody = {"COUNTERSIGN_TRACES__ENDPOINT": f"http://127.0.0.1:{world.ports['nobody']}/v1/traces", "COUNTERSIGN_TRACES__TIMEOUT": "2s"}
    proof = world.sign("skykit", "/skykit/a")
    with world.serving(**nobody):
        answers = [get(world.url + "/skykit/a", proof) for _ in range(50)]
        check.that("nobody listens: every request is answered", answers == [200] * 50, answers)
        check.that("nobody listens: counted", eventually(lambda: world.metric('trace_spans_dropped_total{why="failed"}') >= 50))


def over_tls(check, world, collector):
    """A collector that speaks TLS is believed by `ca_file` alone."""
    from collector import Collector

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ["ours", "another"]:
        openssl(world, "req", "-x509", *key, "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl(world, "req", *key, "-subj", "/CN=collector", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "collector.key", "-out", "collector.csr")
    openssl(world, "x509", "-req", "-in", "collector.csr", "-CA", "ours.pem", "-CAkey", "ours.key", "-days", "2", "-copy_extensions", "copy", "-out", "collector.pem")
    secure = Collector(world.data / "collector.pem", world.data / "collector.key")
    with world.serving(**settings(secure, CA_FILE=f"{world.data}/ours.pem")):
        get(world.url + "/skykit/a", {})
        check.that("over TLS", secure.wait(lambda spans: any(span.kind == SERVER for span in spans)), world.log.read_text()[-900:])
        check.that("over TLS: counted", eventually(lambda: world.metric("trace_spans_exported_total") > 0))
    for more, why in [({"CA_FILE": f"{world.data}/another.pem"}, "another authority"), ({}, "the machine's own")]:
        secure.clear()
        with world.serving(**settings(secure, TIMEOUT="2s", **more)):
            check.that(f"{why}: answered", get(world.url + "/skykit/a", {}) == 401)
            check.that(f"{why}: counted", eventually(lambda: world.metric('trace_spans_dropped_total{why="failed"}') > 0))
            check.that(f"{why}: the log says why", "certificate" in world.log.read_text(), world.log.read_text()[-900:])
        check.that(f"{why}: nothing is sent", not secure.asked, secure.asked)


def side_by_side(check, world, collector):
    """Checks of signatures that wait for others are one part."""
    proof = world.sign("skykit", "/skykit/a")
    with world.serving(**settings(collector), COUNTERSIGN_SERVER__LANES="true"):
        check.that("passes", get(world.url + "/skykit/a", proof) == 200)
        collector.wait(lambda spans: any(span.kind == SERVER for span in spans))
        inner = sorted(span.name for span in collector.spans if span.kind == 1)
        check.that("its parts", inner == ["countersign.keys", "countersign.signature"], inner)


def reloaded(check, world, collector):
    """What both configurations have is sent when the server ends right after a reload; the process stays the same one."""
    text = world.config.read_text()
    section = f'{text}\n[traces]\nendpoint = "{collector.endpoint}"\nservice = "NAME"\n'
    world.config.write_text(section.replace("NAME", "before"))
    collector.mood = "slow"
    with world.serving():
        get(world.url + "/skykit/a", {})
        world.config.write_text(section.replace("NAME", "after"))
        world.run("reload")
        get(world.url + "/skykit/a", {})
        world.stop()
    world.config.write_text(text)
    check.that("both are sent", sorted(resource["service.name"] for resource in collector.resources) == ["after", "before"], collector.resources)
    check.that("by one process", len({resource["service.instance.id"] for resource in collector.resources}) == 1, collector.resources)


def off_and_on(check, world, collector):
    """Off, nothing is touched; a reload turns it on."""
    proof = world.sign("skykit", "/skykit/a")
    text = world.config.read_text()
    with world.serving():
        get(world.url + "/skykit/a", proof | {"traceparent": "anything", "tracestate": "at all"})
        check.that("off: headers pass as they are", world.seen[-1] == {"HTTP_TRACEPARENT": "anything", "HTTP_TRACESTATE": "at all"}, world.seen)
        check.that("off: no trace in the log", all("trace" not in line for line in world.lines()))
        world.config.write_text(f'{text}\n[traces]\nendpoint = "{collector.endpoint}"\n')
        world.run("reload")
        get(world.url + "/skykit/a", proof)
        check.that("on after a reload", collector.wait(lambda spans: any(span.kind == SERVER for span in spans)))
        world.config.write_text(text)
        get(world.url + "/skykit/a", proof)
        world.run("reload")
        check.that("off again: what waited is sent", collector.wait(lambda spans: len([span for span in spans if span.kind == SERVER]) >= 2), collector.spans)


def openssl(world, *arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=world.data)


def get(url, headers):
    """The status, by a client that no SDK instruments."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


def eventually(holds):
    for _ in range(300):
        if holds():
            return True
        time.sleep(0.05)
    return False


class Check:
    """Counts."""

    def __init__(self):
        self.passed, self.failures = 0, []

    def that(self, what, holds, why=""):
        if holds:
            self.passed += 1
        else:
            self.failures.append(f"{what}: {str(why)[:900]}")
        return bool(holds)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--countersign", required=True, type=Path, help="the countersign binary")
    parser.add_argument("--work", required=True, type=Path, help="folder for the virtual environment, data and logs")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
