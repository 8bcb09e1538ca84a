"""Everything that can go wrong on purpose, and the exit code each case ends a command with.

::

    AudiogenreError          2
    ├── UsageError           2  wrong arguments, configuration or input
    │   └── MissingExtraError   an optional package is not installed
    │       └── MissingWeightsError  nor is the pretrained network that it holds
    ├── AudioError           1  one clip is refused; carries a short, stable `reason`
    ├── TagError             1  the tags of one file cannot be read or written
    ├── FetchError           1  a service did not give what it was asked for; has a `reason`, too
    │   ├── HostBusyError       it is left alone until a stated time
    │   ├── LinkError           a link to audio is no longer valid
    │   └── TransientError      asking again may help
    │       └── ThrottledError  it says for how long to wait
    ├── StoreError           2  the catalogue or the feature store cannot be read or written
    ├── ClusterError         2  a cluster of other machines cannot be reached, or is lost
    ├── BundleError          2  a model cannot be loaded or does not fit the data
    └── LoginError           3  a login has expired and a person has to renew it
"""

from __future__ import annotations

from datetime import datetime

EXIT_DONE, EXIT_SOME_FAILED, EXIT_USAGE, EXIT_LOGIN, EXIT_INTERRUPTED = 0, 1, 2, 3, 130


class AudiogenreError(Exception):
    """Root of all errors raised on purpose; the message is one sentence for a person."""

    exit_code = EXIT_USAGE


class UsageError(AudiogenreError):
    """Arguments, configuration or input are wrong."""


class MissingExtraError(UsageError):
    """An optional package is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, extra)  # both, so that the error survives pickling

    def __str__(self) -> str:
        what, extra = self.args
        return f"{what} needs an optional package: pip install 'audiogenre[{extra}]'"


class MissingWeightsError(MissingExtraError):
    """The weights of a pretrained network are needed and not installed, by a command of its own."""

    def __str__(self) -> str:
        what, command = self.args
        return f"{what} needs the weights of a pretrained network: {command}"


class AudioError(AudiogenreError):
    """A clip is refused.

    Parameters
    ----------
    reason : str
        Short and stable, fit for counting: ``"truncated"``, ``"silent"``, ``"not audio"`` ...
    detail : str
        The rest of the sentence, for a person.
    """

    exit_code = EXIT_SOME_FAILED

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)  # both, so that the error survives pickling
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class TagError(AudiogenreError):
    """The tags of one file cannot be read or written; the file is as it was."""

    exit_code = EXIT_SOME_FAILED


class FetchError(AudiogenreError):
    """A service did not give what it was asked for.

    Parameters
    ----------
    reason : str
        Short and stable, fit for counting: ``"no preview"``, ``"timeout"`` ...
    detail : str
        The rest of the sentence, for a person.
    final : bool
        Whether asking another day is pointless.
    """

    exit_code = EXIT_SOME_FAILED

    def __init__(self, reason: str, detail: str, *, final: bool = False) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.final = final

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class HostBusyError(FetchError):
    """A host is left alone until a time, in seconds since the epoch."""

    REASON = "host busy"

    def __init__(self, host: str, until: float) -> None:
        when = datetime.fromtimestamp(until).strftime("%d %b %H:%M")
        detail = (
            f"{host} was asked too often or does not answer; it is left alone until {when}, and a "
            "run after that goes on"
        )
        super().__init__(self.REASON, detail)
        self.until = until

    def __str__(self) -> str:
        return self.detail


class LinkError(FetchError):
    """A link to audio is no longer valid; its source may know a newer one."""


class TransientError(FetchError):
    """Asking again may help."""


class ThrottledError(TransientError):
    """The service was asked too often; `seconds` is how long it wants us to wait, if it says so."""

    def __init__(self, detail: str, seconds: float | None = None) -> None:
        super().__init__("rate limit", detail)
        self.seconds = seconds


class StoreError(AudiogenreError):
    """The catalogue or the feature store cannot be read or written."""


class ClusterError(AudiogenreError):
    """A cluster of other machines cannot be reached, or is lost."""


class BundleError(AudiogenreError):
    """A model bundle cannot be loaded, or does not fit the data it is given."""


class LoginError(AudiogenreError):
    """A login has expired; only a person can renew it."""

    exit_code = EXIT_LOGIN
