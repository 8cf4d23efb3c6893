"""Its place makes ``tests/`` importable, so that every folder finds ``tools``."""
