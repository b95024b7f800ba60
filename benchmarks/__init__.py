"""Benchmarks: Cauce and Debian's Orthanc side by side, in one run, as ratios. `make bench` runs them."""
