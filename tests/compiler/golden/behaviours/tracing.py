"""Lines seen by sys.settrace, calls seen by sys.setprofile, before, while and after it is on."""

import sys

events = []


def inner(x):
    y = x + 1
    return y


def outer(n):
    total = 0
    for i in range(n):
        total += inner(i)
    return total


def trace(frame, event, arg):  # pyvorin: skip
    if frame.f_code.co_filename == __file__:
        events.append((event, frame.f_code.co_name, frame.f_lineno, dict(frame.f_locals)))
        return trace
    return None


def profile(frame, event, arg):  # pyvorin: skip
    if frame.f_code.co_filename == __file__ and event in ("call", "return"):
        events.append((event, frame.f_code.co_name, arg if event == "return" else None))


def scenario():  # pyvorin: skip
    print(outer(3))
    sys.settrace(trace)
    outer(2)
    sys.settrace(None)
    for event in events:
        print(event)
    events.clear()
    print(outer(3))
    sys.setprofile(profile)
    outer(2)
    sys.setprofile(None)
    for event in events[:-1]:
        print(event)
    print(outer(3))
