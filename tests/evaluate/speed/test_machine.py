import json

from sentimo.evaluate.speed.machine import describe_machine, is_busy


def test_the_description_says_what_ran_and_on_how_many_threads(monkeypatch):
    monkeypatch.setenv("SENTIMO_THREADS", "3")

    found = describe_machine()

    assert found["threads"] == 3
    assert found["versions"]["onnxruntime"]
    assert found["processor"]
    json.dumps(found)


def test_a_load_of_half_the_usable_cores_is_busy():
    # 3 of 4 usable cores on a host of 64: the other 60 are not ours
    assert is_busy({"load": 3.0, "cores": 64, "usable_cores": 4})
    assert not is_busy({"load": 1.0, "cores": 64, "usable_cores": 4})
