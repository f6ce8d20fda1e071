"""`profile` as a plain context manager, and `record_function`; `frankentorch.profiler` has the one with a schedule."""
import functools
import traceback

from frankentorch._ext import profile as _profile
from frankentorch.autograd.profiler_util import EventList, built

__all__ = ["profile", "record_function"]


def _outer_lines():
    """The user's part of the stack, innermost first."""
    return [f"{frame.filename}({frame.lineno}): {frame.name}" for frame in reversed(traceback.extract_stack()[:-1]) if "frankentorch/" not in frame.filename]


class _OptimizerSpans:
    """Spans named as the oracle names an optimizer's step."""

    def __init__(self):
        from frankentorch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

        self.open = []
        self.handles = [register_optimizer_step_pre_hook(lambda *call: self.open.append(_profile.mark())), register_optimizer_step_post_hook(self.close)]

    def close(self, optimizer, args, kwargs):
        if self.open:
            _profile.close(self.open.pop(), f"Optimizer.step#{type(optimizer).__name__}.step")

    def remove(self):
        for handle in self.handles:
            handle.remove()


class profile:
    """Context manager that hears of every op, every node of a backward walk and every `record_function`, on all threads.

    Parameters
    ----------
    enabled : bool
    record_shapes : bool
        Keep the shapes of tensor arguments.
    with_flops : bool
        Estimate the work of products and convolutions (keeps shapes).
    profile_memory : bool
        Show how many bytes each call left allocated.
    with_stack : bool
        Keep the Python stack of each call.
    use_kineto, use_cpu, use_device, use_cuda, with_modules, experimental_config, acc_events, custom_trace_id_callback
        Accepted; there is one way of profiling and one device here.

    Raises
    ------
    RuntimeError
        If a profiler is on already, or what it found is asked for before it ended.
    """

    def __init__(self, enabled=True, *, use_cuda=False, use_device=None, record_shapes=False, with_flops=False, profile_memory=False, with_stack=False,
                 with_modules=False, use_kineto=False, use_cpu=True, experimental_config=None, acc_events=False, custom_trace_id_callback=None, post_processing_timeout_s=None):
        self.enabled = enabled
        self.with_flops, self.profile_memory, self.with_stack = with_flops, profile_memory, with_stack
        self.record_shapes = record_shapes or with_flops
        self.function_events = None
        self.entered = False
        self._optimizers = None

    def __enter__(self):
        if not self.enabled:
            return self
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self.entered = True
        _profile.start(self.record_shapes, _outer_lines if self.with_stack else None)
        self._optimizers = _OptimizerSpans()
        self._origin = _profile.now()
        return self

    def __exit__(self, *failure):
        if not self.enabled:
            return False
        self._optimizers.remove()
        events = built(_profile.stop(), self._origin, self.with_flops)
        self.function_events = EventList(events, self.profile_memory, self.with_flops)
        return False

    def _ended(self):
        if self.function_events is None:
            raise RuntimeError("Profiler didn't finish running")
        return self.function_events

    def __repr__(self):
        return "<unfinished profile>" if self.function_events is None else repr(self.function_events)

    def __str__(self):
        return "<unfinished profile>" if self.function_events is None else str(self.function_events)

    def table(self, *args, **kwargs):
        return self._ended().table(*args, **kwargs)

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0):
        return self._ended().key_averages(group_by_input_shape, group_by_stack_n)

    def total_average(self):
        return self._ended().total_average()

    def export_chrome_trace(self, path):
        self._ended().export_chrome_trace(path)

    def export_stacks(self, path, metric="self_cpu_time_total"):
        self._ended().export_stacks(path, metric)

    @property
    def self_cpu_time_total(self):
        """Microseconds spent in all that was heard."""
        return self._ended().self_cpu_time_total


class record_function:
    """Name a span of the program, as a context manager or a decorator; free when no profiler is on.

    Parameters
    ----------
    name : str
    args : str, optional
        Accepted as in the oracle.
    """

    def __init__(self, name, args=None):
        self.name, self.args = name, args
        self._mark = None

    def __enter__(self):
        self._mark = _profile.mark()
        return self

    def __exit__(self, *failure):
        _profile.close(self._mark, self.name)
        self._mark = None

    def __call__(self, function):
        @functools.wraps(function)
        def named(*args, **kwargs):
            with record_function(self.name, self.args):
                return function(*args, **kwargs)
        return named
