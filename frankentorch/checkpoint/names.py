"""Names of the parts of a state: one name for each place, and each name one place.

A name joins the keys on the way with ``/``. ``~`` and ``/`` inside a key are written ``~0`` and ``~1`` (as in RFC 6901);
a str key that reads like an int gets ``~2`` before it, so that ``{3: x}`` and ``{"3": x}`` differ. The whole state is "".
"""

import re
import unicodedata

from frankentorch.checkpoint.errors import CheckpointError

_LIKE_INT = re.compile(r"-?\d+\Z", re.ASCII)


def step(name, key):
    """Name of what lies under `key` in the part called `name`."""
    if isinstance(key, str):
        if "~" in key or "/" in key:
            key = key.replace("~", "~0").replace("/", "~1")
        if _LIKE_INT.match(key):
            key = "~2" + key
    return f"{name}/{key}" if name else (str(key) or "~3")  # "~3": an empty key at the top, since "" is the whole state


def check_key(key, name):
    """Keys are int or str; a str is Unicode normal form C, so that equal looking keys are equal."""
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise CheckpointError("key", f"a key of a saved dict must be str or int, not {type(key).__name__}", record=name)
    if isinstance(key, str) and not key.isascii():
        if not unicodedata.is_normalized("NFC", key):
            raise CheckpointError("name", f"the key {key!r:.80} is not in Unicode normal form C", record=name)


def key_order(key):
    """Sorting key of dict keys: ints by value, then strs by their UTF-8 bytes."""
    return (0, key, b"") if isinstance(key, int) else (1, 0, key.encode("utf-8", "surrogatepass"))
