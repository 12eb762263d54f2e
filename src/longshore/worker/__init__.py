"""The worker: feed, keeper, executors, and the supervisor above several."""
