"""`autograd.profiler.profile`: which events a run gives, how they nest, and what the sums and tables say of them."""
import gzip
import json

import pytest

import frankentorch as torch
from frankentorch.autograd import profiler
from frankentorch.autograd.profiler_util import EventList, FunctionEvent, format_memory, format_time


def heard(**options):
    x = torch.ones(3, 4, requires_grad=True)
    with profiler.profile(**options) as prof:
        with profiler.record_function("forward"):
            y = (x * 2).sum()
        y.backward()
    return prof


def test_ops_nodes_and_spans_of_the_user_are_heard_in_order():
    names = [event.name for event in heard().function_events]

    assert names[:3] == ["forward", "aten::mul", "aten::sum"]
    assert names.index("SumBackward0") < names.index("MulBackward0")


def test_events_nest_by_time():
    events = {event.name: event for event in reversed(heard().function_events)}        # the first of each name
    forward = events["forward"]

    assert [child.name for child in forward.cpu_children] == ["aten::mul", "aten::sum"]
    assert events["aten::mul"].cpu_parent is forward
    assert forward.self_cpu_time_total == pytest.approx(forward.cpu_time_total - sum(child.cpu_time_total for child in forward.cpu_children))
    assert forward.is_user_annotation and not events["aten::sum"].is_user_annotation


def test_shapes_and_memory_and_work():
    a, b = torch.ones(3, 4), torch.ones(4, 5)
    with profiler.profile(record_shapes=True, profile_memory=True, with_flops=True) as prof:
        kept = a @ b
    event = next(event for event in prof.function_events if event.name in ("aten::matmul", "aten::mm"))

    assert event.input_shapes[:2] == [[3, 4], [4, 5]]
    assert event.cpu_memory_usage >= kept.numel() * 4 or torch.runtime.memory_stats()["allocated_bytes"] == 0     # 0 under a sanitizer
    assert sum(event.flops or 0 for event in prof.function_events) == 2 * 3 * 4 * 5


def test_stacks_name_the_callers_line():
    with profiler.profile(with_stack=True) as prof:
        torch.ones(2).exp()
    event = next(event for event in prof.function_events if event.name == "aten::exp")

    assert "test_profiler.py" in event.stack[0] and "test_stacks_name_the_callers_line" in event.stack[0]


def test_an_op_that_fails_is_told_and_the_profiler_goes_on():
    with profiler.profile() as prof:
        with pytest.raises(RuntimeError):
            torch.ones(2, 3) @ torch.ones(2, 3)
        torch.ones(2).neg()
    names = [event.name for event in prof.function_events]

    assert "aten::matmul" in names and "aten::neg" in names


def test_sums_by_name_and_by_shape():
    with profiler.profile(record_shapes=True) as prof:
        for n in (2, 2, 3):
            torch.ones(n).neg()

    assert {event.key: event.count for event in prof.key_averages()}["aten::neg"] == 3
    by_shape = {tuple(event.input_shapes[0]): event.count for event in prof.key_averages(group_by_input_shape=True) if event.key == "aten::neg"}
    assert by_shape == {(2,): 2, (3,): 1}
    assert prof.total_average().count == len(prof.function_events)


def test_a_call_within_one_of_its_name_counts_once_in_the_total():
    outer, inner = FunctionEvent(1, "f", 0, 0, 10), FunctionEvent(2, "f", 0, 2, 6)
    outer.append_cpu_child(inner)
    found, = EventList([outer, inner]).key_averages()

    assert (found.count, found.cpu_time_total, found.self_cpu_time_total) == (2, 10, 10)


def test_table_sorts_and_cuts():
    events = EventList([FunctionEvent(1, "short", 0, 0, 1), FunctionEvent(2, "long", 0, 5, 2505)])
    text = events.table(sort_by="cpu_time_total", row_limit=1)

    assert "long" in text and "short" not in text and "2.500ms" in text and "Self CPU time total: 2.501ms" in text
    with pytest.raises(AttributeError, match="nonsense"):
        events.table(sort_by="nonsense")


def test_texts_of_times_and_sizes():
    assert [format_time(t) for t in (0.5, 1500, 2.5e6)] == ["0.500us", "1.500ms", "2.500s"]
    assert [format_memory(n) for n in (0, 1000, 2048, 3 << 20, -(1 << 30))] == ["0 B", "1000 B", "2.00 KB", "3.00 MB", "-1.00 GB"]


@pytest.mark.parametrize("ending", [".json", ".json.gz"])
def test_trace_is_json_of_complete_events(tmp_path, ending):
    path = str(tmp_path / ("trace" + ending))
    prof = heard()
    prof.export_chrome_trace(path)
    with (gzip.open if ending.endswith("gz") else open)(path, "rt") as file:
        trace = json.load(file)["traceEvents"]

    assert [row["name"] for row in trace if row["ph"] == "X"] == [event.name for event in prof.function_events]
    assert all(row["dur"] >= 0 for row in trace if row["ph"] == "X")


def test_optimizer_step_is_a_span():
    weight = torch.ones(2, requires_grad=True)
    weight.sum().backward()
    with profiler.profile() as prof:
        torch.optim.SGD([weight], lr=0.1).step()

    assert "Optimizer.step#SGD.step" in [event.name for event in prof.function_events]


def test_one_profiler_at_a_time_and_results_only_after_the_end():
    outer = profiler.profile()
    with outer:
        with pytest.raises(RuntimeError, match="already"):
            profiler.profile().__enter__()
        with pytest.raises(RuntimeError, match="didn't finish"):
            outer.key_averages()
    with pytest.raises(RuntimeError, match="reentrant"):
        outer.__enter__()


def test_nothing_is_kept_while_off():
    with profiler.record_function("free"):
        torch.ones(2).neg()
    with profiler.profile(enabled=False) as prof:
        torch.ones(2).neg()

    assert str(prof) == "<unfinished profile>"


def test_profiling_changes_no_bits():
    x = torch.arange(12.0).reshape(3, 4).requires_grad_()
    plain = torch.autograd.grad((x.exp() @ x.t()).sum(), x)[0]
    with profiler.profile(record_shapes=True):
        told = torch.autograd.grad((x.exp() @ x.t()).sum(), x)[0]

    assert torch.equal(plain, told)


def test_spans_of_every_thread():
    import threading

    with profiler.profile() as prof:
        worker = threading.Thread(target=lambda: torch.ones(2).neg())
        worker.start()
        worker.join()
        torch.ones(2).exp()
    threads = {event.name: event.thread for event in prof.function_events}

    assert threads["aten::neg"] != threads["aten::exp"]
