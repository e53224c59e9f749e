"""Adapters of the kernel's `Journal` port. The only package with SQL."""
