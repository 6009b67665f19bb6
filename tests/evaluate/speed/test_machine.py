import json

from sentimo.evaluate.speed.machine import describe_machine


def test_the_description_says_what_ran_and_on_how_many_threads(monkeypatch):
    monkeypatch.setenv("SENTIMO_THREADS", "3")

    found = describe_machine()

    assert found["threads"] == 3
    assert found["versions"]["onnxruntime"]
    assert found["processor"]
    json.dumps(found)
