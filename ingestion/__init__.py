"""From the shop's pages to the catalogue, and from the catalogue to the feature store."""
