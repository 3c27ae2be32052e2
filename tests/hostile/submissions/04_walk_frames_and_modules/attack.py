# expect: denied
# control: the judge is another process at every level
# once: what a worker has in memory is the same at every level
import gc, inspect, re, sys
mark = re.compile("CANA" + "RY-[0-9a-f]{16}")

def looked_at():
    for frame in sys._current_frames().values():
        while frame is not None:
            yield from (repr(value)[:5000] for value in list(frame.f_locals.values()))
            frame = frame.f_back
    yield from (repr(item)[:2000] for item in gc.get_objects() if isinstance(item, (str, dict, list)))
    yield from (repr(vars(module))[:200_000] for module in list(sys.modules.values()) if "test" in module.__name__ or "grader" in module.__name__)
    yield repr(sys.argv) + repr(inspect.stack())

found = [text for text in looked_at() if mark.search(text)]
print(found[:3])
attempt("found an expected value", lambda: bool(found))
attempt("found the judge", lambda: any(name.startswith("grader") for name in sys.modules))
