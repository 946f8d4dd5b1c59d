"""Side-by-side measurements: ratios within one run, never bare numbers. `python -m benchmarks` prints the table."""
