"""The scheduler of an Ollama host as a pure state machine: no clock, no I/O, no asyncio, no logging, no randomness.

Time is an integer of nanoseconds that the caller passes in; sizes are bytes. A *driver* owns the clock and the
(simulated) processes. It calls one input, performs the effects it gets back in order, and calls the next input:

    scheduler = Scheduler(gpus, settings, memory, profile=profile("v0.32"), observer=None)

    inputs (each takes `now_ns` last and returns a sequence of effects)
        submit(request, now_ns)                    a request arrives
        finish(request, now_ns)                    its answer is complete: it gives its runner up
        cancel(request, now_ns)                    its client went away, in whatever state it is
        unload(model, now_ns)                      the API's unload call (an empty prompt with keep_alive 0)
        load_done(runner, report, now_ns)          the process that StartProcess asked for is up; what it holds
        load_failed(runner, failure, now_ns)       ... or crashed
        process_ended(runner, now_ns)              the process that EndProcess asked to stop is gone
        timer(timer, now_ns)                       the time of a SetTimer has come
        out_of_memory(now_ns)                      a running process ran out of memory: every runner expires
        process_died(runner)                       a running process is gone: its next request reloads it

    effects
        StartProcess(request, runner, launch)      spawn it now; answer with load_done or load_failed
        EndProcess(runner)                         stop it; answer with process_ended when it is gone
        Serve(request, runner, path)               the request holds the runner now; call finish when it is over
        Reject(request, status, error)             the queue is full (503)
        Fail(request, status, error)               its load failed (500) or its client had gone (499)
        Drop(request)                              taken out of the queue after its client had gone: no answer
        SetTimer(due_ns, timer)                    call timer(timer, now_ns) at due_ns; never needs to be withdrawn

    questions (pure reads)
        runners()      the loaded set as `/api/ps` shows it (LoadedModel records)
        gate_closed    a process is just ending: every arrival waits, `/api/ps` would wait too
        queued         entries in the queue, cancelled ones included

`memory` (see `memory.MemoryReader`) is what the GPU driver and the operating system report; the scheduler reads.
`toolkit.host.machine.Machine` is the simulated one. Between an effect StartProcess and the next input the driver must
have told the machine, so that the next reading shows it. An input may never be called from inside another one.
A request whose client went away is ended by the scheduler itself: call `finish` only for requests that were not
cancelled. A Serve may still come for one that was cancelled while it waited at the gate; it is over by then.

A request is made with `Request(id, model, demand, keep_alive_ns)`; `demand` comes from `resolve_demand(model, options,
default_num_ctx)` and may be shared by all requests with the same model and options (sharing makes the fast path fast).
After it is over the request itself tells its story: `arrived_ns`, `queued_ns`, `dequeued_ns`, `load_start_ns`, ...,
`path`, `evictions`.

How it is built: `core` owns the inputs; `pending` is the loop that takes queued requests and loads, `completion` is the
side that handles ends of requests, timers and unloads; both are tables of transitions (`transitions`) over a shared
`state`. One module an idea for the rules: `settings`, `keep_alive`, `options`, `prediction`, `batch`, `placement`,
`mmap`, `reload`, `victims`, `recovery`, `profile`. The numbered invariants stand in docs/scheduler.md.
"""

from toolkit.host.scheduler.core import LoadedModel, Scheduler
from toolkit.host.scheduler.effects import (
    Drop,
    Effect,
    Effects,
    EndProcess,
    Fail,
    Reject,
    Serve,
    SetTimer,
    StartProcess,
    Timer,
)
from toolkit.host.scheduler.keep_alive import FOREVER_NS, KeepAliveError, parse_keep_alive
from toolkit.host.scheduler.memory import MemoryReader, RunnerReport
from toolkit.host.scheduler.options import Demand, OptionError, RunnerOptions, resolve_demand
from toolkit.host.scheduler.profile import PROFILES, Profile, profile
from toolkit.host.scheduler.requests import Eviction, Launch, LoadFailure, Request, Runner
from toolkit.host.scheduler.settings import Settings
from toolkit.host.scheduler.specs import GpuSpec, ModelSpec
from toolkit.host.scheduler.state import Observer

__all__ = [
    "FOREVER_NS",
    "PROFILES",
    "Demand",
    "Drop",
    "Effect",
    "Effects",
    "EndProcess",
    "Eviction",
    "Fail",
    "GpuSpec",
    "KeepAliveError",
    "Launch",
    "LoadFailure",
    "LoadedModel",
    "MemoryReader",
    "ModelSpec",
    "Observer",
    "OptionError",
    "Profile",
    "Reject",
    "Request",
    "Runner",
    "RunnerOptions",
    "RunnerReport",
    "Scheduler",
    "Serve",
    "SetTimer",
    "Settings",
    "StartProcess",
    "Timer",
    "parse_keep_alive",
    "profile",
    "resolve_demand",
]
