"""Switches of recording: no_grad, enable_grad, set_grad_enabled, inference_mode. Each is a context manager and a decorator."""
import functools

from frankentorch._ext import tensor as _core


GENERATOR = 0x20          # code flag of a generator function


class _Switch:
    """Context manager that decorates functions, generator functions and classes too; fresh state at each entry."""

    def clone(self):
        return type(self)()

    def __call__(self, function):
        if isinstance(function, type):
            import warnings
            warnings.warn("Decorating classes is deprecated and will be disabled in future versions.", FutureWarning, stacklevel=2)
            function.__init__ = self(function.__init__)
            return function
        if getattr(getattr(function, "__code__", None), "co_flags", 0) & GENERATOR:
            @functools.wraps(function)
            def generator(*args, **kwargs):
                steps = function(*args, **kwargs)
                try:
                    with self.clone():
                        value = next(steps)
                    while True:
                        try:
                            sent = yield value
                        except GeneratorExit:
                            with self.clone():
                                steps.close()
                            raise
                        except BaseException as error:
                            with self.clone():
                                value = steps.throw(error)
                        else:
                            with self.clone():
                                value = steps.send(sent)
                except StopIteration as stop:
                    return stop.value
            return generator

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            with self.clone():
                return function(*args, **kwargs)
        return wrapped


class no_grad(_Switch):
    """Nothing recorded inside."""

    def __new__(cls, function=None):
        self = super().__new__(cls)
        return self if function is None else self(function)

    def __enter__(self):
        self.before = _core._set_grad_enabled(False)

    def __exit__(self, kind, value, traceback):
        _core._set_grad_enabled(self.before)


class enable_grad(_Switch):
    """Recording on inside, also within no_grad."""

    def __new__(cls, function=None):
        self = super().__new__(cls)
        return self if function is None else self(function)

    def __enter__(self):
        self.before = _core._set_grad_enabled(True)

    def __exit__(self, kind, value, traceback):
        _core._set_grad_enabled(self.before)


class set_grad_enabled(_Switch):
    """Recording as `mode` says, from the call on; as a context manager only inside."""

    def __init__(self, mode):
        self.mode = bool(mode)
        self.before = _core._set_grad_enabled(self.mode)

    def __call__(self, function):
        _core._set_grad_enabled(self.before)
        return super().__call__(function)

    def clone(self):
        return set_grad_enabled(self.mode)

    def __enter__(self):
        _core._set_grad_enabled(self.mode)

    def __exit__(self, kind, value, traceback):
        _core._set_grad_enabled(self.before)

    def __repr__(self):
        return f"{type(self).__name__}(mode={self.mode})"


class inference_mode(_Switch):
    """No recording, no version counting: tensors made inside cannot take part in autograd later."""

    def __new__(cls, mode=True):
        if isinstance(mode, bool):
            self = super().__new__(cls)
            self.mode = mode
            return self
        return cls()(mode)

    def __init__(self, mode=True):
        pass

    def clone(self):
        return inference_mode(self.mode)

    def __enter__(self):
        self.before = _core._set_grad_enabled(not self.mode and _core.is_grad_enabled()), _core._set_inference_mode(self.mode)

    def __exit__(self, kind, value, traceback):
        _core._set_grad_enabled(self.before[0])
        _core._set_inference_mode(self.before[1])
