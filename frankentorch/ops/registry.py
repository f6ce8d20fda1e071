"""The op table at run time: one Overload per row, one Callable per name and form.

`functions` holds every name of the table (the package's own code calls these), `methods` what binds to Tensor, and
`namespaces` the public functions by namespace ("torch", "nn", "special", "linalg", "fft"). A row's forms say where it shows:
function (in its namespace), method, inplace (`name_` as function and method), out (`out=` accepted), nn (in nn.functional too),
internal (only here).
"""
from frankentorch._ext import dispatch
from frankentorch.ops import _table

functions, methods, namespaces = {}, {}, {}
overloads = {}
_INPLACE = 1


def _build():
    by_name = {}
    for row in _table.ROWS:
        overload = dispatch.Overload(row)
        overloads[overload.full_name] = overload
        by_name.setdefault(overload.name, []).append(overload)
    for name, found in by_name.items():
        row = found[0].row
        namespace, aliases = row[19], row[20]
        doc = _table.DOCS.get(found[0].full_name, "")
        function = dispatch.Callable(name, found, 0, doc, namespace)
        forms = set().union(*(overload.forms for overload in found))
        spellings = (name, *aliases)
        public = [overload for overload in found if "function" in overload.forms]
        method = [overload for overload in found if "method" in overload.forms]
        inplace = [overload for overload in found if "inplace" in overload.forms]
        for spelling in spellings:
            functions[spelling] = function
            if public:
                shown = function if len(public) == len(found) else dispatch.Callable(name, public, 0, doc, namespace)
                namespaces.setdefault(namespace, {})[spelling] = shown
            if "nn" in forms:
                namespaces.setdefault("nn", {})[spelling] = function
            if method:
                methods[spelling] = function if len(method) == len(found) else dispatch.Callable(name, method, 0, doc, namespace)
            if inplace:
                written = dispatch.Callable(spelling + "_", inplace, _INPLACE, doc, namespace)
                functions[spelling + "_"] = written
                if "method" in forms or not public or any("function" not in overload.forms for overload in inplace):
                    methods[spelling + "_"] = written
                if public:
                    namespaces.setdefault(namespace, {})[spelling + "_"] = written


_build()
dispatch.set_operators([functions.get(name) for name in dispatch.OPERATOR_NAMES], [functions.get(name + "_") for name in dispatch.OPERATOR_NAMES])
