"""What a profiled run gives: events in a tree of time, sums by name, and tables of them. Times in microseconds, memory in bytes."""
import json
import os

TIME_UNITS = ((1e6, "s"), (1e3, "ms"), (1, "us"))
SIZE_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))
FLOP_UNITS = ((1e15, "PFLOPs"), (1e12, "TFLOPs"), (1e9, "GFLOPs"), (1e6, "MFLOPs"), (1e3, "KFLOPs"), (1, "FLOPs"))
SORT_KEYS = ("cpu_time", "cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage", "count")


def format_time(microseconds):
    """Three decimals in s, ms or us."""
    for factor, unit in TIME_UNITS[:-1]:
        if abs(microseconds) >= factor:
            return f"{microseconds / factor:.3f}{unit}"
    return f"{microseconds:.3f}us"


def format_share(part, whole):
    return f"{100 * part / whole if whole else 0:.2f}%"


def format_memory(nbytes):
    for factor, unit in SIZE_UNITS:
        if abs(nbytes) >= factor:
            return f"{nbytes / factor:.2f} {unit}"
    return f"{nbytes} B"


class Interval:
    """Begin and end in microseconds."""

    __slots__ = ("start", "end")

    def __init__(self, start, end):
        self.start, self.end = start, end

    def elapsed_us(self):
        return self.end - self.start

    def __repr__(self):
        return f"<Interval {self.start:.3f} to {self.end:.3f} us>"


class FormattedTimesMixin:
    """Times of one event, or means of several, as texts."""

    @property
    def cpu_time(self):
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_str(self):
        return format_time(self.cpu_time)

    @property
    def cpu_time_total_str(self):
        return format_time(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self):
        return format_time(self.self_cpu_time_total)

    # no device but the CPU
    device_time = device_time_total = self_device_time_total = 0.0
    device_memory_usage = self_device_memory_usage = 0


class FunctionEvent(FormattedTimesMixin):
    """One call of an op, one node of a backward walk, or one span of the user's.

    Attributes: ``name``, ``thread``, ``time_range``, ``input_shapes``, ``stack``, ``flops``, ``cpu_parent``, ``cpu_children``,
    ``cpu_time_total``, ``self_cpu_time_total``, ``cpu_memory_usage``, ``self_cpu_memory_usage``, ``is_user_annotation``.
    """

    count = 1
    is_async = is_remote = is_legacy = False

    def __init__(self, id, name, thread, start_us, end_us, input_shapes=(), stack=(), memory=0, is_user_annotation=False, flops=None):
        self.id, self.name, self.trace_name, self.thread = id, name, name, thread
        self.time_range = Interval(start_us, end_us)
        self.input_shapes, self.stack, self.flops = list(input_shapes), list(stack), flops
        self.cpu_memory_usage = memory
        self.is_user_annotation = is_user_annotation
        self.cpu_children, self.cpu_parent = [], None

    @property
    def key(self):
        return self.name

    @property
    def cpu_time_total(self):
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self):
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def self_cpu_memory_usage(self):
        return self.cpu_memory_usage - sum(child.cpu_memory_usage for child in self.cpu_children)

    def append_cpu_child(self, child):
        self.cpu_children.append(child)
        child.cpu_parent = self

    def __repr__(self):
        return (f"<FunctionEvent id={self.id} name={self.name} thread={self.thread} cpu_time={self.cpu_time_str} "
                f"cpu_start_us={self.time_range.start:.3f} cpu_end_us={self.time_range.end:.3f} input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage}>")


class FunctionEventAvg(FormattedTimesMixin):
    """Sums over the events of one key."""

    def __init__(self, event):
        self.key, self.input_shapes, self.stack = event.name, event.input_shapes, event.stack
        self.is_user_annotation = event.is_user_annotation
        self.count, self.flops = 0, 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0

    def add(self, event):
        # what an op does inside a call of the same name is part of that call's total already
        parent = event.cpu_parent
        while parent is not None and parent.name != event.name:
            parent = parent.cpu_parent
        if parent is None:
            self.cpu_time_total += event.cpu_time_total
            self.cpu_memory_usage += event.cpu_memory_usage
        self.self_cpu_time_total += event.self_cpu_time_total
        self.self_cpu_memory_usage += event.self_cpu_memory_usage
        self.count += event.count
        self.flops += event.flops or 0
        return self

    def __repr__(self):
        return (f"<FunctionEventAvg key={self.key} count={self.count} self_cpu_time={self.self_cpu_time_total_str} cpu_time={self.cpu_time_str} "
                f"input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage}>")


class EventList(list):
    """Events or sums of events, with tables and a trace of them."""

    def __init__(self, events=(), profile_memory=False, with_flops=False):
        super().__init__(events)
        self.profile_memory, self.with_flops = profile_memory, with_flops

    @property
    def self_cpu_time_total(self):
        return sum(event.self_cpu_time_total for event in self)

    def __str__(self):
        return self.table()

    def _like(self, events):
        return EventList(events, self.profile_memory, self.with_flops)

    def key_averages(self, group_by_input_shapes=False, group_by_stack_n=0):
        """Sums of the events of equal name, and of equal shapes and innermost stack lines if wished."""
        found = {}
        for event in self:
            key = (event.name, repr(event.input_shapes) if group_by_input_shapes else None, tuple(event.stack[:group_by_stack_n]))
            if key not in found:
                found[key] = FunctionEventAvg(event)
                if not group_by_input_shapes:
                    found[key].input_shapes = []
                found[key].stack = event.stack[:group_by_stack_n]
            found[key].add(event)
        return self._like(found.values())

    def total_average(self):
        """One sum over all events, named Total."""
        total = FunctionEventAvg(FunctionEvent(0, "Total", 0, 0, 0))
        for event in self:
            total.add(event)
        return total

    def table(self, sort_by=None, row_limit=100, max_src_column_width=75, max_name_column_width=55, max_shapes_column_width=80, header=None, top_level_events_only=False):
        """Rows of text, sorted by one of SORT_KEYS (or unsorted), the largest first."""
        events = [event for event in self if not top_level_events_only or getattr(event, "cpu_parent", None) is None]
        if sort_by is not None:
            if sort_by not in SORT_KEYS:
                raise AttributeError(f"sort_by: {sort_by!r} is none of {', '.join(SORT_KEYS)}")
            events.sort(key=lambda event: getattr(event, sort_by), reverse=True)
        whole = self.self_cpu_time_total
        shown = events[:row_limit] if row_limit >= 0 else events
        columns = [("Name", [_cut(event.key, max_name_column_width) for event in shown]),
                   ("Self CPU %", [format_share(event.self_cpu_time_total, whole) for event in shown]),
                   ("Self CPU", [event.self_cpu_time_total_str for event in shown]),
                   ("CPU total %", [format_share(event.cpu_time_total, whole) for event in shown]),
                   ("CPU total", [event.cpu_time_total_str for event in shown]),
                   ("CPU time avg", [event.cpu_time_str for event in shown])]
        if self.profile_memory:
            columns += [("CPU Mem", [format_memory(event.cpu_memory_usage) for event in shown]), ("Self CPU Mem", [format_memory(event.self_cpu_memory_usage) for event in shown])]
        columns.append(("# of Calls", [str(event.count) for event in shown]))
        if any(event.input_shapes for event in shown):
            columns.append(("Input Shapes", [_cut(str(event.input_shapes), max_shapes_column_width) for event in shown]))
        if any(event.stack for event in shown):
            columns.append(("Source Location", [_cut(event.stack[0] if event.stack else "", max_src_column_width) for event in shown]))
        if self.with_flops:
            most = max((event.flops or 0 for event in shown), default=0)
            factor, unit = next((pair for pair in FLOP_UNITS if most >= pair[0]), FLOP_UNITS[-1])
            columns.append((f"Total {unit}", [f"{event.flops / factor:.3f}" if event.flops else "--" for event in shown]))
        widths = [max(12, len(title), *map(len, texts)) if texts else max(12, len(title)) for title, texts in columns]
        rule = "  ".join("-" * width for width in widths)
        lines = [rule, "  ".join(title.rjust(width) for (title, _), width in zip(columns, widths)), rule]
        lines += ["  ".join(text.rjust(width) for text, width in zip(row, widths)) for row in zip(*(texts for _, texts in columns))]
        lines += [rule, f"Self CPU time total: {format_time(whole)}", ""]
        return "\n".join(([header] if header else []) + lines)

    def export_chrome_trace(self, path, metadata=None):
        """Write the events (and metadata) in the Trace Event Format, which chrome://tracing and Perfetto read; ``.gz`` compresses."""
        pid = os.getpid()
        found = [{"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": "frankentorch"}}]
        for event in self:
            args = {"External id": event.id}
            if event.input_shapes:
                args["Input Dims"] = event.input_shapes
            if event.stack:
                args["Call stack"] = event.stack
            if self.profile_memory:
                args["Bytes"] = event.cpu_memory_usage
            found.append({"ph": "X", "cat": "user_annotation" if event.is_user_annotation else "cpu_op", "name": event.name, "pid": pid, "tid": event.thread,
                          "ts": event.time_range.start, "dur": event.cpu_time_total, "args": args})
        trace = {**(metadata or {}), "schemaVersion": 1, "displayTimeUnit": "ms", "traceEvents": found}
        if str(path).endswith(".gz"):
            import gzip

            with gzip.open(path, "wt", encoding="utf-8") as file:
                json.dump(trace, file)
        else:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(trace, file)

    def export_stacks(self, path, metric="self_cpu_time_total"):
        """Write ``outer;inner value`` lines for flame graphs; the run must have been profiled with stacks."""
        if metric != "self_cpu_time_total":
            raise ValueError(f"metric should be one of: ['self_cpu_time_total'], got {metric!r}")
        with open(path, "w", encoding="utf-8") as file:
            for event in self.key_averages(group_by_stack_n=64):
                value = int(event.self_cpu_time_total)
                if event.stack and value > 0:
                    file.write(";".join([line.translate({ord(" "): "_", ord(";"): "_"}) for line in reversed(event.stack)] + [event.key]) + f" {value}\n")


def _cut(text, width):
    return text if width is None or width < 0 or len(text) <= width else text[:width - 3] + "..."


# ---- from the spans heard -----------------------------------------------------------------------

OP, NODE, USER = 0, 1, 2


def event_name(name, kind):
    return ("aten::" + name) if kind == OP else name


def built(spans, origin, with_flops=False):
    """Spans of `_ext.profile.stop` as events in the order of their begin, each below the innermost span of its thread that holds it."""
    events = []
    for name, kind, thread, start, end, before, after, shapes, given, stack in spans:
        flops = flops_of(name, shapes, given) if with_flops and kind == OP and shapes is not None else None
        events.append(FunctionEvent(0, event_name(name, kind), thread, (start - origin) / 1e3, (end - origin) / 1e3,
                                    [_listed(shape) for shape in shapes or ()], stack or (), after - before, kind == USER, flops))
    # a span ends before the one around it: of equal times, the one heard later is the outer one
    order = sorted(range(len(events)), key=lambda i: (events[i].time_range.start, -events[i].time_range.end, -i))
    events = [events[i] for i in order]
    holding = {}
    for number, event in enumerate(events, 1):
        event.id = number
        stack = holding.setdefault(event.thread, [])
        while stack and stack[-1].time_range.end < event.time_range.end:
            stack.pop()
        if stack:
            stack[-1].append_cpu_child(event)
        stack.append(event)
    return events


def _listed(shape):
    return [_listed(item) if isinstance(item, tuple) else item for item in shape]


def _product(sizes):
    total = 1
    for size in sizes:
        total *= size
    return total


def flops_of(name, shapes, given):
    """Multiplications and additions of a call with arguments and a result of these shapes, for the ops that do most of the work; None for others."""
    if not isinstance(given, tuple):
        return None
    try:
        if name in ("mm", "bmm", "mv", "dot", "linear"):
            return 2 * _product(given) * shapes[0][-1]
        if name in ("addmm", "baddbmm", "addmv", "addbmm"):
            return 2 * _product(given) * shapes[1][-1]
        if name in ("convolution", "conv1d", "conv2d", "conv3d"):       # each output is a sum over one filter
            return 2 * _product(given) * _product(shapes[1][1:])
        if name in ("add", "mul", "sub", "div", "add_", "mul_", "sub_", "div_"):
            return _product(given)
    except IndexError:
        pass
    return None
