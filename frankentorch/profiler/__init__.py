"""Where the time and the memory of a program go: `profile` with a schedule over steps, `record_function`, tables and traces."""
from frankentorch.autograd.profiler import record_function  # noqa: F401
from frankentorch.profiler.profiler import (ProfilerAction, ProfilerActivity, profile, schedule, supported_activities,  # noqa: F401
                                            tensorboard_trace_handler)

__all__ = ["profile", "schedule", "supported_activities", "tensorboard_trace_handler", "ProfilerAction", "ProfilerActivity", "record_function"]


def kineto_available():
    """Whether the oracle's tracing library is here: no, spans are heard by the package itself."""
    return False
