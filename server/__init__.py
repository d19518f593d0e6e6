"""The visit, before and after the call. Start with ``server/README.md``."""
