"""How much anonymous memory a program takes at most: what is its own, and not pages of files."""

import re
import threading
from pathlib import Path

_STATUS = Path("/proc/self/status")  # Linux alone has it
_SECONDS = 0.02


class Watch:
    """Looks at this process again and again, from `with Watch() as memory:` to the block's end."""

    megabytes = 0.0  #: the peak

    def __enter__(self) -> "Watch":
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while _STATUS.exists() and not self._done.wait(_SECONDS):
            found = re.search(r"RssAnon:\s+(\d+)", _STATUS.read_text())
            self.megabytes = max(self.megabytes, int(found[1]) / 1e3)
