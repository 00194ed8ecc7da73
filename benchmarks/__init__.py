"""Side-by-side measurements: ours and the plain way, in turns within one run, as ratios."""
