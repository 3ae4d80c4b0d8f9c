"""What the Python stories share: steps, checks, and the lines that run.py counts.

A story is a file of functions marked `@step`, run in the order they are written. Inside, `equal` and `check` print one
line per check. An exception ends its step, not the story, so one surprise does not hide the rest.
"""

import os
import sys
import traceback

STATE = os.environ.get("SWITCHBOARD_STATE", "")
HTTP = os.environ.get("SWITCHBOARD_HTTP", "")  # http://127.0.0.1:PORT
HTTPS_HOST = os.environ.get("SWITCHBOARD_HTTPS_HOST", "")  # localhost:PORT
HTTPS_ADDRESS = os.environ.get("SWITCHBOARD_HTTPS_ADDRESS", "")  # 127.0.0.1:PORT
CLIENT_VERSION = os.environ.get("SWITCHBOARD_CLIENT_VERSION", "")

# Makes the names of one story different from those of all others: they share a server.
STORY = os.environ.get("SWITCHBOARD_STORY", "by-hand").lower().replace(".", "-")

_steps = []
_current = ""


def step(function):
    """Marks a function as the next step of the story; its name, read as words, names its checks."""
    _steps.append(function)
    return function


def check(label, good, detail=""):
    """One check. `detail` tells what was there instead."""
    line = "{}: {}".format(_current, label)
    if good:
        print("PASS " + line)
    else:
        print(("FAIL {} | {}".format(line, detail)).replace("\r", "").replace("\n", " / "))
    return bool(good)


def equal(label, actual, expected):
    """Equal in value and in type: `1` is neither `True` nor `1.0`, which matters on the wire."""
    return check(label, exactly(actual, expected), "expected {!r}, got {!r}".format(expected, actual))


def exactly(left, right):
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(exactly(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(exactly(*pair) for pair in zip(left, right))
    return left == right


def run():
    """Runs the steps. The last line proves to run.py that the story came to its end."""
    global _current
    for function in _steps:
        _current = function.__name__.replace("_", " ")
        try:
            function()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # voximplant-client's exceptions are no `Exception`s
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = "{} line {}".format(os.path.basename(place.filename), place.lineno)
            check("no surprise", False, "{}: {} ({})".format(type(error).__name__, error, where))
            traceback.print_exc(file=sys.stderr)
    print("END")
