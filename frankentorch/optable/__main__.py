"""``python -m frankentorch.optable NAME``: a row and all that derives from it. ``--reference``: every row as Markdown."""
import sys

from frankentorch import optable
from frankentorch.optable import emit
from frankentorch.optable.expand import elementwise


def show(name):
    """Print the rows of a name, the lines of the stub, the backward function and the loops."""
    found = optable.find(name)
    if not found:
        sys.exit(f"no row is named {name!r}")
    for row in found:
        print(emit.reference_page(row))
    for form in ("function", "method", "inplace"):
        shown = [row for row in found if form in row.forms or form == "function"]
        print("\n".join(emit.stub_lines(shown, form, name + ("_" if form == "inplace" else ""), "")))
    for row in found:
        if row.differentiable:
            print("\n" + emit.backward_function(0, row))
        if row.loop is not None:
            for complex_codes in (False, True):
                for flat in elementwise([row], (1, 2, 3), complex_codes):
                    print(f"{flat.name}: {flat.store}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--reference"]:
        print(emit.reference())
    elif len(sys.argv) == 2:
        show(sys.argv[1])
    else:
        sys.exit(__doc__)
