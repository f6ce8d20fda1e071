"""Anomaly mode: a backward that fails or gives NaN is told with the forward call it belongs to."""
import warnings

from frankentorch._ext import engine


class set_detect_anomaly:
    """Switch anomaly mode at once; as a context manager, only inside.

    Parameters
    ----------
    mode : bool
        Nodes remember the stack of the call that made them; when a backward fails, it is shown by a warning.
    check_nan : bool, default True
        RuntimeError when a backward gives NaN.
    """

    def __init__(self, mode, check_nan=True):
        self.before = engine.set_anomaly(mode, check_nan)

    def __enter__(self):
        pass

    def __exit__(self, *error):
        engine.set_anomaly(*self.before)


class detect_anomaly:
    """Anomaly mode inside a ``with`` block; says so by a warning, since it costs time."""

    def __init__(self, check_nan=True):
        self.check_nan = check_nan
        self.before = engine.anomaly()
        warnings.warn("Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging.", stacklevel=2)

    def __enter__(self):
        self.before = engine.set_anomaly(True, self.check_nan)

    def __exit__(self, *error):
        engine.set_anomaly(*self.before)


def is_anomaly_enabled():
    """Whether anomaly mode is on."""
    return engine.anomaly()[0]


def is_anomaly_check_nan_enabled():
    """Whether anomaly mode looks for NaN."""
    return engine.anomaly()[1]
