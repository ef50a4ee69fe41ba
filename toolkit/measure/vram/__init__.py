"""What loaded models really take: `/api/ps` and the driver against the arithmetic of `toolkit.fit`."""
