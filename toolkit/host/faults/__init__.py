"""Faults of a host, on purpose: what goes wrong, and when, as data; the same for the served twin and for the mock.

    plan = FaultPlan((Stall(for_ns=30_000_000_000, when=RequestWhen(path="/api/chat", nth=(2,))),), seed=7)
    plan = load_faults(Path("faults.yaml"))

A plan is a tuple of frozen records. One module a family: `severing` (refuse, reset), `delays` (stall, slow tokens),
`garbling` (half a line, wrong content type, errors), `loads` (failure, hang, out of memory), `conditions` of the
machine (slow disk, GPU memory taken, clock jump), `rivals` (another client deletes a model, or undoes an eviction),
`pulls`.
`when` says which requests or loads are meant. `injector` keeps count, `faulty_app` and `faulty_host` apply.
"""
