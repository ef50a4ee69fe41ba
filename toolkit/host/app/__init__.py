"""The HTTP face of the twin: an ASGI application that answers as an Ollama server does.

    app = build_app(Services(engine, catalog, registries, speech, server_line("v0.32"), clock), guard)

A request passes `application` (routes, foreign hosts and origins), a handler (`generate`, `chat`, `embed`,
`installed`, `transfer`, `openai`, …) and `exchange`, which writes the answer with Go's framing. Handlers see the
scheduler only as an `engine.Engine`, the installed models as a `library.catalog.Catalog`, and what a model says as
`speech`. Nothing is global: several applications can live in one process.
"""
