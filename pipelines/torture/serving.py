"""The page under uploads: killed, and started again, it has lost nothing and answers the same."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import requests

from pipelines.torture.processes import PATIENCE, Started
from pipelines.torture.trials import Tally
from pipelines.torture.worlds import World

KIND = "kill under uploads"
_UPLOADS = 4  # at a time


class ServeWorld(World):
    """A model and a server of it; its folder for temporary files is part of the world."""

    def __init__(
        self, name: str, root: Path, build: Callable[[Path], None], command: list[str], clip: Path
    ) -> None:
        self.clip, self.answer = clip, ""
        temporary = {"TMPDIR": str(root / name / "now" / "tmp")}
        super().__init__(name, root, lambda folder: command, build, environment=temporary)

    def prepare(self) -> None:
        """Build the folder, and have the server answer once."""
        self.said.mkdir(parents=True)
        self.folder.mkdir()
        self._build(self.folder)
        (self.folder / "tmp").mkdir()
        self._copy(self.folder, self._kept)
        self.before = self.after = self.facts()
        began = time.monotonic()
        process = self.start()
        self.answer = predicted(self.clip, address(process, self))
        self.seconds = time.monotonic() - began
        process.kill()
        process.wait()


def address(process: Started, world: World) -> str:
    """Return where a server listens, once it says so."""
    deadline = time.monotonic() + PATIENCE
    while process.is_alive() and time.monotonic() < deadline:
        said = (world.said / "out").read_text() if (world.said / "out").exists() else ""
        if said.endswith("\n"):
            return str(json.loads(said)["url"])
        time.sleep(0.02)
    raise RuntimeError(f"the server does not start: {process.wait(0)}")


def predicted(clip: Path, url: str) -> str:
    """Upload a clip; return what is answered, without what differs each time."""
    with clip.open("rb") as file:
        answer = requests.post(f"{url}/api/predict", files={"file": file}, timeout=PATIENCE)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return json.dumps(found.get("label")) + json.dumps(found.get("probability"))


def serve(world: World, tally: Tally, count: int, rng: np.random.Generator) -> None:
    """Kill a server so many times while clips are uploaded to it."""
    if not isinstance(world, ServeWorld):
        return
    world.reset()
    for _ in tally.numbers(count):
        process = world.start()
        url = address(process, world)
        with_uploads = [
            threading.Thread(target=_upload, args=(world.clip, url)) for _ in range(_UPLOADS)
        ]
        for each in with_uploads:
            each.start()
        seconds = float(rng.uniform(0, world.seconds))
        time.sleep(seconds)
        process.kill()
        ended = process.wait()
        for each in with_uploads:
            each.join()
        tally.count(world.name, KIND, hit=ended.code == -9)
        wrong = world.what_is_wrong_on_the_way()
        left = [each.name for each in (world.folder / "tmp").rglob("*") if each.is_file()]
        if wrong or left:
            tally.find(world.name, KIND, f"after {seconds:.2f} s", wrong or f"left: {left}")
            world.reset()
    process = world.start()
    answer = predicted(world.clip, address(process, world))
    process.kill()
    process.wait()
    if answer != world.answer:
        tally.find(world.name, KIND, "after the last kill", f"{answer} is not {world.answer}")


def _upload(clip: Path, url: str) -> None:
    with suppress(requests.RequestException, RuntimeError):
        while True:
            predicted(clip, url)
