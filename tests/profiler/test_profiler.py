"""`profiler.profile`: the schedule, the cycles, the callback; compared with the oracle's where it is installed."""
import json
import os

import pytest

import frankentorch as torch
from frankentorch.profiler import ProfilerAction, ProfilerActivity, profile, record_function, schedule, supported_activities, tensorboard_trace_handler

CASES = [dict(wait=1, warmup=1, active=2), dict(wait=0, warmup=1, active=1, repeat=2), dict(wait=2, warmup=1, active=3, repeat=1, skip_first=2),
         dict(wait=3, warmup=1, active=1, skip_first=1, skip_first_wait=1)]


def test_schedule():
    action = schedule(wait=1, warmup=1, active=2, repeat=1)

    assert [action(step).name for step in range(6)] == ["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE", "NONE", "NONE"]


@pytest.mark.parametrize("case", CASES)
def test_schedule_is_the_oracles(oracle, case):
    ours, theirs = schedule(**case), oracle.profiler.schedule(**case)

    assert [ours(step).name for step in range(24)] == [theirs(step).name for step in range(24)]


def test_schedule_refuses_what_never_records():
    with pytest.raises(AssertionError):
        schedule(wait=1, warmup=1, active=0)


def test_cycles_are_handed_over():
    seen = []

    def ready(prof):
        seen.append((prof.step_num, [event.name for event in prof.events() if event.name.startswith(("ProfilerStep", "aten::neg"))]))
    with profile(schedule=schedule(wait=1, warmup=1, active=2, repeat=2), on_trace_ready=ready) as prof:
        for _ in range(10):
            torch.ones(2).neg()
            prof.step()

    names = ["ProfilerStep#{}", "aten::neg", "ProfilerStep#{}", "aten::neg"]
    assert seen == [(4, [name.format(number) for name, number in zip(names, (2, 2, 3, 3))]), (8, [name.format(number) for name, number in zip(names, (6, 6, 7, 7))])]


def test_without_a_schedule_all_is_recorded_and_handed_over_at_the_end():
    seen = []
    with profile(activities=[ProfilerActivity.CPU], on_trace_ready=seen.append) as prof:
        with record_function("mine"):
            torch.ones(2).neg()

    assert seen == [prof]
    assert {"mine", "aten::neg"} <= {event.key for event in prof.key_averages()}


def test_results_before_any_cycle():
    with profile(schedule=schedule(wait=5, warmup=1, active=1)) as prof:
        with pytest.raises(AssertionError):
            prof.events()


def test_activities():
    assert supported_activities() == {ProfilerActivity.CPU}
    with pytest.warns(UserWarning, match="CUDA"):
        profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])


def test_trace_handler_writes_where_tensorboard_looks(tmp_path):
    with profile(on_trace_ready=tensorboard_trace_handler(str(tmp_path), "me")) as prof:
        torch.ones(2).neg()
        prof.add_metadata("run", "seven")
    name, = os.listdir(tmp_path)

    assert name.startswith("me.") and name.endswith(".pt.trace.json")
    trace = json.loads((tmp_path / name).read_text())
    assert trace["run"] == "seven" and any(row["name"] == "aten::neg" for row in trace["traceEvents"])


def test_actions_are_the_oracles(oracle):
    assert [action.name for action in ProfilerAction] == [action.name for action in oracle.profiler.ProfilerAction]
