"""Where simulations run: in this process, in a pool of processes, or on a Dask cluster; the answers are the same."""
