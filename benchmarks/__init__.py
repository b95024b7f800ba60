"""Benchmarks, as ratios of one run: against Debian's Orthanc, a plain script, a first page. `make bench` runs them."""
