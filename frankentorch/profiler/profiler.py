"""`profile`: which of a program's steps are profiled is said by a schedule; what was found is handed to a callback after each cycle."""
import enum
import json
import os
import socket
import time
import warnings

from frankentorch.autograd import profiler as plain
from frankentorch.autograd.profiler_util import EventList


class ProfilerActivity(enum.Enum):
    """What may be profiled; here there is the CPU only."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What to do with a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3
    DEVICE_STOPPED = 4


def supported_activities():
    """The activities that can be profiled here."""
    return {ProfilerActivity.CPU}


def schedule(*, wait, warmup, active, repeat=0, skip_first=0, skip_first_wait=0):
    """A function of the step number: skip `skip_first` steps, then cycles of `wait`, `warmup` and `active` steps, `repeat` times (0: for ever).

    `skip_first_wait` other than 0 leaves out the wait of the first cycle.
    """
    if wait < 0 or warmup < 0 or active <= 0 or repeat < 0 or skip_first < 0:
        raise AssertionError(f"Invalid profiler schedule arguments: wait={wait}, warmup={warmup}, active={active}, repeat={repeat}, skip_first={skip_first}")
    if warmup == 0:
        warnings.warn("Profiler won't be using warmup, this can skew profiler results", stacklevel=2)

    def action(step):
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        length = wait + warmup + active
        if repeat and step // length >= repeat:
            return ProfilerAction.NONE
        place = step % length
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if place == length - 1 else ProfilerAction.RECORD
    return action


def tensorboard_trace_handler(dir_name, worker_name=None, use_gzip=False):
    """A callback for `on_trace_ready` that writes each trace into a folder, where TensorBoard's profiler page finds it."""

    def write(prof):
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        prof.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time.time_ns()}.pt.trace.json{'.gz' if use_gzip else ''}"))
    return write


class profile:
    """Context manager that profiles a program, all of it or the steps that a schedule picks.

    Parameters
    ----------
    activities : iterable of ProfilerActivity, optional
        What is not supported is left out with a warning.
    schedule : callable, optional
        ``schedule(step) -> ProfilerAction``; without it everything up to the end is recorded.
    on_trace_ready : callable, optional
        Called with this object after each cycle, and at the end if something is being recorded.
    record_shapes, profile_memory, with_stack, with_flops, with_modules : bool
        As of `frankentorch.autograd.profiler.profile`.
    execution_trace_observer, experimental_config, use_cuda, acc_events, custom_trace_id_callback
        Accepted.

    Raises
    ------
    RuntimeError
        If another profiler is on, or nothing was recorded yet when results are asked for.
    """

    def __init__(self, *, activities=None, schedule=None, on_trace_ready=None, record_shapes=False, profile_memory=False, with_stack=False, with_flops=False,
                 with_modules=False, experimental_config=None, execution_trace_observer=None, acc_events=False, use_cuda=None, custom_trace_id_callback=None,
                 post_processing_timeout_s=None):
        self.activities = set(activities) if activities is not None else supported_activities()
        for activity in self.activities - supported_activities():
            warnings.warn(f"{activity.name} is not available, disabling {activity.name} profiling", stacklevel=2)
        if not self.activities:
            raise AssertionError("No valid profiler activities found")
        self.schedule, self.on_trace_ready, self.acc_events = schedule, on_trace_ready, acc_events
        self.record_steps = schedule is not None
        self.options = dict(record_shapes=record_shapes, profile_memory=profile_memory, with_stack=with_stack, with_flops=with_flops)
        self.profiler, self._listening = None, None
        self.step_num = 0
        self.current_action = self._action_of(0)
        self._step_span = None
        self._metadata = {}

    def _action_of(self, step):
        return ProfilerAction.RECORD if self.schedule is None else self.schedule(step)

    @staticmethod
    def _records(action):
        return action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)

    # ---- the run ----
    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *failure):
        self.stop()
        return False

    def start(self):
        """Begin with step 0."""
        if self._records(self.current_action):
            self._listen()
        self._open_step()

    def stop(self):
        """End; what is being recorded is handed over."""
        self._close_step()
        if self._listening is not None:
            self._hear_out()
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)

    def step(self):
        """Tell that the program's next step begins."""
        self._close_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self._action_of(self.step_num)
        if before is ProfilerAction.RECORD_AND_SAVE or (self._records(before) and not self._records(self.current_action)):
            self._hear_out()
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)
        if self._records(self.current_action) and self._listening is None:
            self._listen()
        self._open_step()

    def _listen(self):
        self._listening = plain.profile(**self.options)
        self._listening.__enter__()

    def _hear_out(self):
        heard, self._listening = self._listening, None
        heard.__exit__(None, None, None)
        if self.acc_events and self.profiler is not None:
            heard.function_events[:0] = self.profiler.function_events
        self.profiler = heard

    def _open_step(self):
        if self.record_steps and self._listening is not None:
            self._step_span = plain.record_function(f"ProfilerStep#{self.step_num}")
            self._step_span.__enter__()

    def _close_step(self):
        if self._step_span is not None:
            self._step_span.__exit__(None, None, None)
            self._step_span = None

    def toggle_collection_dynamic(self, enable, activities):
        """Pausing within a cycle is not offered: end the cycle by the schedule."""
        raise NotImplementedError("profile.toggle_collection_dynamic: say in the schedule which steps are recorded")

    # ---- what was found ----
    def _found(self):
        if self.profiler is None:
            raise AssertionError("Profiler must be initialized before accessing its results: nothing has been recorded yet")
        return self.profiler

    def events(self):
        """The events of the last cycle (of all cycles with `acc_events`), an `EventList`."""
        return self._found().function_events

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False):
        return self._found().key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path):
        self._found().function_events.export_chrome_trace(path, self._metadata)

    def export_stacks(self, path, metric="self_cpu_time_total"):
        self._found().export_stacks(path, metric)

    def add_metadata(self, key, value):
        """A text that the trace file carries under `key`."""
        self._metadata[key] = str(value)

    def add_metadata_json(self, key, value):
        """JSON text that the trace file carries under `key`."""
        self._metadata[key] = json.loads(value)


__all__ = ["EventList", "ProfilerAction", "ProfilerActivity", "profile", "schedule", "supported_activities", "tensorboard_trace_handler"]
