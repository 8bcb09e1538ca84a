"""The shapes of the JSON API, for its OpenAPI document."""

from __future__ import annotations

from pydantic import BaseModel, Field

_SHARES = "Probability of each label."


class Window(BaseModel):
    """What the model says about a clip, or about five seconds of it."""

    label: str | None = Field(description='The answer, "unknown", or null if refused.')
    labels: list[str] | None = Field(None, description="All answers of a model of several labels.")
    nearest: str | None = Field(None, description="The likeliest label, known or not.")
    known: bool | None
    probability: float | None = Field(description="Calibrated, of `nearest`.")
    probabilities: dict[str, float] = Field(description=_SHARES)
    tags: dict[str, float] | None = None


class Part(Window):
    """Five seconds of a clip."""

    start: float = Field(description="In seconds.")


class NearTrack(BaseModel):
    """A track of the training set that sounds alike."""

    track_id: str
    title: str
    artist: str
    label: str
    audio: bool = Field(description="Whether /audio/{track_id} plays it.")


class Prediction(Window):
    """What the model says about one clip, and why."""

    id: str
    path: str = Field(description="What the clip is called.")
    status: str = Field(description="waiting, working, done or failed.")
    before: int = Field(0, description="Clips that come first.")
    seconds: float | None = Field(None, description="What was listened to.")
    certainty: str | None = None
    timeline: list[Part] = []
    why: list[str] = []
    nearest_tracks: list[NearTrack] = []
    error: str | None = Field(None, description="Why there is no answer.")


class Predictions(BaseModel):
    """Answers about several clips."""

    model: str
    predictions: list[Prediction]


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str
