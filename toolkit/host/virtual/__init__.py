"""The virtual driver: a whole Ollama host in virtual time, on a heap of events, deterministic and fast.

    host = VirtualHost(hardware, models, environment, timing=timing, footprints=footprints, profile_name="v0.32")
    host.at(0, lambda: host.submit(Ask("r1", "llama", keep_alive="30m"), on_done=print))
    host.run()

* `hardware` (`machine.HostHardware`), `models` (`ModelSpec`s), `environment` (the server's variables), `footprints`
  (what processes take) describe the host. `timing` says how long things last, see `Timing`; `Constant` is the simplest.
  With `cores` answers and loads share the processor: each is slower while others compute.
* A *client* is any code called back by `at(t_ns, callback)`, `on_served(ticket)` or `on_done(record)`. Inside a
  callback `now_ns` is the time, and `submit`, `cancel`, `unload`, `ps` and `at` may be called freely.
* `submit` takes an `Ask` and returns a `Ticket`. Whatever becomes of it, `on_done` is called exactly once with a
  `RequestRecord`, unless the run ends before. `Ask.work` is the client's own, for `Timing.service_ns`.
* `run(until_ns)` works off events up to and including that time; without it, until nothing is left to happen.

Nothing here looks at a clock or draws a random number: the same calls give the same bytes.
"""

from toolkit.host.virtual.durations import Constant, LoadPlan, LoadStart, LoadWork, Timing
from toolkit.host.virtual.host import VirtualHost
from toolkit.host.virtual.processor import Cores
from toolkit.host.virtual.records import (
    CANCELLED,
    CHAT,
    DROPPED,
    FAILED,
    OK,
    PRELOAD,
    REJECTED,
    UNLOAD,
    Ask,
    RequestRecord,
    Ticket,
)

__all__ = [
    "CANCELLED",
    "CHAT",
    "DROPPED",
    "FAILED",
    "OK",
    "PRELOAD",
    "REJECTED",
    "UNLOAD",
    "Ask",
    "Constant",
    "Cores",
    "LoadPlan",
    "LoadStart",
    "LoadWork",
    "RequestRecord",
    "Ticket",
    "Timing",
    "VirtualHost",
]
