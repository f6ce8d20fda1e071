"""Settings from the environment: what each variable takes, and errors that say so."""
import pytest

from frankentorch.runtime import config


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in (*(setting.variable for setting in config.SETTINGS), "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def test_defaults():
    assert (None, None, "strict", None) == (config.cpu_level(), config.num_threads(), config.mode(), config.cache_bytes())


@pytest.mark.parametrize(("variable", "text", "read", "value"), [
    ("FRANKENTORCH_CPU", "avx2", config.cpu_level, "avx2"),
    ("FRANKENTORCH_CPU", " baseline ", config.cpu_level, "baseline"),
    ("FRANKENTORCH_CPU", "", config.cpu_level, None),
    ("FRANKENTORCH_MODE", "hardened", config.mode, "hardened"),
    ("FRANKENTORCH_NUM_THREADS", "1", config.num_threads, 1),
    ("FRANKENTORCH_NUM_THREADS", "1024", config.num_threads, 1024),
    ("FRANKENTORCH_CACHE_BYTES", "0", config.cache_bytes, 0),
    ("FRANKENTORCH_CACHE_BYTES", "12345", config.cache_bytes, 12345),
    ("FRANKENTORCH_CACHE_BYTES", "2K", config.cache_bytes, 2048),
    ("FRANKENTORCH_CACHE_BYTES", "3g", config.cache_bytes, 3 << 30),
    ("OMP_NUM_THREADS", "7", config.num_threads, 7),
    ("OMP_NUM_THREADS", "4,2", config.num_threads, 4),
    ("OMP_NUM_THREADS", "soon", config.num_threads, None),
    ("OMP_NUM_THREADS", "0", config.num_threads, None),
    ("OMP_NUM_THREADS", "99999", config.num_threads, 1024),
])
def test_values(monkeypatch, variable, text, read, value):
    monkeypatch.setenv(variable, text)

    assert value == read()


@pytest.mark.parametrize(("setting", "read", "texts"), [
    (config.CPU, config.cpu_level, ["AVX2", "sse", "avx512f"]),
    (config.MODE, config.mode, ["Strict", "hard"]),
    (config.NUM_THREADS, config.num_threads, ["0", "-1", "1.5", "two", "1025", "\u00b2", "1e3"]),
    (config.CACHE_BYTES, config.cache_bytes, ["-1", "K", "1.5G", "10P", "9999999999999G", "\u0663"]),
], ids=lambda value: getattr(value, "variable", ""))
def test_other_values_are_errors_that_name_variable_value_and_choices(monkeypatch, setting, read, texts):
    for text in texts:
        monkeypatch.setenv(setting.variable, text)

        with pytest.raises(ValueError) as caught:
            read()
        message = str(caught.value)
        assert setting.variable in message
        assert repr(text) in message
        assert setting.allowed in message


def test_our_thread_count_goes_before_openmps(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("FRANKENTORCH_NUM_THREADS", "2")

    assert 2 == config.num_threads()
