"""``longshore demo``: the main job, done on real files."""
