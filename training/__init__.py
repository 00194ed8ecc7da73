"""Models from features: data set, fit, judge, register, promote; the only writer of the registry."""
