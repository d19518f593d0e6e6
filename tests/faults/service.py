"""The service as a clinic runs it: its web processes, its relays and its Redis, each killed and started by itself."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from redis.asyncio import Redis

from tests.rig.processes import App, Program, closed, free_port
from tests.valkey import TestValkey


class Relay(Program):
    """A relay process. ``index``: 0 is the first, 1 its warm spare."""

    def __init__(self, app: App, port: int, index: int) -> None:
        self.port = port
        env = app.env | {"TM_RELAY_PORT": str(port), "TM_RELAY_INDEX": str(index)}
        super().__init__([*app.argv[:-1], "relay"], env, app.var.with_suffix(f".relay{index}.log"))

    async def up(self) -> Relay:
        before = self.output().count("relay.ready")
        self.start()
        await self.wait_for_line(rf"(?:relay\.ready[\s\S]*){{{before + 1}}}")
        return self


class Service(App):
    """One web process (``self``); more with :meth:`another_web`. It works like the app that `make run` starts."""

    def __init__(self, var: Path, redis: TestValkey, *, relays: int = 1, address: str = "", **settings: object) -> None:
        super().__init__(var, "web", **({"redis_url": redis.url} | settings))
        if address:
            self.url = f"https://{address}:{self.port}"
            self.env["TM_PUBLIC_URL"] = self.url
        self.redis = redis
        self.webs: list[App] = [self]
        ports = [self.relay_port, *(free_port() for _ in range(1, relays))]
        self.relays = [Relay(self, port, index) for index, port in enumerate(ports)]

    async def up(self, *, seconds: float = 40.0) -> Service:
        for verb in ("migrate", "seed"):
            step = Program([sys.executable, "-m", "server", verb], self.env, self.log)
            step.start()
            assert await step.wait(seconds=seconds) == 0, step.output()
        await asyncio.gather(*(relay.up() for relay in self.relays))
        await super().up(seconds=seconds)
        return self

    async def hints(self) -> dict[str, set[int]]:
        """Ports that the relays have noted for leg a (the therapist's) and b (the patient's)."""
        found: dict[str, set[int]] = {"a": set(), "b": set()}
        async with Redis.from_url(self.redis.url) as redis:
            for name in await redis.keys("tm:hint:*"):
                blob = await redis.get(name)
                for side, _, _, address, _ in json.loads(blob[65:]) if blob else []:
                    found[side].add(int(address[1]))
        return found

    async def another_web(self) -> App:
        settings = {key.removeprefix("TM_").lower(): value for key, value in self.env.items() if key.startswith("TM_")}
        web = App(self.var, "web", **{key: settings[key] for key in settings.keys() - {"var", "port"}})
        self.webs.append(await web.up())
        return web

    async def close(self) -> None:
        await closed(*reversed(self.webs), *self.relays)
