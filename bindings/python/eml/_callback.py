"""Python functions that the library calls."""
from __future__ import annotations

from typing import Any, Callable, Generator, List, Optional

from ._native import check


class Callback:
    """A C callback (`function`) that hands its first argument on to a Python function. What that raises, Ctrl-C included, stops
    the call into the library, and comes out of `finish`; then the function can be called again."""

    def __init__(self, kind: Any, call: Optional[Callable[[Any], Any]]):
        self._failures: List[BaseException] = []
        calls = _calls(call, self._failures)
        next(calls)
        # The property is a way to drop the second argument, `user`, without a Python function: see _calls.
        self.function = kind(property(calls.send).__get__)

    def finish(self, status: int) -> int:
        """Raises what the function raised, or the library's failure; else the status."""
        if self._failures:
            error = self._failures.pop()
            self._failures.clear()
            trace = error.__traceback__
            try:
                # Without the generator's frame: whoever clears the frames of a traceback would end the generator.
                raise error.with_traceback(trace and trace.tb_next)
            finally:
                del error, trace  # they refer to this frame
        return check(status)


def _calls(call: Optional[Callable[[Any], Any]], failures: List[BaseException]) -> Generator[int, Any, None]:
    """Receives each pointer and yields 0 to go on or 1 to stop.

    A generator, because Python runs signal handlers (KeyboardInterrupt!) at the first instruction of a function, before
    any `try` in it; what is raised there would be lost between C frames. A generator resumes inside its `try`.
    """
    pointer = None
    while True:
        try:
            while True:
                pointer = None
                pointer = yield 1 if failures else 0
                if call is not None and not failures:
                    call(pointer)
        except BaseException as error:
            if pointer is None and isinstance(error, GeneratorExit):
                return  # the call into the library is over
            failures.append(error)
