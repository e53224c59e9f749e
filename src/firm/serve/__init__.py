"""HTTP: what other programs and people reach of an open firm."""
