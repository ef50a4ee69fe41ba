"""What if? The gateway's own requests under other strategies: `hotswap compare` on its trace, in a process beside."""
