"""The run store: every run in one SQLite file, found again by id or tag.

    with open_store(path) as store:
        run = store.load("nightly")  # an id, the beginning of one, a tag, or `latest`

`docs/store.md` has the tables.
"""

from toolkit.store.connection import STORE_VARIABLE, StoreError, store_path
from toolkit.store.row import RunRow
from toolkit.store.runs import RunStore, open_store

__all__ = ["STORE_VARIABLE", "RunRow", "RunStore", "StoreError", "open_store", "store_path"]
