"""The Flask data API: books, statistics, scrape runs and the models' answers."""
