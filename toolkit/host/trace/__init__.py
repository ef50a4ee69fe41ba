"""Recordings of the scheduler in the golden format: read them, play them on the twin, compare, and tell the story.

`scenario` reads the input, `play` runs it on a virtual host, `recorder` writes down the events in the format of
`expected` (which `play` never sees), `check` compares, `explain` and `picture` make one scenario legible.
"""
