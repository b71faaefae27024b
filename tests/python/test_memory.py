"""Memories that several processes share, in a real Redis whose clock is not that of the process that judges."""

import asyncio
import time
import unittest
from unittest import mock

import redis as client
import redis.asyncio as asynchronous

import countersign.memory
from support import redis

AHEAD = 3600
"""Seconds by which the clock of the Redis is ahead of the judge's: more than a proof is good for."""


class Redis(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = redis()
        cls.addClassCleanup(cls.redis.stop)

    def setUp(self):
        true = time.time
        behind = mock.patch("time.time", lambda: true() - AHEAD)
        behind.start()
        self.addCleanup(behind.stop)

    def test_a_use_is_remembered_by_the_clock_that_judges(self):
        with client.Redis(port=self.redis.port) as server:
            self.assertGreater(server.time()[0] - time.time(), AHEAD - 60)
            claim = countersign.memory.redis(server)
            for expires in (20, 0, -5):
                digest = bytes([expires % 256]) * 32
                told = [claim(digest, int(time.time()) + expires) for _ in range(3)]
                self.assertEqual(told, [True, False, False])
            self.assertEqual(len(server.keys("countersign:*")), 3)
            self.assertTrue(all(0 < server.ttl(key) <= 20 + countersign.memory.SLACK for key in server.keys("countersign:*")))

    def test_and_asynchronously(self):
        async def run():
            async with asynchronous.Redis(port=self.redis.port) as server:
                claim = countersign.memory.async_redis(server)
                return [await claim(b"a" * 32, int(time.time()) + 20) for _ in range(3)]

        self.assertEqual(asyncio.run(run()), [True, False, False])


if __name__ == "__main__":
    unittest.main()
