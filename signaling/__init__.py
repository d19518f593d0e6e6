"""The call: signalling between two pages and the blind relay. Imports nothing of `server`."""
