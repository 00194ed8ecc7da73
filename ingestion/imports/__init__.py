"""Bring your own catalogue: from a file of somebody's books to a snapshot like a crawl's."""
