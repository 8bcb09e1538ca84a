"""The commands of README and docs that the tests only parse, each with its reason.

A key is the beginning of a command, or a part of it after ``...``. What is not listed here is run.
"""

from __future__ import annotations

_NETWORK = "it needs the network"
_FITTED = "a fit takes long: the tutorial runs one word for word"
_LONG = "it takes minutes or hours"
_NEURAL = "it needs the extra 'neural'; tests/test_neural.py runs it"
_MUSICNN = "it needs the weights of musicnn; tests/features/test_musicnn.py runs it"
_MACHINE = "it changes the machine"
_MAKE = ".ci/run does it"

NOT_RUN = {
    "git clone": _NETWORK,
    "pip install": _NETWORK,
    "cd audiogenre": "the test is there already",
    ". .venv/bin/activate": "the test has an environment",
    "make demo": "two minutes; its commands are parsed, and pages go on with a smaller sample",
    "make test": _MAKE,
    "make docs": _MAKE,
    "make bench": _LONG,
    "make torture": _LONG,
    "make fuzz": _LONG,
    "python -m pipelines.torture": _LONG,
    "python -m pipelines.fuzz": "it needs the extra 'fuzz'; .ci/run does it",
    "python -m pipelines.benchmark": _LONG,
    "python -m pipelines.reproduce": "it needs tables that are not part of this project",
    "cp models/": "it needs a recorded run",
    "audiogenre serve": "it runs until it is stopped; tests/web has it",
    "curl": "it asks a server that runs until it is stopped; tests/web has it",
    "audiogenre playlists login": "it needs a person at a browser; tests/playlists has one",
    "audiogenre explore": "a minute; tests/test_explore.py runs it",
    "systemctl": _MACHINE,
    "audiogenre fit --features": _FITTED,
    "audiogenre fit --parents": _FITTED,
    "audiogenre fit --context": "a fit takes long; tests/test_context.py runs it",
    "audiogenre fit --multilabel": "a fit takes long; tests/multilabel runs it",
    "audiogenre fit --model mlp": _NEURAL,
    "audiogenre compare extracted-full spotify": "it needs models that are only parsed here",
    "audiogenre refresh --rollback": "it needs two nights; tests/refresh has them",
    "...mine/data": "the same commands as above it, with another folder",
    "...musicnn": _MUSICNN,
    "...--attributes": "it needs the extra 'attributes'; tests/attributes runs it",
    "...phone": "it needs the extra 'augment'; tests/augmented runs it",
}
RUN_ANYWAY = {  # page and command, though listed above
    ("docs/tutorial.md", "audiogenre fit --features extracted"),
    ("docs/tutorial.md", "audiogenre fit --features extracted --set baseline"),
}

# Pages of which nothing is run, once they are there.
PARSED = {
    "docs/cluster.md": "it needs a cluster",
    "docs/container.md": "it needs a builder of images",
    "docs/scale.md": _LONG,
    "docs/training.md": _LONG,
}
FROM_SCRATCH = ("docs/tutorial.md",)  # nothing has been learned there yet

SOME_FAIL = {  # commands that end with exit code 1, as pages say
    "audiogenre download --source deezer": "some songs have no preview",
}


def reason(page: str, text: str) -> str | None:
    """Return why a command is only parsed, None if it is run."""
    if (page, text) in RUN_ANYWAY:
        return None
    if page in PARSED:
        return PARSED[page]
    return next((why for key, why in NOT_RUN.items() if matches(key, text)), None)


def matches(key: str, text: str) -> bool:
    return key[3:] in text if key.startswith("...") else text.startswith(key)
