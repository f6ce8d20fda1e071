"""The processor that figures were taken on: records of one are no measure of another, so each has a folder of its own."""
import os
import platform
import re

IDLE_WORDS = re.compile(r"\((?:r|tm)\)|\bcpu\b|\bprocessor\b", re.IGNORECASE)


def facts(text):
    """{field: value} of the first processor of /proc/cpuinfo's text."""
    lines = text.split("\n\n", 1)[0].splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def cpu_name():
    """The processor's name, with family and model where a name without a number says too little."""
    if not os.path.exists("/proc/cpuinfo"):
        return platform.processor() or platform.machine()
    with open("/proc/cpuinfo") as file:
        found = facts(file.read())
    name = found.get("model name", platform.machine())
    return name if re.search(r"\d", name) else f"{name} family {found.get('cpu family', '?')} model {found.get('model', '?')}"


def folder_name(name):
    """A processor's name as the name of a folder: its words and numbers."""
    return "-".join(re.findall(r"[a-z0-9.]+", IDLE_WORDS.sub(" ", name).lower()))
