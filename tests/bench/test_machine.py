"""Names of processors, from made-up files."""
import builtins
import io

import pytest

from bench import machine

NAMED = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Intel(R) Xeon(R) Processor @ 2.50GHz\n\nprocessor\t: 1\nmodel name\t: other\n"
NAMELESS = "processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n"


@pytest.mark.parametrize(("text", "name", "folder"), [
    (NAMED, "Intel(R) Xeon(R) Processor @ 2.50GHz", "intel-xeon-2.50ghz"),
    (NAMELESS, "AMD EPYC family 26 model 2", "amd-epyc-family-26-model-2"),
])
def test_a_name_tells_one_processor_from_another(monkeypatch, text, name, folder):
    monkeypatch.setattr(machine.os.path, "exists", lambda path: True)
    monkeypatch.setattr(builtins, "open", lambda path: io.StringIO(text))

    found = machine.cpu_name()
    monkeypatch.undo()

    assert found == name
    assert machine.folder_name(found) == folder
