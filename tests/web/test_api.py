"""The JSON API answers what the command answers, with evidence, and says how it is asked."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import httpx
import pytest

from audiogenre import load_bundle

from .conftest import MODEL

KEYS = {"label", "nearest", "known", "probability", "probabilities", "timeline", "why", "seconds"}


@pytest.fixture
def waltz(client: httpx.Client, mp3_bytes: bytes) -> dict:
    answer = client.post("/api/predict", files={"file": ("waltz.mp3", mp3_bytes)})
    assert answer.status_code == 200
    (found,) = answer.json()["predictions"]
    return found


def test_predict_answers_as_the_command_does(
    waltz: dict, mp3_bytes: bytes, sample_models: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "waltz.mp3"
    clip.write_bytes(mp3_bytes)
    expected = load_bundle(sample_models / MODEL).predict([clip]).iloc[0]
    assert waltz["label"] == expected["label"] == "lantern waltz"
    for label, share in waltz["probabilities"].items():
        assert share == pytest.approx(expected[f"p_{label}"], abs=1e-6)


def test_predict_gives_evidence(waltz: dict) -> None:
    assert waltz.keys() >= KEYS
    assert waltz["status"] == "done" and waltz["error"] is None
    assert [each["start"] for each in waltz["timeline"]] == [0, 5, 10, 15, 20, 25]
    assert len(waltz["why"]) == 3 and all(each.endswith(".") for each in waltz["why"])
    near = waltz["nearest_tracks"]
    assert len(near) == 4 and all(each["audio"] for each in near)
    assert near[0]["label"] == "lantern waltz"


def test_several_clips_at_once_and_a_bad_one_says_why(
    client: httpx.Client, mp3_bytes: bytes, noise: bytes
) -> None:
    files = [("file", ("a.mp3", mp3_bytes)), ("file", ("b.mp3", b"<html>")), ("file", ("c", noise))]
    first, second, third = client.post("/api/predict", files=files).json()["predictions"]
    assert (first["path"], first["error"]) == ("a.mp3", None)
    assert second["error"] == "not audio: the file is a web page or XML"
    assert second["label"] is None and second["status"] == "failed"
    assert (third["label"], third["known"]) == ("unknown", False)
    assert third["why"][0].startswith("It lies ") and "sets it apart" in third["why"][1]


def test_an_answer_is_kept_as_json_and_csv(client: httpx.Client, waltz: dict) -> None:
    address = f"/api/jobs/{waltz['id']}"
    saved = client.get(address, params={"download": "true"})
    assert saved.headers["content-disposition"].startswith("attachment")
    assert saved.json()["probabilities"] == waltz["probabilities"]
    table = list(csv.DictReader(io.StringIO(client.get(f"{address}/csv").text)))
    assert len(table) == 1 + len(waltz["timeline"])
    assert table[0]["label"] == "lantern waltz" and table[1]["start"] == "0.0"
    image = client.get(f"{address}/spectrogram")
    assert image.headers["content-type"] == "image/png" and image.content[1:4] == b"PNG"


def test_a_job_tells_how_it_goes_on(client: httpx.Client, token: str, mp3_bytes: bytes) -> None:
    headers = {"x-csrf-token": token}
    answer = client.post("/api/jobs", files={"file": ("a.mp3", mp3_bytes)}, headers=headers)
    assert answer.status_code == 202
    (job,) = answer.json()
    with client.stream("GET", f"/api/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [each for each in stream.iter_lines() if each.startswith("data:")]
    told = [json.loads(each.removeprefix("data:")) for each in lines]
    assert told[-1]["status"] == "done" and "lantern waltz" in told[-1]["card"]
    assert {each["status"] for each in told[:-1]} <= {"waiting", "working"}


def test_a_track_of_the_catalogue_is_listened_to_and_played(
    client: httpx.Client, waltz: dict
) -> None:
    track = waltz["nearest_tracks"][0]
    answer = client.post("/api/predict", data={"track": track["track_id"]}).json()
    (found,) = answer["predictions"]
    assert found["label"] == track["label"]
    assert track["track_id"] not in [each["track_id"] for each in found["nearest_tracks"]]
    audio = client.get(f"/audio/{track['track_id']}", headers={"Range": "bytes=0-99"})
    assert (audio.status_code, len(audio.content)) == (206, 100)
    assert audio.headers["content-type"] == "audio/mpeg"


def test_the_document_describes_the_api(client: httpx.Client) -> None:
    document = client.get("/api/openapi.json").json()
    assert "/api/predict" in document["paths"]
    body = document["paths"]["/api/predict"]["post"]["requestBody"]
    assert "multipart/form-data" in body["content"]
    assert all(path.startswith(("/api/", "/audio/")) for path in document["paths"])


@pytest.mark.parametrize(
    ("address", "status"),
    [("/api/jobs/nobody", 404), ("/audio/nobody", 404), ("/api/nothing", 404), ("/nothing", 404)],
)
def test_what_is_not_there_says_so(client: httpx.Client, address: str, status: int) -> None:
    assert client.get(address).status_code == status


def test_nothing_sent_is_said_so(client: httpx.Client) -> None:
    answer = client.post("/api/predict", data={"nothing": ""})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "no clip was sent: choose a file"
