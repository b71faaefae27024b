"""Opens the verifier that the environment describes: what every program here stands behind."""

import json
import os

import redis

import countersign.memory


def verifier():
    return countersign.Verifier(
        json.loads(os.environ["DIALECTS"]),
        accounts_file=os.environ["ACCOUNTS"],
        memory=memory(os.environ["MEMORY"]),
        public=os.environ["PUBLIC"],
        body_limit=int(os.environ.get("BODY_LIMIT", "100000")),
    )


def memory(told):
    return countersign.memory.redis(redis.Redis.from_url(told)) if told.startswith("redis:") else told
