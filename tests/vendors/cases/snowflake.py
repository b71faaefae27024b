"""snowflake-ingest makes the token and calls the ingestion API."""
#: dialect snowflake
#: pip snowflake-ingest==1.0.13
#: pip snowflake-connector-python==3.18.1
#: vendor snowflake-ingest
import contextlib

from capture import Capture, Keys, named, print_case

keys = Keys()
with Capture(answer=b"{}") as capture:
    from snowflake.ingest import SimpleIngestManager

    manager = SimpleIngestManager(
        account="acme.eu-central-1", host="acme.eu-central-1.snowflakecomputing.com", user="loader", pipe="db.public.pipe", private_key=keys.text("rsa")
    )
    with contextlib.suppress(Exception):
        manager.get_history()

print_case(
    accounts=[{"name": "loader", "identifiers": {"snowflake-user": "ACME.LOADER"}, "keys": [{"file": "rsa.pub.pem"}]}],
    requests=named(capture.requests, "history"),
    sign={"key": "rsa.pem", "identifier": "ACME.LOADER", "method": "GET", "url": "https://acme.snowflakecomputing.com/api"},
)
