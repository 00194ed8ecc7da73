"""The champions of the registry, answered over HTTP by BentoML; the only reader of the registry."""
