"""A module called with other tensors in the place of its parameters and buffers."""
import contextlib

from frankentorch._tensor import Tensor

__all__ = ["functional_call"]


def functional_call(module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """The old name of `frankentorch.func.functional_call`, of one dict."""
    import warnings
    warnings.warn("This API is deprecated as of PyTorch 2.0 and will be removed in a future version of PyTorch. Please use torch.func.functional_call instead which is a drop-in "
                  "replacement for this API.", FutureWarning, stacklevel=2)
    with reparametrized(module, parameters_and_buffers, tie_weights, strict):
        return module(*(() if args is None else args if isinstance(args, tuple) else (args,)), **(kwargs or {}))


def places_of(module):
    """{name: (owning module, its dict, key)} of every parameter and buffer, shared ones under each of their names."""
    found = {}
    for prefix, part in module.named_modules(remove_duplicate=False):
        for held in (part._parameters, part._buffers):
            for key, value in held.items():
                if value is not None:
                    found[f"{prefix}.{key}" if prefix else key] = (part, held, key)
    return found


def with_ties(places, given):
    """What is given for one name of a shared tensor stands for its other names too. ValueError when two names of one disagree."""
    by_tensor = {}
    for name, (_, held, key) in places.items():
        by_tensor.setdefault(id(held[key]), []).append(name)
    whole = dict(given)
    for names in by_tensor.values():
        named = [name for name in names if name in given]
        if len(named) > 1 and len({id(given[name]) for name in named}) > 1:
            raise ValueError(f"functional_call got multiple values for keys {sorted(named)}, which are tied. Consider using tie_weights=False")
        for name in names if named else ():
            whole.setdefault(name, given[named[0]])
    return whole


@contextlib.contextmanager
def reparametrized(module, given, tie_weights=True, strict=False):
    """Inside, `module` has the tensors of `given`; what it puts in their place goes back into `given`."""
    places = places_of(module)
    whole = with_ties(places, given) if tie_weights else dict(given)
    if strict:
        missing, extra = sorted(set(places) - set(whole)), sorted(set(whole) - set(places))
        if missing or extra:
            lines = [f"Error(s) in reparametrizing for {type(module).__name__}:"]
            lines += [f"\tMissing key(s): {', '.join(map(repr, missing))}."] if missing else []
            lines += [f"\tUnexpected key(s): {', '.join(map(repr, extra))}."] if extra else []
            raise RuntimeError("\n".join(lines))
    for name, value in whole.items():
        if name in places and not isinstance(value, Tensor):
            raise TypeError(f"{value!r} is not an instance of torch.Tensor")
    before = []
    try:
        for name, value in whole.items():
            if name in places:
                _, held, key = places[name]
                before.append((name, held, key, held[key]))
                held[key] = value
        yield module
    finally:
        for name, held, key, value in reversed(before):
            if name in given and held.get(key) is not given[name] and held.get(key) is not None:
                given[name] = held[key]
            held[key] = value
