"""A collector that decodes OTLP with the official definitions, and one that behaves badly when told to."""

import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse


class Collector:
    """Keeps every span by the attributes' names and values; `mood` decides how it answers. With a certificate and its key, by TLS."""

    def __init__(self, certificate=None, key=None):
        self.mood, self.spans, self.bodies, self.headers, self.resources, self.asked = "good", [], [], [], [], 0
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.asked += 1
                self.answer(*collector.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body))

            def answer(self, status, body=b"", headers=()):
                self.send_response(status)
                for name, value in [("Content-Type", "application/x-protobuf"), ("Content-Length", str(len(body))), *headers]:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # A server that was ended leaves connections behind.

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            # The handshake is a connection's own business, not that of whoever accepts it.
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.endpoint = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.server_port}/v1/traces"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path, headers, body):
        if self.mood == "hang":
            time.sleep(3600)
        if self.mood == "slow":
            time.sleep(0.5)
        if self.mood == "busy":
            self.mood = "good"
            return 503, b"", [("Retry-After", "1")]
        if self.mood == "bad":
            return 400, b""
        if path != "/v1/traces" or headers.get("content-type") != "application/x-protobuf":
            return 404, b""
        message = ExportTraceServiceRequest.FromString(body)
        self.bodies.append(body)
        self.headers.append(headers)
        for resource in message.resource_spans:
            self.resources.append(values(resource.resource.attributes))
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        answer = ExportTraceServiceResponse()
        if self.mood == "reject":
            answer.partial_success.rejected_spans = 1
            answer.partial_success.error_message = "no room"
        return 200, answer.SerializeToString()

    def clear(self):
        self.mood, self.spans, self.bodies, self.headers, self.resources, self.asked = "good", [], [], [], [], 0

    def wait(self, until, seconds=15):
        """Waits until the spans are so; gives whether they were."""
        for _ in range(seconds * 20):
            if until(self.spans):
                return True
            time.sleep(0.05)
        return False

    def of(self, trace):
        return [span for span in list(self.spans) if span.trace_id.hex() == trace]


def values(attributes):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
